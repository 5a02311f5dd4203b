// The tools of Edit: select, paint, pick up; policy for finer scales; undo, redo, reset.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;

  // the selection as Python wants it: scales from 1, other scales only where the code was selected everywhere
  function chosen() {
    const { k, i, j, cells, others } = state.selection;
    const more = Object.entries(others || {}).map(([scale, list]) => ({ scale: Number(scale) + 1, cells: list }));
    return { scale: k + 1, cells: cells?.length ? cells : [i * state.docs.session.scales[k].w + j], others: more };
  }
  T.chosenTokens = chosen;

  // what pyramid and card call
  T.edit = {
    replace(code) {
      const scale = state.docs.session?.scales[state.selection.k];
      if (!scale) return;
      if (code === null || !Number.isInteger(code) || code < 0 || code >= state.model.codes) {
        return T.problem(state.tool === "paint" && code === null
          ? "Choose a code to paint with first: pick one up from a map or type its number."
          : `Type the number of a code, 0 to ${state.model.codes - 1}.`);
      }
      T.set({ brush: code });
      T.link.act("replace", { ...chosen(), code });
    },
    // the chosen tokens get the code that adds least at their scale
    erase() { if (state.docs.session?.scales[state.selection.k]) T.link.act("erase", chosen()); },
    pick(code) {
      if (code !== null) T.set({ brush: code, tool: "paint" });
    },
  };

  // a seed field's whole number; anything else counts as 0

  T.define("tools", (root) => {
    const tool = T.segment("Tool", [
      { value: "select", text: "Select", tip: "Click a token, or drag over several. Shift adds to the selection." },
      { value: "paint", text: "Paint", tip: "Drag over tokens to put the brush's code there." },
      { value: "erase", text: "Erase", tip: "Drag over tokens to put the code there that says least." },
      { value: "pick", text: "Pick up", tip: "Click a token to load its code into the brush." },
    ], (value) => T.set({ tool: value }));
    const swatch = el("img", { class: "ts-brush", alt: "" });
    const code = el("input", { class: "ts-field", type: "number", min: 0, "aria-label": "Code of the brush", placeholder: "code", onchange: () => T.set({ brush: code.value === "" ? null : Number(code.value) }) });
    const brush = el("span", { class: "ts-inline" }, el("span", { class: "ts-brush-word", text: "Brush" }), swatch, code);
    const policy = T.segment("Finer scales", [
      { value: "keep", text: "Keep", tip: "Tokens of finer scales stay as they are and are added to the changed coarse picture." },
      { value: "requantise", text: "Re-quantise", tip: "Tokens of finer scales are chosen anew so that they describe what the changed scales leave unexplained. They pull the picture back towards where it was." },
      { value: "regenerate", text: "Regenerate", tip: "Tokens of finer scales are written anew by the generator, which sees the coarser ones and a class, with the settings its model card gives." },
    ], setPolicy);
    const label = el("select", { class: "ts-field ts-select", id: "ts-finer-class", onchange: () => setPolicy("regenerate") });
    const seed = el("input", { class: "ts-field ts-seed", id: "ts-finer-seed", type: "number", min: 0, max: 2 ** 31 - 1, value: 0, onchange: () => { seed.value = T.seedOf(seed); setPolicy("regenerate"); } });
    const now = el("button", { type: "button", class: "ts-button", "data-tip": "Writes these scales at once, without another edit. The scales up to the selected one stay.", onclick: () => T.link.act("regenerate", { scale: state.selection.k + 1, label: label.value, seed: T.seedOf(seed) }) });
    const drawing = el("span", { class: "ts-row" }, el("label", { for: "ts-finer-class", text: "as" }), label, el("label", { for: "ts-finer-seed", text: "seed" }), seed, now);
    function setPolicy(value) {
      if (value !== "regenerate") return T.link.act("policy", { policy: value });
      if (state.model?.no_regenerate) return T.problem(state.model.no_regenerate);
      T.link.act("policy", { policy: value, label: label.value, seed: T.seedOf(seed) });
    }
    function showDrawing(edit) {
      policy.refuse("regenerate", state.model?.no_regenerate);
      const classes = state.model?.classes || [];
      if (label.options.length !== classes.length) {
        label.replaceChildren(...classes.map(({ name }) => el("option", { value: name, text: name.replaceAll("_", " ") })));
      }
      if (edit?.label) { label.value = edit.label; if (document.activeElement !== seed) seed.value = edit.seed; }
      drawing.hidden = edit?.policy !== "regenerate";
      const scales = state.docs.session?.scales.length || 0, first = state.selection.k + 2;
      now.disabled = first > scales;
      now.textContent = first > scales ? "No finer scale" : first === scales ? `Regenerate scale ${scales} now` : `Regenerate scales ${first} to ${scales} now`;
    }
    const button = (text, kind, tip) => el("button", { type: "button", class: "ts-button", text, "data-tip": tip, onclick: () => T.link.act(kind, {}) });
    const undo = button("Undo", "undo", "Ctrl+Z");
    const redo = button("Redo", "redo", "Ctrl+Shift+Z");
    const reset = button("Reset", "reset", "Back to the picture's own tokens. Can be undone.");
    const meaning = el("span", { class: "ts-caption" });
    const erase = el("button", { type: "button", class: "ts-button", text: "Erase selection", onclick: () => T.edit.erase() });
    const erasing = el("span", { class: "ts-caption ts-erasing" });
    root.append(
      el("div", { class: "ts-toolbar" }, tool, brush, el("span", { class: "ts-row" }, erase, undo, redo, reset)), erasing,
      el("div", { class: "ts-toolbar", style: { "margin-top": "12px" } }, el("span", { class: "ts-inline", text: "Finer scales" }), policy, drawing, meaning));

    addEventListener("keydown", (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z" || !root.offsetParent || event.target.closest("input")) return;
      event.preventDefault();
      const button = event.shiftKey ? redo : undo;
      if (!button.disabled) button.click();
    });

    const ERASING = "An erased token gets the code that adds least to the picture at its scale; a map must be complete, because decoding stops before a scale with an unknown token.";
    const ERASING_ALONE = "An erased token gets the code closest to the mean of all codes, the one that says least about its place.";
    const MEANING = { requantise: "Finer tokens are chosen anew and pull the picture back.", keep: "Finer tokens stay as they are.", regenerate: "Each edit makes the generator write the finer scales anew." };
    T.subscribe(root, ["docs", "tool", "brush", "model", "selection"], async () => {
      const edit = state.docs.session?.edit;
      tool.show(state.tool);
      policy.show(edit?.policy);
      showDrawing(edit);
      meaning.textContent = MEANING[edit?.policy] || "";
      undo.disabled = !edit?.undo;
      redo.disabled = !edit?.redo;
      reset.disabled = !edit?.changed;
      erase.disabled = !edit;
      const several = (state.docs.session?.scales.length || 0) > 1;
      erase.dataset.tip = several ? ERASING : ERASING_ALONE;
      erasing.hidden = state.tool !== "erase";
      erasing.textContent = several ? ERASING : ERASING_ALONE;
      code.max = (state.model?.codes || 1) - 1;
      if (document.activeElement !== code) code.value = state.brush ?? "";
      swatch.hidden = state.brush === null;
      if (state.brush !== null) {
        const picture = await T.swatchOf(state.brush);
        if (picture) swatch.src = picture;
      }
    });
  });
})();
