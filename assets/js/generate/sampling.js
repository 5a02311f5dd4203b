// How tokens are drawn: seed, number of pictures, guidance in the model's own convention, temperature, top-k, top-p.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;

  T.define("sampling", (root) => {
    const { adjust, settle, limits, start } = T.generate;
    const box = el("div", { class: "ts-sampling" });
    const defaults = el("button", { type: "button", class: "ts-button ts-plain", text: "Model's defaults", onclick: () => adjust({ ...state.model.sampling, seed: state.settings.seed }) });
    const head = el("div", { class: "ts-head" }, el("h2", { text: "Sampling" }), defaults);
    root.append(head, box);
    let shown = null;
    let guidance = null; // the sentence about guidance: it depends on the class

    function slider(key, label, about, step, format) {
      const [min, max] = limits()[key];
      const output = el("output", { text: format(state.settings[key]) });
      const id = `ts-${key}`;
      const input = el("input", { id, type: "range", min, max, step, value: state.settings[key], "aria-valuetext": format(state.settings[key]), "aria-describedby": `${id}-about` });
      input.addEventListener("input", () => {
        settle({ [key]: Number(input.value) });
        output.textContent = format(state.settings[key]);
        input.setAttribute("aria-valuetext", output.textContent);
      });
      input.addEventListener("change", () => T.generate.did(`${key}-changed`));
      const note = el("small", { id: `${id}-about` }, about);
      return { note, node: el("div", { class: "ts-slider" }, el("label", { for: id, text: label }), output, input, note) };
    }
    function pictures() {
      const choice = T.segment("Pictures at once", [1, 4, 8].map((n) => ({ value: String(n), text: String(n) })), (value) => { settle({ seeds: Number(value) }); choice.show(value); });
      choice.show(String(state.settings.seeds));
      return el("div", { class: "ts-row" }, el("span", { text: "Pictures" }), choice, el("span", { class: "ts-caption", text: "with this seed and the ones after it" }));
    }
    const formula = (text) => el("span", { class: "ts-num ts-formula", text });
    function convention() {
      const without = state.settings.label === T.generate.ANY.name ? ["Without a class both terms are the same, so guidance has no effect now."] : [];
      if (T.generate.order() === "raster") {
        return ["How strongly the class is preferred over any picture. The logits become ", formula("uncond + s·(cond − uncond)"), " with the same s at every token; 1 is no guidance. ", ...without];
      }
      return ["How strongly the class is preferred over any picture. The logits become ", formula("(1 + t)·cond − t·uncond"), ", where t grows from 0 at the first scale to this value at the last; 0 is no guidance. ", ...without];
    }
    function build() {
      const seed = el("input", { id: "ts-seed", class: "ts-field", type: "number", min: 0, max: limits().seed[1], value: state.settings.seed });
      seed.addEventListener("change", () => {
        settle({ seed: T.seedOf(seed, { kept: state.settings.seed, largest: limits().seed[1] }) });
        seed.value = state.settings.seed;
      });
      const again = (next) => { settle({ seed: next }); seed.value = next; start(state.settings.label); };
      const two = (v) => T.number(v, 2);
      const guide = slider("guidance", T.generate.order() === "raster" ? "Guidance s" : "Guidance t", convention(), 0.25, two);
      guidance = guide.note;
      box.replaceChildren(
        el("div", { class: "ts-row" }, el("label", { for: "ts-seed", text: "Seed" }), seed,
          el("button", { type: "button", class: "ts-button ts-main", text: "Run", onclick: () => start(state.settings.label) }),
          el("button", { type: "button", class: "ts-button", text: "Random seed", onclick: () => again(Math.floor(Math.random() * 100000)) })),
        el("p", { class: "ts-caption", text: "The same seed and settings give the same picture." }),
        pictures(),
        state.model.can_guide ? guide.node : el("p", { class: "ts-caption", text: "This model has no guidance: it was never trained without a class, with which guidance compares." }),
        slider("temperature", "Temperature", "Below 1 likely codes become likelier still, above 1 all codes come closer together. 0 always takes the likeliest.", 0.05, two).node,
        slider("top_k", "Top-k", "Each token is drawn from the k most probable codes only. 0 is off.", 1, (v) => (v ? String(v) : "off")).node,
        slider("top_p", "Top-p", "Each token is drawn from the fewest codes that together have this probability. 1 is off.", 0.01, (v) => (v < 1 ? two(v) : "off")).node);
    }
    T.subscribe(root, ["model", "settings"], () => {
      T.generate.begin();
      for (const part of [head, box]) part.hidden = !state.model?.classes;
      if (!state.settings) return;
      if (shown !== state.settings) {
        shown = state.settings;
        build();
      } else guidance.replaceChildren(...convention());
    });
  });
})();
