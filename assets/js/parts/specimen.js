// The picture with the footprint of the selected and the hovered token, and a before/after slider over it.
// Options: doc, mode: "inspect" (the photo or what the model sees of it against decoded: three stages to choose from),
// "edit" (before against after, with the difference), "run".
(() => {
  const T = window.Tokenscope;
  const { el, state, geometry } = T;

  state.stage = "photo"; // which of the three is compared with, or "tokens" for that alone

  T.define("specimen", (root, { doc, mode }) => {
    const under = el("img", { alt: "", draggable: "false" });
    const over = el("img", { class: "ts-over", alt: "", draggable: "false" });
    const line = el("div", { class: "ts-line" });
    const slider = el("input", { type: "range", min: 0, max: 100, value: mode === "run" ? 0 : 50, "aria-label": mode === "edit" ? "Show before or after the edit" : "Show the photo or the decoded picture" });
    const left = el("span", { class: "ts-tag ts-l" });
    const right = el("span", { class: "ts-tag ts-r" });
    const selected = el("div", { class: "ts-ring ts-selected" });
    const hovered = el("div", { class: "ts-ring ts-hovered", hidden: true });
    const photo = mode === "inspect" ? T.photos.framed("ts-photo") : null;
    const coming = mode === "inspect" ? el("div", { class: "ts-coming", hidden: true }, el("img", { alt: "", draggable: "false" }), el("span", { class: "ts-tag ts-l", text: "your photo" })) : null;
    const picture = el("div", { class: "ts-picture" }, under, photo || "", over, line, left, right, hovered, selected, slider, coming || "");
    const caption = el("p", { class: "ts-caption" });
    const extra = mode === "edit" ? difference() : null;
    const blend = mode === "run" ? T.blendPart(() => state.docs.run?.blend || null) : null;
    const carried = mode === "inspect" ? T.carriedPart() : null;
    const stages = mode === "inspect" ? T.photoStages() : null;
    const wrap = el("div", { class: "ts-specimen" }, picture, stages || "", el("div", { class: "ts-beside" }, caption, carried, extra?.node, blend));
    root.append(wrap);
    if (mode === "inspect") T.errorLayer?.(picture);
    const split = () => picture.style.setProperty("--split", `${slider.value}%`);
    slider.addEventListener("input", split);
    split();
    if (mode === "run") for (const part of [line, slider, left]) part.hidden = true;

    function difference() {
      const before = el("img", { alt: "Picture before the edits", draggable: "false" });
      const map = el("img", { alt: "Difference: blue darker, red lighter than before the edits", draggable: "false" });
      const bar = el("div", { class: "ts-scalebar" });
      const ends = el("div", {}, el("span", { class: "ts-num" }), el("span", { text: "difference" }), el("span", { class: "ts-num" }));
      const none = el("p", { class: "ts-none", text: "None yet" });
      const frame = (...parts) => el("div", { class: "ts-frame-picture" }, parts);
      const node = el("div", { class: "ts-pair" },
        el("figure", {}, frame(before), el("figcaption", { text: "Before the edits" })),
        el("figure", {}, frame(map, none), bar, ends));
      return { node, before, map, none, bar, ends };
    }

    const scales = () => state.docs[doc]?.scales || [];
    const source = (image, uri) => { image.hidden = !uri; if (uri && image.getAttribute("src") !== uri) image.src = uri; };

    function draw() {
      const view = state.docs[doc];
      if (!view) return;
      const last = scales().reduce((found, scale, k) => (scale.image ? k : found), -1);
      const k = state.upto[doc] === null ? last : Math.min(state.upto[doc], last);
      const whole = k === scales().length - 1 && mode === "run" && T.blends.shows(view);
      const decoded = whole ? view.blend.image : k >= 0 ? scales()[k].image : "";
      wrap.style.setProperty("--ratio", view.ratio || 1);
      const shown = view.order === "raster" ? tokens(view) : k === scales().length - 1 ? "all scales" : k === 0 ? "scale 1 only" : `scales 1 to ${k + 1}`;
      const upto = scales()[k]?.preview ? `preview, ${shown}` : whole ? `${shown}, outside kept` : shown;
      const first = mode === "inspect" ? view.input || decoded : mode === "edit" ? view.before : decoded;
      source(under, first);
      source(over, decoded);
      const sharp = mode === "inspect" ? T.photos.of(view) : null;
      const from = mode === "inspect" ? fromTokens(k) : "";
      const stage = stages ? stages.show({ view, sharp, decoded, from }) : "";
      if (photo) { photo.hidden = stage !== "photo"; photo.show(stage === "photo" ? sharp : null); }
      left.textContent = mode === "edit" ? "before" : stage === "photo" ? sharp.words : "what the model sees";
      right.textContent = mode === "edit" ? "after" : from || upto;
      const plain = mode === "run" || (mode === "inspect" && (!view.input || stage === "tokens"));
      for (const part of [line, slider, left]) part.hidden = plain;
      if (plain) picture.style.setProperty("--split", "0%"); else split();
      const what = mode === "edit" ? "Picture before and after the edits" : mode === "run" ? "Generated picture" : plain ? "Decoded picture" : `${stage === "photo" ? "Photo" : "What the model sees"} and decoded picture`;
      over.alt = `${what}, ${upto}: ${view.title || ""}`;
      caption.replaceChildren(el("b", { text: view.title || "" }), view.credit ? `, ${view.credit}. ` : " ", view.note || "");
      carried?.show(view);
      if (extra) {
        source(extra.before, view.before);
        const some = view.difference?.mean > 0;
        source(extra.map, some ? view.difference.image : "");
        extra.none.hidden = some;
        extra.bar.style.background = view.difference?.gradient || "none";
        const limit = view.difference?.limit || 0;
        extra.ends.firstChild.textContent = `−${T.number(limit, 2)}`;
        extra.ends.lastChild.textContent = `+${T.number(limit, 2)}`;
      }
    }

    // "from 14 tokens"
    const fromTokens = (k) => (k < 0 ? "" : `from ${T.count(scales().slice(0, k + 1).reduce((sum, { h, w }) => sum + h * w, 0), "token")}`);
    function arrives() {
      const next = state.arriving;
      coming.hidden = !next;
      if (!next) return;
      coming.firstChild.src = next.url;
      coming.firstChild.alt = "Your photo, which is being read";
      coming.firstChild.style.objectFit = state.docs.session?.fit === "letterbox" ? "contain" : "cover";
    }

    // of a run that goes token by token
    const tokens = (view) => {
      const step = view.at || scales()[0].step || view.done;
      return step === view.total ? "all tokens" : `step ${step} of ${view.total}`;
    };

    function rings() {
      const chosen = scales()[state.selection.k];
      selected.hidden = !chosen;
      if (chosen) geometry.ringStyle(selected, geometry.footprint(chosen, state.selection.i, state.selection.j));
      const where = state.hover && scales()[state.hover.k];
      hovered.hidden = !where;
      if (where) geometry.ringStyle(hovered, geometry.footprint(where, state.hover.i, state.hover.j));
    }

    // the picture answers the pointer with the cell of the focused scale
    function placeAt(event) {
      const scale = scales()[state.selection.k];
      if (!scale) return null;
      const box = picture.getBoundingClientRect();
      const clamp = (v, n) => Math.max(0, Math.min(n - 1, Math.floor(v * n)));
      return { k: state.selection.k, i: clamp((event.clientY - box.top) / box.height, scale.h), j: clamp((event.clientX - box.left) / box.width, scale.w) };
    }
    picture.addEventListener("pointermove", (event) => { if (event.target !== slider) T.set({ hover: placeAt(event) }); });
    picture.addEventListener("pointerleave", () => T.set({ hover: null }));
    picture.addEventListener("click", (event) => {
      const place = event.target !== slider && placeAt(event);
      if (place) T.select({ ...place, cells: [place.i * scales()[place.k].w + place.j] });
    });

    T.subscribe(root, ["docs", "upto", "selection", "hover", "ownPicture", "stage", "photos", "arriving"], (keys) => {
      if (["docs", "upto", "ownPicture", "stage", "photos"].some((key) => keys.has(key))) draw();
      if (coming && keys.has("arriving")) arrives();
      if (keys.has("docs") || keys.has("ownPicture")) blend?.show();
      rings();
    });
  });
})();
