// Where pictures come from: samples, a file, the clipboard, a drop anywhere on the page; and how they are fitted.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;
  const FITS = [
    { value: "crop", text: "Crop", tip: "The largest centred square, scaled to the model's size." },
    { value: "letterbox", text: "Letterbox", tip: "The whole picture, scaled to fit, with a grey margin." },
    { value: "reference", text: "Reference", tip: "The preprocessing of the model family's own authors." },
  ];

  // uploads a picture and opens it, or hands {path, name} on; a sentence when that cannot be done
  T.sendPicture = send;
  async function send(file, then = null) {
    if (!file) return;
    const limit = state.model.upload_mb;
    if (file.size > limit * 1024 * 1024) {
      return T.problem(`This file has ${(file.size / 1024 / 1024).toFixed(0)} MB; at most ${limit} MB can be uploaded. Save it smaller and try again.`);
    }
    T.set({ busy: "Uploading the picture" });
    const photo = then ? null : T.photos.take(file);
    try {
      const sent = await T.link.upload(file);
      if (!sent?.path) throw new Error("no path");
      const picture = { path: sent.path, name: file.name.slice(0, 120) };
      if (then) then(picture); else T.link.act("upload", picture, photo);
    } catch {
      T.set({ busy: null });
      T.photos.settled();
      T.problem(`The picture could not be uploaded. Check that it is a file of at most ${limit} MB and try again; what you had is unchanged.`);
    }
  }

  T.define("sources", (root) => {
    const samples = el("div", { class: "ts-samples" });
    const input = el("input", { type: "file", accept: "image/*", class: "ts-hidden", "aria-label": "Picture to upload", tabindex: "-1", onchange: () => { send(input.files[0]); input.value = ""; } });
    const fit = T.segment("How the picture is fitted", FITS, (value) => T.link.act("fit", { fit: value }));
    const fitting = el("section", {}, el("div", { class: "ts-head" }, el("h2", {}, T.term("Fit", "The model reads pictures of one size. This says how yours is brought to it."))), fit);
    root.append(el("div", { style: { display: "grid", gap: "16px" } }, fitting,
      el("section", {}, el("div", { class: "ts-head" }, el("h2", { text: "Another picture" })), samples,
        el("div", { class: "ts-row", style: { "margin-top": "12px" } }, input,
          el("button", { type: "button", class: "ts-button", text: "Upload a picture", onclick: () => input.click() }),
          el("span", { class: "ts-caption", text: "or paste one, or drop it anywhere" })))));
    let built = false;
    T.subscribe(root, ["model", "docs"], () => {
      const view = state.docs.session;
      if (!built && state.model?.samples) {
        built = true;
        samples.append(...state.model.samples.map((sample) => el("button", {
          type: "button", "data-name": sample.name, "aria-label": `${sample.title}, ${sample.credit}`, "data-tip": `${sample.title}, ${sample.credit}`, onclick: () => T.link.act("sample", { name: sample.name }),
        }, el("img", { src: sample.image, alt: "" }))));
      }
      fitting.hidden = !view?.fit;
      fit.show(view?.fit);
      for (const button of samples.children) button.setAttribute("aria-pressed", button.dataset.name === view?.sample);
    });
  });

  T.listenForPictures = () => {
    const veil = el("div", { class: "ts-drop", text: "Drop a picture to open it, or a zip of pictures to count its codes" });
    let depth = 0;
    const files = (event) => event.dataTransfer?.types?.includes("Files");
    addEventListener("paste", (event) => {
      const file = [...(event.clipboardData?.files || [])][0];
      if (file) { event.preventDefault(); T.openTab("Inspect"); send(file); }
    });
    addEventListener("dragenter", (event) => { if (files(event) && !depth++) document.body.append(veil); });
    addEventListener("dragleave", (event) => { if (files(event) && !--depth) veil.remove(); });
    addEventListener("dragover", (event) => { if (files(event)) event.preventDefault(); });
    addEventListener("drop", (event) => {
      if (!files(event)) return;
      event.preventDefault();
      depth = 0;
      veil.remove();
      const file = event.dataTransfer.files[0];
      if (T.isZip(file)) { T.openTab("Codebook"); return T.codebook.countZip(file); }
      T.openTab("Inspect");
      send(file);
    });
  };
})();
