// The tools of Edit: select, paint, pick up; policy for finer scales; undo, redo, reset; the history.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;

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
      const { k, i, j, cells } = state.selection;
      T.set({ brush: code });
      T.link.act("replace", { scale: k + 1, cells: cells?.length ? cells : [i * scale.w + j], code });
    },
    pick(code) {
      if (code !== null) T.set({ brush: code, tool: "paint" });
    },
  };

  T.define("tools", (root) => {
    const tool = T.segment("Tool", [
      { value: "select", text: "Select", tip: "Click a token, or drag over several. Shift adds to the selection." },
      { value: "paint", text: "Paint", tip: "Drag over tokens to put the brush's code there." },
      { value: "pick", text: "Pick up", tip: "Click a token to load its code into the brush." },
    ], (value) => T.set({ tool: value }));
    const swatch = el("img", { class: "ts-brush", alt: "" });
    const code = el("input", { class: "ts-field", type: "number", min: 0, "aria-label": "Code of the brush", placeholder: "code", onchange: () => T.set({ brush: code.value === "" ? null : Number(code.value) }) });
    const brush = el("span", { class: "ts-inline" }, el("span", { class: "ts-brush-word", text: "Brush" }), swatch, code);
    const policy = T.segment("Finer scales", [
      { value: "keep", text: "Keep", tip: "Tokens of finer scales stay as they are and are added to the changed coarse picture." },
      { value: "requantise", text: "Re-quantise", tip: "Tokens of finer scales are chosen anew so that they describe what the changed scales leave unexplained. They pull the picture back towards where it was." },
    ], (value) => T.link.act("policy", { policy: value }));
    const button = (text, kind, tip) => el("button", { type: "button", class: "ts-button", text, "data-tip": tip, onclick: () => T.link.act(kind, {}) });
    const undo = button("Undo", "undo", "Ctrl+Z");
    const redo = button("Redo", "redo", "Ctrl+Shift+Z");
    const reset = button("Reset", "reset", "Back to the picture's own tokens. Can be undone.");
    const meaning = el("span", { class: "ts-caption" });
    root.append(
      el("div", { class: "ts-toolbar" }, tool, brush, el("span", { class: "ts-row" }, undo, redo, reset)),
      el("div", { class: "ts-toolbar", style: { "margin-top": "12px" } }, el("span", { class: "ts-inline", text: "Finer scales" }), policy, meaning));

    addEventListener("keydown", (event) => {
      if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z" || !root.offsetParent || event.target.closest("input")) return;
      event.preventDefault();
      const button = event.shiftKey ? redo : undo;
      if (!button.disabled) button.click();
    });

    T.subscribe(root, ["docs", "tool", "brush", "model"], async () => {
      const edit = state.docs.session?.edit;
      tool.show(state.tool);
      policy.show(edit?.policy);
      meaning.textContent = edit?.policy === "requantise" ? "Finer tokens are chosen anew and pull the picture back." : "Finer tokens stay as they are.";
      undo.disabled = !edit?.undo;
      redo.disabled = !edit?.redo;
      reset.disabled = !edit?.changed;
      code.max = (state.model?.codes || 1) - 1;
      if (document.activeElement !== code) code.value = state.brush ?? "";
      swatch.hidden = state.brush === null;
      if (state.brush !== null) {
        const picture = await T.swatchOf(state.brush);
        if (picture) swatch.src = picture;
      }
    });
  });

  T.define("history", (root) => {
    const list = el("ol", { class: "ts-history", tabindex: "0", "aria-label": "History" });
    root.append(el("div", { class: "ts-head" }, el("h2", { text: "History" })), list);
    T.subscribe(root, ["docs"], () => {
      const steps = state.docs.session?.edit?.history || [];
      list.replaceChildren(...steps.map((step) => el("li", { "aria-current": step.now ? "step" : null, text: step.text })));
      const now = list.querySelector("[aria-current]");
      if (now) list.scrollTop = now.offsetTop - list.offsetTop - list.clientHeight / 2; // not scrollIntoView: the page must not move
    });
  });
})();
