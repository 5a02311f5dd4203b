// Generate: class buttons, sampling controls, the run as it streams, and what to do with it afterwards.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;
  // state.settings is {label, seed, guidance, top_k, top_p}; it starts from the example, or the model's own defaults
  let running = null; // id of the run under way

  const run = () => state.docs.run;
  const begin = () => {
    if (!state.settings && state.model?.classes) T.set({ settings: { label: run()?.label || state.model.classes[0].name, ...state.model.sampling } });
  };
  const settle = (patch) => T.set({ settings: Object.assign(state.settings, patch) }); // the same object: the controls show it already
  const adjust = (patch) => { begin(); T.set({ settings: { ...state.settings, ...patch } }); }; // another one: the controls are built again
  const limits = () => ({ seed: [0, 2 ** 31 - 1], guidance: [0, 8], top_k: [0, Math.min(state.model.codes, 1024)], top_p: [0.05, 1] });
  // label: a class, "" = no class. extra: any of {given, keep, force, note, seed, seeds}, see explorer/ui/run_request.py
  const start = (label, extra = {}) => {
    begin();
    settle({ label });
    running = `${Date.now()}-${Math.random().toString(36).slice(2, 8)}`;
    T.set({ running, problem: null, upto: { ...state.upto, run: null } });
    T.link.generate({ given: null, keep: null, force: null, note: "", ...state.settings, ...extra, run: running });
  };
  T.generate = { start, adjust, limits };
  const stop = () => {
    T.link.stop();
    running = null;
    const view = run();
    T.set({ running, docs: { ...state.docs, run: view && view.status === "running" ? { ...view, status: "stopped" } : view } });
  };
  // a frame of the run; frames of a run that was stopped or replaced are dropped
  T.receiveRun = (view) => {
    if (view.run && view.run !== running) return;
    if (view.problem) { running = null; return T.set({ running, problem: view.problem }); }
    if (view.status !== "running") running = null;
    T.set({ running, docs: { ...state.docs, run: view } });
  };

  T.define("classes", (root) => {
    const title = el("h2", { class: "ts-finding" });
    const sub = el("p", { class: "ts-sub" });
    const grid = el("div", { class: "ts-classes", role: "group", "aria-label": "Classes" });
    const bar = el("i");
    const halt = el("button", { type: "button", class: "ts-button", text: "Stop", onclick: stop });
    root.append(el("div", { class: "ts-head" }, title, halt), sub, grid, el("div", { class: "ts-progress" }, bar));
    T.subscribe(root, ["model", "docs", "running"], () => {
      const view = run();
      if (state.model?.classes && grid.childElementCount !== state.model.classes.length) {
        grid.replaceChildren(...state.model.classes.map(({ name, image }) => el("button", { type: "button", "data-label": name, onclick: () => start(name) },
          image ? el("img", { src: image, alt: "" }) : null, el("span", { text: name.replaceAll("_", " ") }))));
      }
      const on = running ? state.settings?.label : view?.label;
      for (const button of grid.children) button.setAttribute("aria-pressed", button.dataset.label === on);
      const done = view?.done || 0;
      halt.style.visibility = running ? "visible" : "hidden";
      bar.style.setProperty("--v", running && view ? `${(100 * (view.run === running ? done : 0)) / view.total}%` : "0%");
      title.textContent = !state.model?.classes ? "No generator is loaded." : running ? `Writing ${on.replaceAll("_", " ")}: scale ${Math.min((view?.run === running ? done : 0) + 1, view?.total || 1)} of ${view?.total || "…"}`
        : !view ? "Choose a class and watch a picture appear, coarse to fine."
          : view.status === "stopped" ? `Stopped after scale ${done} of ${view.total}.`
            : `${view.title} in ${T.count(view.total, "step")}, ${T.number(view.seconds, 2)} s.`;
      sub.textContent = !state.model?.classes ? "Start the page with --generator to write new pictures." : view?.status === "example" && !running
        ? "Made by this model when the page was started. Choose a class to make another."
        : "Choose a class. The model writes one whole token map per step, each with all coarser ones in view.";
    });
  });

  T.define("sampling", (root) => {
    const box = el("div", { class: "ts-sampling" });
    root.append(el("div", { class: "ts-head" }, el("h2", { text: "Sampling" }), el("button", { type: "button", class: "ts-button ts-plain", text: "Model's defaults", onclick: () => adjust({ ...state.model.sampling, seed: state.settings.seed }) })), box);
    let shown = null;
    function slider(key, label, about, step, format) {
      const [min, max] = limits()[key];
      const output = el("output", { text: format(state.settings[key]) });
      const id = `ts-${key}`;
      return el("div", { class: "ts-slider" }, el("label", { for: id, text: label }), output,
        el("input", { id, type: "range", min, max, step, value: state.settings[key], oninput: (event) => { settle({ [key]: Number(event.target.value) }); output.textContent = format(state.settings[key]); } }),
        el("small", { text: about }));
    }
    function build() {
      const seed = el("input", { id: "ts-seed", class: "ts-field", type: "number", min: 0, max: limits().seed[1], value: state.settings.seed, onchange: () => { settle({ seed: Math.max(0, Math.floor(Number(seed.value) || 0)) }); seed.value = state.settings.seed; } });
      const again = (next) => { settle({ seed: next }); seed.value = next; start(state.settings.label); };
      box.replaceChildren(
        el("div", { class: "ts-row" }, el("label", { for: "ts-seed", text: "Seed" }), seed,
          el("button", { type: "button", class: "ts-button", text: "Run", onclick: () => start(state.settings.label) }),
          el("button", { type: "button", class: "ts-button", text: "Random seed", onclick: () => again(Math.floor(Math.random() * 100000)) })),
        el("p", { class: "ts-caption", text: "The same seed and settings give the same picture." }),
        slider("guidance", "Guidance", "How strongly the class is preferred over any picture; 0 is none. It grows from scale to scale.", 0.25, (v) => T.number(v, 2)),
        slider("top_k", "Top-k", "Each token is drawn from the k most probable codes only. 0 is off.", 1, (v) => (v ? String(v) : "off")),
        slider("top_p", "Top-p", "Each token is drawn from the fewest codes that together have this probability. 1 is off.", 0.01, (v) => (v < 1 ? T.number(v, 2) : "off")));
    }
    T.subscribe(root, ["model", "settings"], () => {
      begin();
      if (shown === state.settings) return;
      shown = state.settings;
      build();
    });
  });

  T.define("sending", (root) => {
    const send = (tab) => { T.link.act("adopt", { maps: run().scales.map((scale) => scale.ids), label: run().label, seed: run().seed }); T.openTab(tab); };
    const buttons = ["Inspect", "Edit"].map((tab) => el("button", { type: "button", class: "ts-button", text: `Open in ${tab}`, onclick: () => send(tab) }));
    root.append(el("div", { class: "ts-row" }, buttons));
    T.subscribe(root, ["docs", "running"], () => {
      const ready = run() && run().done === run().total && !running;
      buttons.forEach((button) => { button.disabled = !ready; });
    });
  });
})();
