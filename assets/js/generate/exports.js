// Take a picture along: moving pictures, contact sheets, tokens, script. The browser sends token ids and settings, the
// server decodes them again and answers with one file. Counterpart: explorer/ui/generate/run_exporting.py.
// T.saveRun(what, doc) saves a run document (default: the one of Generate); T.exportRow(get) builds the buttons for
// whatever document get() gives, for parts that show runs of their own.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;
  const PATIENCE = 120000;
  const SETTINGS = ["guidance", "top_k", "top_p", "temperature"];
  let send = null;
  let cancel = () => {};
  let job = null;
  let timer = 0;

  const MOVING = [
    { what: "webp", text: "WebP", name: "Animated WebP", tip: "One picture after each step, coarse to fine, as a looping animation that carries its tokens. Every pixel is exact where the file stays below 8 MB." },
    { what: "gif", text: "GIF", name: "Animated GIF", tip: "The same animation for programs that know no WebP: 256 colours in each picture." },
  ];
  const STILL = [
    { what: "png", text: "Picture", tip: "The picture as you see it, as a PNG file of the model's size. The file carries its tokens: its pixels alone, tokenized again, would give others." },
    { what: "sheet", text: "Contact sheet", tip: "Every step side by side, with its token map, its grid, and how long it took where that was measured." },
    { what: "gallery", text: "All seeds", name: "Contact sheet of all seeds", tip: "The finished pictures of all seeds on one sheet." },
  ];
  const DATA = [
    { what: "npz", text: "Tokens", tip: "All token maps as a NumPy .npz file; `python -m explorer decode` reads it." },
    { what: "json", text: "JSON", name: "Tokens as JSON", tip: "All token maps as text: nested lists of whole numbers." },
    { what: "py", text: "Script", tip: "A short Python program that makes this very picture again." },
  ];
  const GROUPS = [["Moving", MOVING], ["Still", STILL], ["Data", DATA]];
  const OWN = ["webp", "gif", "sheet"]; // of the session's picture; Edit's action "export" makes the rest

  // state.saving: {what, done, total} while a file is made, or {what, problem}; null otherwise
  state.saving = null;
  const busy = () => Boolean(state.saving && !state.saving.problem);

  function ask(message) {
    if (busy()) return;
    job = `${Date.now()}-${Math.random().toString(36).slice(2, 8)}`;
    wait();
    T.set({ saving: { what: message.what, done: 0, total: 0 } });
    send({ job, ...message });
  }
  function wait() {
    clearTimeout(timer);
    timer = setTimeout(() => { if (busy()) stop("The server has not answered for two minutes. Try again, or reload the page."); }, PATIENCE);
  }
  function stop(problem = null) {
    clearTimeout(timer);
    cancel(job);
    job = null;
    T.set({ saving: problem ? { what: state.saving.what, problem } : null });
  }
  function receive(view) {
    if (!view || view.job !== job) return; // of a file that is no longer wanted
    if (view.problem) { clearTimeout(timer); job = null; return T.set({ saving: { ...state.saving, problem: view.problem } }); }
    if (!view.file) { wait(); return T.set({ saving: { ...state.saving, done: view.done, total: view.total } }); }
    clearTimeout(timer);
    job = null;
    T.saveFile(view.file);
    T.set({ saving: null });
  }
  T.connectSaver = ({ props, watch, server, save }) => {
    send = save;
    cancel = (one) => { if (one) server.cancel_save(one).catch(() => null); };
    watch("value", () => receive(props.value));
  };

  // a run document as the message that asks for it again, with the tokens it has
  function message(doc) {
    const maps = doc.scales.map((scale) => scale.ids);
    const kept = doc.scales.some((scale) => scale.kept);
    return {
      order: doc.order ?? null, label: doc.label ?? "", seed: doc.seed, note: doc.phrase || "", maps,
      ...Object.fromEntries(SETTINGS.map((name) => [name, doc.settings?.[name]]).filter(([, value]) => value !== undefined)),
      given: kept ? maps : null,
      keep: kept ? { cells: doc.scales.map((scale) => scale.kept || scale.ids.map(() => 0)) } : null,
      seconds: doc.times || doc.scales.map((scale) => scale.seconds ?? null),
      gallery: (doc.rows || []).map(({ seed, ids }) => ({ seed, maps: ids })),
    };
  }
  // a painted picture is saved as it is shown; the server knows the model's own one only
  function blended(doc) {
    const [head, data] = doc.blend.image.split(","), mime = head.slice(5).split(";")[0];
    T.saveFile({ name: `${doc.title.replaceAll(/[^\w-]+/g, "_").slice(0, 60)}_outside_kept.${mime.split("/")[1]}`, mime, data });
  }
  T.saveRun = (what, doc = state.docs.run) => {
    if (!doc) return;
    if (what === "png" && T.blends.shows(doc)) return blended(doc);
    ask({ what, ...message(doc) });
  };
  const saveSession = (what) => (OWN.includes(what) ? ask({ what, doc: "session" }) : T.link.act("export", { what }));

  // buttons for the document that get() gives; node.show() looks at it again
  T.exportRow = (get, save = (what) => T.saveRun(what, get())) => {
    const button = ({ what, text, name, tip }) => el("button", { type: "button", class: "ts-button", text, "aria-label": name, "data-what": what, "data-tip": tip, onclick: () => save(what) });
    const groups = GROUPS.flatMap(([title, kinds]) => [el("span", { class: "ts-muted", text: title }), el("div", { class: "ts-row", role: "group", "aria-label": title }, kinds.map(button))]);
    const says = el("p", { class: "ts-caption", role: "status" });
    const halt = el("button", { type: "button", class: "ts-button ts-plain", text: "Cancel", onclick: () => stop() });
    const failed = el("p", { class: "ts-failed", role: "alert", hidden: true });
    const painted = el("p", { class: "ts-caption", hidden: true, text: "“Picture” saves what you see, the pixels outside kept. Animation, sheet and script show the model's own picture." });
    const line = el("div", { class: "ts-saving", hidden: true }, says, halt);
    const node = el("div", { class: "ts-take" }, groups, painted, line, failed);
    node.show = () => {
      const doc = get();
      const drawn = Boolean(doc?.scales?.some((scale) => scale.ids?.some((id) => id >= 0)));
      for (const one of node.querySelectorAll("[data-what]")) {
        one.disabled = !drawn || busy();
        one.hidden = one.dataset.what === "gallery" && !(doc?.rows?.length > 1 && doc.status !== "running");
      }
      const { saving } = state;
      painted.hidden = !T.blends.shows(doc);
      line.hidden = !busy();
      says.textContent = !busy() ? "" : saving.total ? `Making the file: step ${saving.done} of ${saving.total} …` : "Making the file …";
      failed.hidden = !saving?.problem;
      failed.textContent = saving?.problem || "";
    };
    node.show();
    return node;
  };

  const part = (of, save) => (root) => {
    const row = T.exportRow(() => state.docs[of], save);
    root.append(el("div", { class: "ts-head" }, el("h2", { text: "Take it along" })), row);
    T.subscribe(root, ["docs", "saving", "ownPicture"], row.show);
  };
  T.define("run-exports", part("run"));
  T.define("exports", part("session", saveSession));
})();
