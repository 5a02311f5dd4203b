// Learn's own figures about the picture in the session: distances to the nearest codes, a palette of other codes, two
// codes side by side, what the scales explain, what the models' cards say.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;
  const { number, count } = T;
  const scales = () => state.docs.session?.scales || [];
  const place = () => { const { k, i, j } = state.selection, scale = scales()[k]; return scale && i < scale.h && j < scale.w ? { k, i, j, n: i * scale.w + j, scale } : null; };
  const where = ({ k, i, j }) => `${scales().length > 1 ? `scale ${k + 1}, ` : ""}row ${i + 1}, column ${j + 1}`;

  const pictures = new Map(); // code -> promise of its swatch; a code always looks the same alone
  const swatchOf = (code) => { if (!pictures.has(code)) pictures.set(code, T.swatchOf(code)); return pictures.get(code); };
  // a square that shows a code alone, as soon as its picture has come
  function swatch(code, size = "") {
    const image = el("img", { class: `ts-swatch ${size}`, alt: "" });
    swatchOf(code).then((uri) => { if (uri) image.src = uri; else pictures.delete(code); });
    return image;
  }
  // what the last replacement did, and a way back; the same line under both lists of codes
  function outcome(root) {
    const text = el("span");
    const undo = el("button", { type: "button", class: "ts-button", text: "Undo", onclick: () => { T.set({ learnMoved: null }); T.link.act("undo", {}); } });
    const reset = el("button", { type: "button", class: "ts-button ts-plain", text: "Put all tokens back", onclick: () => { T.set({ learnMoved: null }); T.link.act("reset", {}); } });
    const node = el("div", { class: "ts-outcome" }, el("p", { role: "status" }, text), el("div", { class: "ts-row" }, undo, reset));
    T.subscribe(root, ["learnMoved", "docs"], () => { // not the line itself: what is hidden is not drawn
      const edit = state.docs.session?.edit;
      text.textContent = state.learnMoved?.sentence || (edit?.changed ? `${count(edit.changed, "token")} of this picture ${edit.changed === 1 ? "is" : "are"} changed.` : "");
      undo.hidden = !edit?.undo || !edit?.changed;
      reset.hidden = !edit?.changed;
      node.hidden = !text.textContent;
    });
    return node;
  }

  T.define("learn-distances", (root) => {
    const title = el("h3");
    const list = el("div", { class: "ts-distances", role: "group", "aria-label": "Nearest codes" });
    const note = el("p", { class: "ts-caption", text: "A bar is the distance between the code and what this square has to describe; shorter is closer. Press a bar to put its code into the picture; it is taken out again when you turn the page." });
    const empty = el("div", { class: "ts-empty-state" }, el("p", { text: "This picture was written by a generator: its tokens were drawn, not measured, so there are no distances." }),
      el("button", { type: "button", class: "ts-button", text: "Open a photo", onclick: () => T.link.act("sample", { name: state.model.samples.at(-1).name }) }));
    root.append(el("div", { class: "ts-head" }, title), list, note, outcome(root), empty);
    let drawn = "";
    T.subscribe(root, ["docs", "selection"], () => {
      const here = place(), near = here?.scale.near;
      empty.hidden = Boolean(near) || !here;
      list.hidden = note.hidden = !near;
      title.textContent = near ? `The ${near.ids[here.n].length} nearest of ${state.model.codes.toLocaleString("en")} codes, ${where(here)}` : "";
      if (!near) return;
      const now = here.scale.ids[here.n];
      const key = `${state.docs.session.picture} ${here.k} ${here.n} ${now}`;
      if (key === drawn) return;
      drawn = key;
      const ids = near.ids[here.n], distances = near.distance[here.n], top = Math.max(...distances, 1e-9);
      const focus = list.contains(document.activeElement) ? [...list.children].indexOf(document.activeElement) : -1;
      const rank = (n) => ["nearest", "second", "third"][n] || `${n + 1}th`;
      list.replaceChildren(...ids.map((code, n) => el("button", {
        type: "button", class: "ts-distance", "aria-pressed": String(code === now), onclick: () => T.learn.replace({ k: here.k, i: here.i, j: here.j }, code),
        "aria-label": `${rank(n)}: code ${code}, distance ${number(distances[n], 3)}${code === now ? ", in the picture now" : ". Put it into the picture"}`,
      }, swatch(code), el("span", { class: "ts-num", text: code }), el("span", { class: "ts-bar-track" }, el("i", { style: { "--v": `${(100 * distances[n]) / top}%` } })),
      el("span", { class: "ts-num", text: number(distances[n], 3) }), el("span", { class: "ts-muted", text: code === now ? (n ? "now here" : "its token") : n ? "" : "was here" }))));
      list.children[focus]?.focus();
    });
  });

  T.define("learn-palette", (root) => {
    const title = el("h3");
    const list = el("div", { class: "ts-palette", role: "group", "aria-label": "Codes to put in" });
    let turn = 0;
    const others = el("button", { type: "button", class: "ts-button ts-plain", text: "Other codes", onclick: () => { turn += 1; fill(); } });
    root.append(el("div", { class: "ts-head" }, title, others), list,
      el("p", { class: "ts-caption", text: "Codes from all over the codebook. A square shows what a code looks like when nothing else is there. What you put in is taken out again when you turn the page." }), outcome(root));
    const SHOWN = 10;
    let filled = "";
    function fill() {
      const { codes } = state.model;
      const step = Math.max(1, Math.floor(codes / SHOWN));
      const chosen = [...new Set(Array.from({ length: Math.min(SHOWN, codes) }, (_, n) => (Math.floor(step * (n + 0.5)) + 37 * turn) % codes))];
      list.replaceChildren(...chosen.map((code) => el("button", {
        type: "button", "data-code": code, "aria-label": `Put code ${code} there`, onclick: () => { const here = place(); if (here) T.learn.replace({ k: here.k, i: here.i, j: here.j }, code); },
      }, swatch(code), el("span", { class: "ts-num", text: code }))));
    }
    T.subscribe(root, ["docs", "selection", "model"], () => {
      const here = place();
      if (state.model && filled !== state.model.sha256) { filled = state.model.sha256; fill(); }
      title.textContent = here ? `Put another code at ${where(here)}` : "Choose a square first";
      const now = here?.scale.ids[here.n];
      for (const button of list.children) button.setAttribute("aria-pressed", String(Number(button.dataset.code) === now));
    });
  });

  T.define("learn-codes", (root) => {
    const body = el("div", { class: "ts-two-codes" });
    const between = el("p", { class: "ts-caption" });
    root.append(el("div", { class: "ts-head" }, el("h3", { text: "Your two codes" })), body, between);
    T.subscribe(root, ["learnCodes", "learn"], () => {
      const { codes = [], distance, nearest } = state.learnCodes || {};
      body.replaceChildren(...[0, 1].map((n) => el("figure", {}, codes[n] === undefined ? el("div", { class: "ts-swatch ts-none-yet" }) : swatch(codes[n]),
        el("figcaption", { class: "ts-num", text: codes[n] === undefined ? `dot ${n + 1}` : `code ${codes[n]}` }))));
      between.textContent = distance !== null && distance !== undefined
        ? `Distance ${number(distance, 2)} between the two lists of numbers. For comparison: from code ${codes[1]} to its nearest code, ${nearest.id}, it is ${number(nearest.distance, 2)}.`
        : "Each square shows what the code looks like when nothing else is there.";
    });
  });

  T.define("learn-energy", (root) => {
    const title = el("h3");
    const bar = el("div", { class: "ts-energy", role: "img" });
    const note = el("p", { class: "ts-caption" }, "The whole bar is the ", T.term("energy", "The mean square of the numbers in the features."), " of the picture's features: what has to be described. A step is what one scale adds; the striped rest is still missing.");
    const edited = el("div", { class: "ts-outcome" }, el("p", { text: "Tokens of this picture are changed; the bar is about its own tokens." }), el("button", { type: "button", class: "ts-button", text: "Put them back", onclick: () => T.link.act("reset", {}) }));
    root.append(el("div", { class: "ts-head" }, title), bar, note, edited);
    T.subscribe(root, ["docs", "upto", "measures"], () => {
      const K = scales().length, upto = Math.min(state.upto.session ?? K - 1, K - 1);
      edited.hidden = !state.docs.session?.edit?.changed;
      const left = scales().map((_, k) => T.learn.left(k));
      bar.hidden = note.hidden = !K || left[0] === null;
      if (bar.hidden) { title.textContent = K ? "For this picture there is no record of what each scale explains." : "Open a picture to see what its scales explain."; return; }
      let from = 1;
      const parts = left.slice(0, upto + 1).map((rest, k) => {
        const width = Math.max(0, from - Math.min(1, rest));
        from = Math.min(from, rest);
        return el("div", { class: `ts-energy-part${k === upto ? " ts-here" : ""}`, style: { "--v": `${100 * width}%` } }, width > 0.035 ? el("span", { class: "ts-num", text: k + 1 }) : null);
      });
      bar.replaceChildren(...parts, el("div", { class: "ts-energy-rest" }));
      const psnr = scales()[upto].psnr;
      title.textContent = `${upto ? `Scales 1 to ${upto + 1} together` : "Scale 1 alone"}: ${T.learn.percent(left[upto])} still unexplained${psnr === null || psnr === undefined ? "" : `, ${number(psnr)} dB PSNR`}`;
      bar.setAttribute("aria-label", left.slice(0, upto + 1).map((rest, k) => `after scale ${k + 1}, ${T.learn.percent(rest)} unexplained`).join("; "));
    });
  });

  T.define("learn-facts", (root) => {
    const list = el("dl", { class: "ts-card-facts" });
    const none = el("p", { class: "ts-caption", text: "The loaded models have no card that tells more about them." });
    root.append(el("div", { class: "ts-head" }, el("h3", { text: "What the cards of the loaded models say" })), list, none);
    T.subscribe(root, ["learn"], () => {
      const { facts } = state.learn;
      none.hidden = facts.length > 0;
      list.replaceChildren(...facts.map(({ name, value, about }) => el("div", {}, el("dt", { text: name }), el("dd", {}, el(about ? "b" : "span", { text: value }), about ? el("span", { class: "ts-caption", text: about }) : null))));
    });
  });
})();
