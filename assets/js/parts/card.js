// The code card: everything about the selected token or code. Options: doc, replace (the lists put codes into the picture).
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;
  const known = new Map(); // code -> promise of its card; one picture of a code never changes while the model stays

  const ask = (code) => {
    const key = `${state.model?.name}:${code}`;
    if (!known.has(key)) known.set(key, T.link.card(code).then((card) => { if (!card) known.delete(key); return card; }));
    return known.get(key);
  };
  const pictures = new Map(); // scale (from 1, null: the finest) and code -> {swatch, colour}
  async function swatches(codes, scale = null) {
    const missing = codes.filter((code) => !pictures.has(`${scale} ${code}`));
    if (missing.length) for (const found of (await T.link.swatches(missing, scale)) || []) pictures.set(`${scale} ${found.id}`, found);
    return codes.map((code) => pictures.get(`${scale} ${code}`));
  }
  T.swatchOf = async (code) => (await swatches([code]))[0]?.swatch;

  T.define("card", (root, { doc, replace = false }) => {
    const body = el("div", { class: `ts-card${replace ? " ts-edit-card" : ""}` });
    // on a phone the card is a sheet at the bottom, closed to its first lines
    const handle = el("button", { type: "button", class: "ts-handle", onclick: () => open(!sheet.classList.contains("ts-open")) });
    const sheet = el("div", { class: "ts-sheet" }, handle, body);
    const open = (on) => {
      sheet.classList.toggle("ts-open", on);
      handle.setAttribute("aria-expanded", on);
      handle.textContent = on ? "Less" : "More about this code";
    };
    open(false);
    root.append(sheet);
    let list = replace ? "place" : "code"; // which neighbours: of the code, or at this place
    let asked = 0;

    const scales = () => state.docs[doc]?.scales || [];
    const scaleOf = () => (state.selection.code === null && scales()[state.selection.k] ? state.selection.k + 1 : null); // as its token's squares look
    const shown = () => (state.selection.code !== null ? state.selection.code : T.codeAt(doc, state.selection));

    async function draw() {
      const ticket = ++asked;
      const code = shown();
      body.removeAttribute("aria-busy");
      if (code === null) {
        body.replaceChildren(el("p", { class: "ts-empty-state", text: scales().length ? "No token here yet. Choose one of the squares." : "Choose a token to see which code it stands for." }));
        return;
      }
      body.setAttribute("aria-busy", "true"); // what stands there belongs to the selection before
      const card = await ask(code);
      if (ticket !== asked) return; // a newer selection is on its way
      if (!card) {
        body.removeAttribute("aria-busy");
        body.replaceChildren(el("p", { class: "ts-empty-state", text: `Code ${code} could not be looked up; the server may be busy. Choose the token again.` }));
        return;
      }
      const [own] = await swatches([code], scaleOf());
      if (ticket !== asked) return;
      const focus = body.contains(document.activeElement) ? document.activeElement.dataset.key : null;
      const near = await neighbours(card, ticket);
      if (ticket !== asked) return;
      const parts = [facts(card), near, T.exemplars.section(doc, card.id, replace), usage(card)].filter(Boolean);
      const head = identity({ ...card, swatch: own?.swatch || card.swatch });
      if (replace) around(head, parts, card);
      else body.replaceChildren(head, ...parts);
      body.removeAttribute("aria-busy");
      if (focus && !body.contains(document.activeElement)) body.querySelector(`[data-key="${focus}"]`)?.focus();
    }

    function identity(card) {
      const { k, i, j } = state.selection;
      const where = state.selection.code !== null
        ? el("button", { type: "button", class: "ts-button ts-plain", style: { "margin-left": "-8px" }, text: "Back to the selected token", onclick: () => T.set({ selection: { ...state.selection, code: null } }) })
        : el("span", { class: "ts-muted", text: `Scale ${k + 1}, row ${i + 1}, column ${j + 1}` });
      const swatch = card.swatch
        ? el("img", { class: "ts-swatch", src: card.swatch, alt: `Code ${card.id} decoded alone` })
        : el("span", { class: "ts-swatch", style: { "--c": card.colour } });
      return el("div", { class: "ts-id" }, swatch, el("div", {},
        T.term("Code", "One row of the codebook, the table of vectors that tokens point to. The square shows what it decodes to when nothing else is there, at the scale of its token."),
        el("strong", { text: card.id }), where,
        el("span", { class: "ts-kind" }, el("i", { style: { "--c": card.colour } }), T.term("Kind", "The colour of this code where squares show Kind: similar codes have similar colours. A label, not what the code looks like."))));
    }

    function facts(card) {
      const { k, i, j } = state.selection;
      const scale = scales()[k];
      const n = scale ? i * scale.w + j : 0;
      const rows = [];
      const add = (label, value) => rows.push(el("dt", {}, label), el("dd", { text: value }));
      const place = state.selection.code === null && scale;
      if (place && scale.distance && !scale.changed?.[n]) {
        add(T.colourModes.margins()
          ? T.term("Logit margin", "By how much this code's logit exceeds every other code's. The tokenizer takes the code with the largest logit; nothing is compared by distance.")
          : T.term("Distance", "How far this code lies from the vector it stands for. The tokenizer takes the code with the smallest distance."), T.number(scale.distance[n], 3));
      }
      if (place && scale.unexplained) {
        add(T.term("Scale leaves", "Of the whole scale, not of this token: the share of the picture's features that is not described before this scale, and after it."), `${T.number(100 * scale.unexplained[0])} → ${T.number(100 * scale.unexplained[1])} %`);
      }
      add(T.term("Norm", "Length of the code's vector."), T.number(card.norm, 2));
      if (place) add("Covers", `${+(state.docs[doc].size[0] / scale.h).toFixed(1)} × ${+(state.docs[doc].size[1] / scale.w).toFixed(1)} px`);
      return el("dl", { class: "ts-facts" }, rows);
    }

    // the field stays the same element, so that what is being typed survives the arrival of a card
    const input = el("input", { class: "ts-field", type: "number", min: 0, "data-key": "typed", "aria-label": "Code to put in" });
    const put = () => T.edit.replace(input.value === "" ? null : Number(input.value));
    input.addEventListener("keydown", (event) => { if (event.key === "Enter") put(); });
    const go = el("button", { type: "button", class: "ts-button ts-main", "data-key": "put", onclick: put });
    const typing = el("div", { class: "ts-row" }, input, go);
    function around(before, after, card) {
      const { cells, others } = state.selection;
      const many = Object.values(others || {}).reduce((sum, list) => sum + list.length, cells?.length || 1);
      Object.assign(input, { max: (state.model?.codes || 1) - 1, placeholder: String(card.id) });
      go.textContent = many > 1 ? `Replace ${many} tokens` : "Replace this token";
      if (typing.parentNode !== body) return body.replaceChildren(before, typing, ...after);
      for (const child of [...body.children]) if (child !== typing) child.remove();
      typing.before(before);
      typing.after(...after);
    }

    async function neighbours(card, ticket) {
      const { k, i, j } = state.selection;
      const scale = scales()[k];
      const n = scale ? i * scale.w + j : 0;
      const near = state.selection.code === null ? scale?.near : null;
      const local = list === "place" && near;
      const listed = local ? near.ids[n].map((id, index) => ({ id, distance: near.distance[n][index] })) : card.near;
      const cards = await swatches(listed.map(({ id }) => id), scaleOf());
      if (ticket !== asked) return null;
      const codes = listed.map((one, index) => ({ ...one, swatch: cards[index]?.swatch || one.swatch, colour: cards[index]?.colour || one.colour }));
      const now = T.codeAt(doc, state.selection);
      const behind = local && T.colourModes.margins();
      const buttons = codes.map((other) => el("button", {
        type: "button", "data-key": `near-${other.id}`, "aria-pressed": other.id === now,
        "aria-label": `${replace ? "Replace by code" : "Look at code"} ${other.id}, ${behind ? "logit below the largest by" : "distance"} ${T.number(other.distance, 2)}`,
        onclick: () => (replace ? T.edit.replace(other.id) : T.set({ selection: { ...state.selection, code: other.id } })),
      }, other.swatch ? el("img", { class: "ts-swatch", src: other.swatch, alt: "" }) : el("span", { class: "ts-swatch", style: { "--c": other.colour } }),
      el("span", { class: "ts-num", text: other.id }), el("span", { class: "ts-num ts-muted", text: T.number(other.distance, 2) })));
      const choice = T.segment("Which codes", [
        { value: "place", text: "Fits here", tip: "The codes closest to what this token stands for: the next best choices of the tokenizer." },
        { value: "code", text: "Similar", tip: "The codes whose vectors lie closest to this code's vector." },
      ], (value) => { list = value; draw(); });
      choice.show(local ? "place" : "code");
      return el("section", { class: "ts-neighbours" },
        el("div", { class: "ts-head" }, el("h3", { text: replace ? "Replace by" : "Nearest codes" }), near ? choice : null),
        el("div", { class: "ts-codes" }, buttons),
        el("p", { class: "ts-caption", text: behind ? "Below each square: code number, how far its logit lies below the largest." : "Below each square: code number, distance." }));
    }

    function usage(card) {
      if (!card.usage) return null;
      const top = Math.max(...card.usage, 1e-9);
      const bars = card.usage.map((value, k) => el("div", { class: k === state.selection.k ? "ts-here" : "", "data-tip": `Scale ${k + 1}: ${card.usage_text[k]}` }, el("i", { style: { "--v": `${(34 * value) / top}px` } }), el("span", { text: k + 1 })));
      return el("section", {}, el("div", { class: "ts-head" }, el("h3", {}, T.term("Use by scale", `Share of the tokens of each scale that are this code, over ${card.usage_of}.`)), el("span", { class: "ts-caption ts-num", text: card.usage_peak })),
        el("div", { class: "ts-bars", style: { "--count": bars.length }, role: "img", "aria-label": `Use by scale: ${card.usage_text.join(", ")}` }, bars));
    }

    T.subscribe(root, ["docs", "selection", "model"], draw);
  });
})();
