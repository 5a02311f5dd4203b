// Generate: what is asked of the model, the run as it streams, and what to do with it afterwards.
//   T.generate.start(label, extra)   label: a class, "" = any picture; extra: any of {given, keep, force, note, seed, seeds,
//                                    what, did, root}, see explorer/ui/generate/run_request.py. A run with `given` becomes a branch of the
//                                    picture on show, unless root is true (its tokens come from elsewhere); what: its
//                                    name in the tree; did: the event that tells it.
//   T.generate.stop(), .adjust(settings), .limits(), .look(name, data)
// Events ("ts:did"): run-done, and after it what `did` says: branch-forced, regenerated, painted; guidance-changed.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;
  const PATIENCE = 120000;
  const ANY = { name: "", text: "any picture" }; // the null class
  // state.settings is {label, seed, guidance, top_k, top_p, temperature, seeds}; it starts from the example, or the model's own defaults
  let running = null; // id of the run under way
  let plan = {}; // what was asked for it, and the picture on show before
  let timer = 0;
  let server = null; // look-ups beside the stream

  const run = () => state.docs.run;
  const show = (view) => ({ docs: { ...state.docs, run: view } });
  const words = (label) => (label === ANY.name ? ANY.text : String(label).replaceAll("_", " "));
  const did = (what, detail = {}) => document.dispatchEvent(new CustomEvent("ts:did", { detail: { what, ...detail } }));
  const begin = () => {
    if (!state.settings && state.model?.classes) T.set({ settings: { label: run()?.label ?? state.model.classes[0].name, seeds: 1, ...state.model.sampling } });
  };
  const settle = (patch) => T.set({ settings: Object.assign(state.settings, patch) }); // the same object: the controls show it already
  const adjust = (patch) => { begin(); T.set({ settings: { ...state.settings, ...patch } }); }; // another one: the controls are built again
  const limits = () => ({ seed: [0, 2 ** 31 - 8], guidance: state.model.order === "raster" ? [1, 8] : [0, 8], top_k: [0, Math.min(state.model.codes, 1024)], top_p: [0.05, 1], temperature: [0, 2], seeds: [1, 8] });

  function start(label, extra = {}) {
    begin();
    if (running) server?.leave_run(running).catch(() => null);
    settle({ label });
    running = `${Date.now()}-${Math.random().toString(36).slice(2, 8)}`;
    const { what = null, did: event = null, root = false, ...asked } = extra;
    const old = run() && run().status === "running" ? { ...run(), status: "stopped" } : run();
    plan = { what, event, before: old, parent: asked.given && old && !root ? T.branches.remember(old) : null };
    T.set({ running, problem: null, upto: { ...state.upto, run: null }, ...show(old) });
    T.link.generate({ given: null, keep: null, force: null, before: null, note: "", ...state.settings, ...asked, run: running });
    wait();
  }
  function wait() {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (running) fail("The server has not answered for two minutes. The picture before is shown again; try again, or reload the page.");
    }, PATIENCE);
  }
  function fail(problem) { // nothing is lost: the picture before comes back
    clearTimeout(timer);
    running = null;
    T.set({ running, problem, ...show(plan.before) });
  }
  function stop() {
    T.link.stop();
    clearTimeout(timer);
    const view = run();
    const mine = view && view.run === running && view.status === "running";
    running = null;
    T.set({ running, ...(mine ? show({ ...view, status: view.done === view.total ? "done" : "stopped" }) : {}) });
    if (mine && view.done === view.total) finish();
  }

  // pictures of single steps of a raster run, by step: they are collected, a view carries the newest only
  function framed(view) {
    if (view.order !== "raster") return view;
    const [scale] = view.scales;
    const frames = run()?.run === view.run ? { ...run().frames } : {};
    if (scale.image) frames[scale.step] = scale.image;
    return { ...view, frames };
  }
  // a frame of the run; frames of a run that was stopped or replaced are dropped
  T.receiveRun = (view) => {
    if (view.run && view.run !== running) return;
    if (view.problem) return fail(view.problem);
    wait();
    if (view.status !== "running") { clearTimeout(timer); running = null; }
    T.set({ running, ...show({ ...framed(view), parent: plan.parent ?? null, what: plan.what }) });
    if (view.status === "done") finish();
  };
  function finish() {
    if (run().parent) T.branches.remember(run());
    did("run-done", { label: run().label, steps: run().total });
    if (plan.event) did(plan.event);
  }

  T.connectGenerate = (wire) => { server = wire.server; };
  // an answer, or {problem: a sentence}
  const look = async (name, data) => {
    const { label, settings, scales } = run();
    const answer = server && await server[name]({ label, ...settings, maps: scales.map((scale) => scale.ids), ...data }).catch(() => null);
    return answer || { problem: "The server did not answer. Try again in a moment." };
  };
  T.generate = { start, stop, adjust, settle, limits, begin, look, words, did, ANY, order: () => state.model?.order };

  T.define("sending", (root) => {
    const send = (tab) => { T.link.act("adopt", { maps: run().scales.map((scale) => scale.ids), label: words(run().label), seed: run().seed }); T.openTab(tab); };
    const buttons = ["Inspect", "Edit"].map((tab) => el("button", { type: "button", class: "ts-button", text: `Open in ${tab}`, onclick: () => send(tab) }));
    root.append(el("div", { class: "ts-row" }, buttons));
    T.subscribe(root, ["docs", "running"], () => {
      const ready = run() && run().done === run().total && !running;
      buttons.forEach((button) => { button.disabled = !ready; });
    });
  });
})();
