// Write a run again from a scale on: what lies before stays, what follows is drawn with a new seed. A model of one scale
// cannot keep a composition and redraw its details; it can keep the tokens that it wrote first.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;

  T.define("run-again", (root) => {
    const choice = el("select", { id: "ts-again", class: "ts-field ts-select" });
    const token = el("input", { id: "ts-again-token", class: "ts-field", type: "number", min: 2 });
    const label = el("label", { for: "ts-again", text: "Write again from" });
    const go = el("button", { type: "button", class: "ts-button", text: "With a new seed", onclick: () => again() });
    const row = el("div", { class: "ts-row" }, label, choice, token, go);
    const about = el("p", { class: "ts-caption" });
    root.append(row, about);
    let sizes = "";

    const run = () => state.docs.run;
    const raster = () => run().order === "raster";
    const newSeed = () => { const seed = Math.floor(Math.random() * 100000); return seed === run().seed ? seed + 1 : seed; };

    function again() {
      const view = run(), seed = newSeed();
      const from = raster() ? Math.floor(Number(token.value)) : Number(choice.value);
      const total = raster() ? view.total : view.scales.length;
      if (!(from >= 2 && from <= total)) return T.set({ problem: `A ${raster() ? "token" : "scale"} to start from is a whole number from 2 to ${total}.` });
      const keep = raster() ? { cells: [view.scales[0].ids.map((_, n) => (n < from - 1 ? 1 : 0))] } : { scales: from - 1 };
      const phrase = raster() ? `from token ${from} on` : `from scale ${from} on`;
      T.generate.start(view.label, { seed, given: view.scales.map((scale) => scale.ids), keep, note: phrase, did: "regenerated", what: `Written again ${phrase}` });
    }

    function options() {
      const K = run().scales.length;
      const now = `${K}`;
      if (now === sizes) return;
      sizes = now;
      choice.replaceChildren(...run().scales.slice(1).map((scale, n) => el("option", { value: n + 2, text: `scale ${n + 2} (${scale.h}×${scale.w})` })));
      choice.value = String(Math.max(2, Math.ceil((K + 2) / 2)));
    }

    token.addEventListener("input", () => draw(new Set()));
    choice.addEventListener("change", () => draw(new Set()));
    function draw(keys) {
      const view = run();
      for (const part of [row, about]) part.hidden = !view;
      if (!view) return;
      choice.hidden = raster();
      token.hidden = !raster();
      label.htmlFor = raster() ? "ts-again-token" : "ts-again";
      label.textContent = raster() ? "Write again from token" : "Write again from";
      const ready = view.done === view.total && !state.running;
      go.disabled = !ready;
      if (raster()) {
        token.max = view.total;
        const { i, j } = state.selection;
        if (keys.has("selection") || (token.value === "" && document.activeElement !== token)) token.value = Math.min(view.total, Math.max(2, i * view.scales[0].w + j + 1));
        const n = Math.max(1, Number(token.value) || 1) - 1, w = view.scales[0].w;
        about.textContent = `This model has one scale: no coarse map holds the composition, so the details alone cannot be written again. It can keep the tokens before row ${Math.floor(n / w) + 1}, column ${(n % w) + 1}, in reading order, and go on from there with other noise.`;
        return;
      }
      options();
      if (keys.has("upto") && state.upto.run !== null && state.upto.run + 2 <= view.scales.length) choice.value = String(state.upto.run + 2);
      const from = Number(choice.value), many = state.settings?.seeds > 1 ? ` ${state.settings.seeds} at once, each with a seed of its own.` : "";
      // what a map of one or four tokens leaves is hardly a composition
      const { h, w } = view.scales[from - 2], kept = Math.min(h, w) > 2 ? "the same composition, new details" : "little more than the overall colours stays";
      about.textContent = `${from === 2 ? "Scale 1 stays" : `Scales 1 to ${from - 1} stay`}, ${from === view.scales.length ? `scale ${from} is` : `scales ${from} to ${view.scales.length} are`} drawn with a new seed: ${kept}. It becomes a branch.${many}`;
    }
    T.subscribe(root, ["docs", "running", "selection", "upto", "settings"], draw);
  });
})();
