// Learn: three runs of one class and seed at three strengths of guidance. The runs are computed in turn, scale by scale,
// and can be stopped within one step; frames of runs that were stopped or replaced are dropped.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;
  const { number, count } = T;
  const PATIENCE = 120000;
  // state.guided: {job, status: "waiting" | "running" | "done" | "stopped" | "failed", label, seed, columns, done, total, problem}
  state.guided = null;
  let timer = null;
  const running = () => ["waiting", "running"].includes(state.guided?.status);

  function start(label, seed, values) {
    if (running()) T.learn.cancel(state.guided.job);
    const job = `${Date.now()}-${Math.random().toString(36).slice(2, 8)}`;
    T.set({ guided: { job, status: "waiting", label, seed, done: 0, total: 1, columns: values.map((guidance) => ({ guidance, image: null, bits: null, differs: null })) } });
    wait();
    T.learn.guide({ job, label, seed, values });
  }
  function wait() {
    clearTimeout(timer);
    timer = setTimeout(() => { if (running()) { T.learn.cancel(state.guided.job); T.set({ guided: { ...state.guided, status: "failed", problem: "The generator has not answered for two minutes. Run them again, or reload the page." } }); } }, PATIENCE);
  }
  function stop() {
    T.learn.cancel(state.guided.job);
    clearTimeout(timer);
    T.set({ guided: { ...state.guided, status: "stopped" } });
  }
  T.learn.receive.guided = (view) => {
    if (view.job !== state.guided?.job || !running()) return;
    wait();
    if (view.status !== "running") clearTimeout(timer);
    T.set({ guided: view.problem ? { ...state.guided, status: "failed", problem: view.problem } : view });
    if (view.status === "done") document.dispatchEvent(new CustomEvent("ts:did", { detail: { what: "guidance-changed" } }));
  };

  T.define("learn-guidance", (root) => {
    const choice = el("select", { class: "ts-field ts-select", id: "ts-guided-class" });
    const seed = el("input", { class: "ts-field ts-seed", id: "ts-guided-seed", type: "number", min: 0, max: 2 ** 31 - 1, value: 1, onchange: () => { seed.value = T.seedOf(seed); } });
    const strong = el("input", { type: "range", id: "ts-guided-strong", oninput: () => { say(); } });
    const strongest = el("output", { class: "ts-num", for: "ts-guided-strong" });
    const go = el("button", { type: "button", class: "ts-button ts-main", onclick: () => (running() ? stop() : start(choice.value, T.seedOf(seed), values())) });
    const again = el("button", { type: "button", class: "ts-button", text: "Another seed", onclick: () => { seed.value = Math.floor(Math.random() * 100000); start(choice.value, T.seedOf(seed), values()); } });
    const bar = el("i");
    const status = el("p", { class: "ts-caption", role: "status" });
    const failed = el("p", { class: "ts-failed", role: "alert", hidden: true });
    const row = el("div", { class: "ts-guided" });
    root.append(
      el("div", { class: "ts-row ts-guided-tools" }, el("label", { for: "ts-guided-class", text: "Class" }), choice, el("span", { class: "ts-inline" }, el("label", { for: "ts-guided-seed", text: "Seed" }), seed),
        el("span", { class: "ts-inline ts-guided-range" }, el("label", { for: "ts-guided-strong", text: "Strong means" }), strong, strongest), go, again),
      el("div", { class: "ts-progress" }, bar), status, failed, row);
    const NAMES = ["No guidance", "The model's default", "Strong guidance"];
    const frames = NAMES.map((name) => {
      const image = el("img", { alt: "", draggable: "false" });
      const picture = el("div", { class: "ts-frame-picture" }, image);
      const head = el("b", { text: name });
      const value = el("span", { class: "ts-num ts-muted" });
      const facts = el("p", { class: "ts-num" });
      const gauge = el("i");
      return { image, picture, head, value, facts, gauge, node: el("figure", {}, el("figcaption", {}, head, value), picture, el("div", { class: "ts-unsure" }, gauge), facts) };
    });
    row.append(...frames.map(({ node }) => node));
    let options = "", built = false;
    const settings = () => state.learn.guidance;
    const values = () => [settings().values[0], settings().values[1], Number(strong.value)];
    const say = () => { strongest.textContent = number(strong.value, 1); };

    T.subscribe(root, ["guided", "learn", "model", "docs"], () => {
      if (!settings()) return;
      if (!built) {
        built = true;
        Object.assign(strong, { min: settings().none, max: settings().strongest, step: 0.5, value: settings().values[2] });
        say();
      }
      const names = state.model?.classes?.map(({ name }) => name) || [];
      if (names.join() !== options) {
        options = names.join();
        choice.replaceChildren(...names.map((name) => el("option", { value: name, text: name.replaceAll("_", " ") })));
        if (state.docs.run?.label) choice.value = state.docs.run.label;
      }
      const view = state.guided;
      go.textContent = running() ? "Stop" : "Run the three";
      go.classList.toggle("ts-main", !running());
      again.disabled = running() || !view;
      bar.style.setProperty("--v", running() ? `${(100 * view.done) / view.total}%` : "0%");
      failed.hidden = view?.status !== "failed";
      failed.textContent = view?.problem || "";
      status.textContent = !view ? "Three pictures will appear here, written side by side."
        : view.status === "waiting" ? "Waiting for the generator …" : view.status === "running" ? `Writing “${view.label.replaceAll("_", " ")}” three times: step ${view.done} of ${view.total} …`
          : view.status === "stopped" ? `Stopped after step ${view.done} of ${view.total}.` : view.status === "done" ? `“${view.label.replaceAll("_", " ")}”, seed ${view.seed}. The line under a picture is its uncertainty: shorter is surer.` : "";
      const guess = Math.log2(state.model?.codes || 2);
      frames.forEach((frame, n) => {
        const column = view?.columns[n];
        frame.picture.style.setProperty("--ratio", state.docs.session?.ratio || 1);
        frame.picture.classList.toggle("ts-empty", !column?.image);
        frame.image.hidden = !column?.image;
        if (column?.image) frame.image.src = column.image;
        frame.value.textContent = number(column ? column.guidance : values()[n], 1);
        const bits = column?.bits ?? null;
        frame.gauge.style.setProperty("--v", bits === null ? "0%" : `${(100 * bits) / guess}%`);
        const differ = column?.differs ? column.differs.reduce((a, b) => a + b, 0) : null;
        frame.facts.textContent = bits === null ? "" : `${number(bits)} bits uncertain${n && differ !== null ? `, ${count(differ, "token")} differ from the first` : ""}`;
        frame.image.alt = column?.image ? `${NAMES[n]}, ${view.label.replaceAll("_", " ")}, uncertainty ${bits === null ? "not known" : `${number(bits)} bits per token`}` : "";
      });
    });
  });

  // one click writes a picture; the page's own run, so Generate shows it too
  T.define("learn-writing", (root) => {
    const choice = el("select", { class: "ts-field ts-select", id: "ts-writing-class" });
    const go = el("button", { type: "button", class: "ts-button ts-main", onclick: () => (state.running ? T.generate.stop?.() : write()) });
    const status = el("p", { class: "ts-caption", role: "status" });
    const bar = el("i");
    root.append(el("div", { class: "ts-row" }, el("label", { for: "ts-writing-class", text: "Class" }), choice, go), el("div", { class: "ts-progress" }, bar), status);
    const write = () => T.generate.start(choice.value, { seed: Math.floor(Math.random() * 100000), seeds: 1 });
    let options = "";
    T.subscribe(root, ["docs", "running", "model", "problem"], () => {
      const names = state.model?.classes?.map(({ name }) => name) || [];
      if (names.join() !== options) {
        options = names.join();
        choice.replaceChildren(...names.map((name) => el("option", { value: name, text: name.replaceAll("_", " ") })));
        if (state.docs.run?.label) choice.value = state.docs.run.label;
      }
      const { run } = state.docs;
      const mine = state.running && run?.run === state.running;
      go.textContent = state.running ? "Stop" : "Write a picture";
      go.classList.toggle("ts-main", !state.running);
      bar.style.setProperty("--v", mine ? `${(100 * run.done) / run.total}%` : "0%");
      status.textContent = state.running ? (mine ? `Step ${run.done} of ${run.total} …` : "Waiting for the generator …")
        : run?.status === "example" ? "Below is a picture that this model made when the page was started. Write one of your own."
          : run ? `${run.title}: ${run.status === "stopped" ? `stopped after step ${run.done} of ${run.total}` : `${count(run.total, "step")}, ${number(run.seconds, 2)} s`}.` : "The maps will fill here, one per step.";
    });
  });
})();
