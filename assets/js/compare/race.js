// Compare, Race: the wire to Python, what is shown at which time, and the controls. Dispatches "ts:did" with "race-done".
//
// state.race.view is the whole race so far, as Python sent it last: status "warming" | "running" | "done" | "stopped" |
// "example", lanes with clocks (seconds after each step), tokens, work and maps. state.race.at is the shown computing time,
// null = the newest. Pictures are kept by lane and number of steps; those that are missing are asked for by their tokens.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;
  const PATIENCE = 120000;
  const REPLAY_SECONDS = 8;
  const LARGEST_SEED = 2 ** 31 - 1;
  let server = null;
  let send = null;
  let job = null;
  let timer = null;
  let player = null;
  let linked = false; // the address asked for settings of its own

  // status: "idle" | "waiting" | "running" | "done" | "stopped" | "failed"
  state.race = { intro: null, settings: null, status: "idle", view: null, at: null, problem: null, playing: false };
  let pictures = {}; // "order n" -> data URI, of the view on show
  let asked = null; // the picture that is looked up now
  let wanted = {}; // order -> steps: what the last look found missing
  const put = (patch) => T.set({ race: { ...state.race, ...patch } });
  const running = () => ["waiting", "running"].includes(state.race.status);

  // The race on show

  const lanes = () => state.race.view?.lanes || [];
  const facts = (order) => state.race.intro.lanes.find((lane) => lane.order === order);
  const end = () => Math.max(0, ...lanes().map((lane) => lane.clock.at(-1) || 0));
  const now = () => (state.race.at === null ? end() : Math.min(state.race.at, end()));
  const stepsAt = (lane, time) => lane.clock.filter((at) => at <= time + 1e-9).length;
  const shownSteps = (lane) => (state.race.at === null ? lane.done : stepsAt(lane, now()));
  const settings = () => state.race.settings;
  const stale = () => {
    const { view } = state.race;
    const same = view && settings() && view.label === settings().label && view.seed === settings().seed && lanes().every(({ order }) => view.guidance[order] === settings().guidance[order]);
    return Boolean(view) && !running() && !same;
  };
  // the picture of a lane after n steps, or the newest one before it: {image, steps}
  function picture(lane, steps) {
    for (let n = steps; n > 0; n -= 1) {
      const image = pictures[`${lane.order} ${n}`];
      if (!image) continue;
      if (n < steps && !running()) lookUp(lane.order, steps);
      return { image, steps: n };
    }
    if (steps && !running()) lookUp(lane.order, steps);
    return { image: null, steps: 0 };
  }
  // one look-up at a time, always the newest wish of each lane
  async function lookUp(order, steps) {
    wanted[order] = steps;
    if (asked) return;
    while (Object.keys(wanted).length) {
      const [next, done] = Object.entries(wanted)[0];
      delete wanted[next];
      const { view } = state.race;
      asked = `${next} ${done}`;
      const lane = lanes().find((one) => one.order === next);
      const image = lane && await server.race_picture({ order: next, maps: lane.maps.map(({ ids }) => ids), done }).catch(() => null);
      asked = null;
      if (!image || state.race.view !== view) break;
      pictures[`${next} ${done}`] = image;
      put({});
    }
  }

  // Time

  const seek = (time) => put({ at: Math.max(0, Math.min(end(), time)) });
  function pause() { cancelAnimationFrame(player); player = null; if (state.race.playing) put({ playing: false }); }
  const slower = () => Math.max(1, Math.round(REPLAY_SECONDS / Math.max(end(), 1e-6)));
  function play() {
    const from = state.race.at === null || now() >= end() ? 0 : now();
    const began = performance.now();
    put({ playing: true, at: from });
    const tick = (stamp) => {
      const time = from + (stamp - began) / 1000 / slower();
      if (time >= end()) { seek(end()); return pause(); }
      seek(time);
      player = requestAnimationFrame(tick);
    };
    player = requestAnimationFrame(tick);
  }

  // Wire

  function start() {
    if (running()) return;
    pause();
    job = `${Date.now()}-${Math.random().toString(36).slice(2, 8)}`;
    wait();
    put({ status: "waiting", problem: null, at: null });
    send({ job, ...settings() });
  }
  function stop() {
    if (!running()) return;
    server.cancel_race(job).catch(() => null);
    job = null;
    clearTimeout(timer);
    const kept = state.race.status === "running";
    put({ status: "stopped", view: kept ? { ...state.race.view, status: "stopped" } : state.race.view });
  }
  function wait() {
    clearTimeout(timer);
    timer = setTimeout(() => { if (running()) { stop(); put({ status: "failed", problem: "The models have not answered for two minutes. Race again, or reload the page." }); } }, PATIENCE);
  }
  function receive(view) {
    if (!view) return;
    if (view.job === undefined) return view.problem ? put({ intro: view }) : introduce(view);
    if (view.job !== job) return;
    wait();
    if (view.problem) { job = null; clearTimeout(timer); return put({ status: "failed", problem: view.problem }); }
    if (view.status === "warming") pictures = {};
    keep(view);
    if (view.status === "done") { job = null; clearTimeout(timer); }
    put({ status: view.status === "done" ? "done" : "running", view, at: view.finish ? view.finish.seconds : null });
    if (view.status === "done") did();
  }
  function keep(view) {
    for (const lane of view.lanes) for (const [n, image] of Object.entries(lane.images)) pictures[`${lane.order} ${n}`] = image;
    wanted = {};
  }
  const did = () => document.dispatchEvent(new CustomEvent("ts:did", { detail: { what: "race-done" } }));
  function introduce(intro) {
    const label = intro.classes.includes("sunflower") ? "sunflower" : intro.classes[0];
    const own = state.race.settings;
    put({ intro, settings: own || { label, seed: 0, guidance: Object.fromEntries(intro.lanes.map((lane) => [lane.order, lane.sampling.guidance])) } });
    link(intro);
  }
  // the first visitor of this section has it raced once, later ones see that race; a link is raced as it says
  async function example() {
    if (state.race.view || running() || !state.race.intro || example.asked) return;
    example.asked = true;
    if (linked) return start();
    if (!state.race.intro.quick) return;
    const view = await server.race_example(0).catch(() => null);
    if (!view || state.race.view || running()) return;
    keep(view);
    put({ view, at: view.finish.seconds });
  }
  T.connectRace = ({ props, watch, server: theirs, ask }) => {
    [server, send] = [theirs, ask];
    receive(props.value);
    watch("value", () => receive(props.value));
  };

  // The address: race-class, race-seed, race-guidance (one number for each model, in their order)

  function link(intro) {
    if (!T.address?.keys || link.done) return;
    link.done = true;
    const change = (patch) => { settle(patch); linked = true; return true; };
    const here = (tab) => tab === "Compare" && state.compare === "race";
    const usual = () => intro.lanes.map((lane) => lane.sampling.guidance).join("_");
    T.address.keys("race-class", (text) => intro.classes.includes(text) && change({ label: text }), (tab) => (here(tab) ? settings().label : undefined));
    T.address.keys("race-seed", (text) => /^\d{1,10}$/.test(text) && Number(text) <= LARGEST_SEED && change({ seed: Number(text) }), (tab) => (here(tab) ? settings().seed : undefined));
    T.address.keys("race-guidance", (text) => {
      const values = text.split("_").map(Number);
      const fits = values.length === intro.lanes.length && values.every((value) => value >= 0 && value <= 20);
      return fits && change({ guidance: Object.fromEntries(intro.lanes.map((lane, n) => [lane.order, values[n]])) });
    }, (tab) => { const text = intro.lanes.map((lane) => settings().guidance[lane.order]).join("_"); return here(tab) && text !== usual() ? text : undefined; });
  }

  function settle(patch) {
    put({ settings: { ...settings(), ...patch } });
    T.address?.soon?.();
  }
  const seconds = (value) => `${T.number(value, value < 10 ? 3 : 1)} s`;
  const said = (label) => label.replaceAll("_", " ");
  // beside: another number that stands next to it; both are then told in the unit of the larger
  const flops = (value, beside = 0) => {
    const [unit, size] = [["PFLOP", 1e15], ["TFLOP", 1e12], ["GFLOP", 1e9], ["MFLOP", 1e6]].find(([, one]) => Math.max(value, beside) >= one) || ["kFLOP", 1e3];
    return `${T.number(value / size, value / size < 10 ? 2 : value / size < 100 ? 1 : 0)} ${unit}`;
  };
  T.race = { lanes, facts, end, now, seek, play, pause, slower, start, stop, running, stale, stepsAt, shownSteps, picture, example, settle, seconds, said, flops };

  // Controls

  T.define("race-controls", (root) => {
    const classes = el("div", { class: "ts-race-classes", role: "group", "aria-label": "Class" });
    const seed = el("input", { id: "ts-race-seed", class: "ts-field", type: "number", min: 0, max: LARGEST_SEED, onchange: () => settle({ seed: T.seedOf(seed, { kept: settings().seed, largest: LARGEST_SEED }) }) });
    const sliders = el("div", { class: "ts-sampling" });
    const body = el("div", { class: "ts-race-controls" },
      el("section", {}, el("div", { class: "ts-head" }, el("h2", { text: "Class" })), classes),
      el("section", {}, el("div", { class: "ts-row" }, el("label", { for: "ts-race-seed", text: "Seed" }), seed,
        el("button", { type: "button", class: "ts-button", text: "Random seed", onclick: () => settle({ seed: Math.floor(Math.random() * 100000) }) })),
      el("p", { class: "ts-caption", text: "The same seed for both. Their tokens differ, so the same seed does not mean the same picture." })),
      el("section", {}, el("div", { class: "ts-head" }, el("h2", {}, T.term("Guidance", "How strongly the class is preferred: every step runs once with the class and once without, and the difference is enlarged. Each family has its own convention.")),
        el("button", { type: "button", class: "ts-button ts-plain", text: "Models' defaults", onclick: () => { drawn = null; settle({ guidance: Object.fromEntries(state.race.intro.lanes.map((lane) => [lane.order, lane.sampling.guidance])) }); } })), sliders));
    root.append(body);
    let drawn = null;
    let shown = null;

    function slider(lane) {
      const id = `ts-race-guidance-${lane.order}`;
      const output = el("output", {});
      const input = el("input", { id, type: "range", min: 0, max: Math.max(8, lane.sampling.guidance), step: 0.25, oninput: () => settle({ guidance: { ...settings().guidance, [lane.order]: Number(input.value) } }) });
      const off = (value) => (lane.order === "raster" ? value <= lane.guidance.off : value === lane.guidance.off);
      return { lane, node: el("div", { class: "ts-slider" }, el("label", { for: id, text: `${lane.title}, ${lane.name}` }), output, input, el("small", { text: lane.guidance.rule })),
        show: (value) => { input.value = value; output.textContent = off(value) ? `${T.number(value, 2)}, off` : T.number(value, 2); input.setAttribute("aria-valuetext", output.textContent); } };
    }
    function build() {
      const { intro } = state.race;
      const images = Object.fromEntries((state.model?.classes || []).map(({ name, image }) => [name, image]));
      classes.replaceChildren(...intro.classes.map((name) => el("button", { type: "button", "data-label": name, onclick: () => settle({ label: name }) },
        images[name] ? el("img", { src: images[name], alt: "" }) : null, el("span", { text: said(name) }))));
      shown = intro.lanes.map(slider);
      const { top_k: k, top_p: p, temperature } = intro.lanes[0].sampling;
      const same = intro.lanes.every(({ sampling }) => sampling.top_k === k && sampling.top_p === p && sampling.temperature === temperature);
      const say = ({ top_k, top_p, temperature: t }) => `top-k ${top_k || "off"}, top-p ${top_p && top_p < 1 ? top_p : "off"}, temperature ${t}`;
      sliders.replaceChildren(...shown.map(({ node }) => node), el("p", { class: "ts-caption", text: same ? `Both draw with ${say(intro.lanes[0].sampling)}, as their cards say.` : intro.lanes.map((lane) => `${lane.title}: ${say(lane.sampling)}.`).join(" ") }));
    }
    T.subscribe(root, ["race", "model"], () => {
      const { intro } = state.race;
      body.hidden = !intro || Boolean(intro.problem);
      if (body.hidden) return;
      const key = `${intro.classes.join()} ${Boolean(state.model?.classes)}`;
      if (drawn !== key) { drawn = key; build(); }
      for (const button of classes.children) button.setAttribute("aria-pressed", button.dataset.label === settings().label);
      if (document.activeElement !== seed || Number(seed.value) !== settings().seed) seed.value = settings().seed;
      for (const { lane, show } of shown) show(settings().guidance[lane.order]);
    });
  });
})();
