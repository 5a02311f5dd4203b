// How surprised the generator is by the tokens in Inspect: bits per token as maps, and all classes by likelihood. Runs on
// demand, can be stopped; answers of a run that was stopped or replaced are dropped.
(() => {
  const T = window.Tokenscope;
  const { el, state, geometry } = T;
  const M = T.measures;
  const NONE = ""; // the null class, as Python calls it
  const LIKELIEST = "likeliest";
  const FIRST_CLASSES = 24;
  const PATIENCE = 120000;
  let send = null;
  let cancel = () => {};
  let job = null;
  let timer = null;

  // status: "idle" | "waiting" | "running" | "done" | "stopped" | "failed"; shown: {label, bits}; ranking: [[label, bits], …]
  state.surprise = { status: "idle", unavailable: null, shown: null, ranking: [], done: 0, total: 0, key: null, problem: null };
  const put = (patch) => T.set({ surprise: { ...state.surprise, ...patch } });
  const running = () => ["waiting", "running"].includes(state.surprise.status);
  const fresh = () => state.surprise.key !== null && state.surprise.key === M.keyNow();
  const scales = () => state.docs.session?.scales || [];
  const nameOf = (label) => (label === NONE ? "no class" : label.replaceAll("_", " "));
  const told = (label) => (label === NONE ? "told no class" : `told “${nameOf(label)}”`);

  function ask(label, rank) {
    if (running()) cancel(job);
    job = `${Date.now()}-${Math.random().toString(36).slice(2, 8)}`;
    wait();
    put({ status: "waiting", problem: null, asked: label, ...(rank ? { ranking: [], done: 0, total: 0, shown: fresh() ? state.surprise.shown : null, key: fresh() ? state.surprise.key : null } : {}) });
    send({ job, label, rank });
    T.did("surprise-asked");
  }
  // every view starts the clock anew
  function wait() {
    clearTimeout(timer);
    timer = setTimeout(() => { if (running()) { stop(); put({ status: "failed", problem: "The generator has not answered for two minutes. Ask again, or reload the page." }); } }, PATIENCE);
  }
  function stop() {
    cancel(job);
    job = null;
    put({ status: "stopped" });
  }
  function receive(view) {
    if (!view) return;
    if (view.unavailable !== undefined) return put({ unavailable: view.unavailable, uniform: view.uniform, generator: view.generator });
    if (view.job !== job) return;
    wait();
    if (view.status !== "running") job = null;
    if (view.problem) return put({ status: "failed", problem: view.problem });
    put({
      status: view.status, key: M.tokensKey(view.picture, view.maps), shown: { label: view.label, bits: view.bits, total: view.ranking.find(([label]) => label === view.label)[1] },
      ...(view.rank ? { ranking: view.ranking, done: view.done, total: view.total } : {}),
    });
  }
  T.connectSurprise = ({ props, watch, server, ask: trigger }) => {
    send = trigger;
    cancel = (one) => server.cancel_ask(one).catch(() => null);
    receive(props.value);
    watch("value", () => receive(props.value));
  };

  T.surprise = { ask, stop }; // for Learn

  T.define("measures-surprise", (root) => {
    const choice = el("select", { class: "ts-field ts-select", "aria-label": "Class the generator is told" });
    const go = el("button", { type: "button", class: "ts-button ts-main", onclick: () => (running() ? stop() : ask(choice.value, true)) });
    const controls = el("div", { class: "ts-row ts-ask" }, el("label", { class: "ts-inline" }, el("span", { text: "Class" }), choice), go);
    const finding = el("p", { class: "ts-surprise-finding", role: "status" });
    const bar = el("i");
    const progress = el("div", { class: "ts-progress", hidden: true }, bar);
    const failed = el("p", { class: "ts-failed", role: "alert", hidden: true });
    const about = el("p", { class: "ts-sub" });
    const surface = el("div", { class: "ts-pyramid ts-columns ts-surprise", role: "group", "aria-label": "Surprise of each token, in bits" });
    const legendBar = el("i");
    const [low, high] = [el("span", { class: "ts-num", text: "0 bits" }), el("span", { class: "ts-num" })];
    const read = el("p", { class: "ts-caption", role: "status" });
    const legend = el("div", { class: "ts-legend" }, el("span", { class: "ts-ramp" }, low, legendBar, high), el("span"), read);
    const ranks = el("div", { class: "ts-ranking", role: "group", "aria-label": "Classes by likelihood" });
    const rankHead = el("h3");
    const rankNote = el("p", { class: "ts-caption" });
    const ranking = el("div", { class: "ts-ranking-part" }, el("div", { class: "ts-head" }, rankHead), ranks, rankNote);
    const result = el("div", { class: "ts-surprise-result" }, surface, legend, ranking);
    const section = el("section", { class: "ts-measures" }, el("div", { class: "ts-head" }, el("h2", {}, T.term("How surprised is the generator?", "The surprise of a token is −log2 of the probability that the generator gives it when told the class and all coarser tokens. 0 bits: it was certain. Each bit more halves the chance."))), about, controls, progress, failed, finding, result);
    root.append(section);
    let maps = [];
    let marked = [];
    let everyClass = false;
    let highest = 1;

    function build() {
      maps = scales().map((scale, k) => {
        const cells = Array.from({ length: scale.h * scale.w }, (_, n) => {
          const cell = el("div", { class: "ts-cell" });
          cell.place = { k, i: Math.floor(n / scale.w), j: n % scale.w };
          return cell;
        });
        const grid = el("div", { class: "ts-map", role: "img", style: { "--h": scale.h, "--w": scale.w } }, cells);
        const mean = el("span", { class: "ts-num" });
        return { grid, cells, mean, figure: el("figure", { class: "ts-scale", style: { "--weight": geometry.weight(scale) } }, grid, el("figcaption", {}, mean)) };
      });
      marked = [];
      surface.style.setProperty("--ts-columns", geometry.columns(scales()));
      surface.replaceChildren(...maps.map((map) => map.figure));
      fit();
    }
    const fit = () => surface.classList.toggle("ts-compact", geometry.compact(scales(), surface.clientWidth));
    new ResizeObserver(() => { if (surface.clientWidth) fit(); }).observe(surface);
    for (const [kind, act] of [["pointerover", (place) => T.set({ hover: place })], ["click", (place) => T.select({ ...place, cells: [place.i * scales()[place.k].w + place.j] })]]) {
      surface.addEventListener(kind, (event) => { const cell = event.target.closest(".ts-cell"); if (cell && (kind === "click" || event.pointerType === "mouse")) act(cell.place); });
    }
    surface.addEventListener("pointerleave", () => T.set({ hover: null }));

    function paint() {
      const { shown, uniform } = state.surprise;
      highest = Math.max(uniform, ...shown.bits.flat());
      legendBar.style.background = M.gradient();
      high.textContent = `${T.number(highest)} bits`;
      legend.children[1].textContent = `per token; an even guess among all codes takes ${T.number(uniform, uniform % 1 ? 1 : 0)} bits`;
      shown.bits.forEach((bits, k) => {
        bits.forEach((value, n) => maps[k].cells[n].style.setProperty("--c", T.codebook.css(M.ramp(value / highest))));
        const mean = bits.reduce((a, b) => a + b, 0) / bits.length;
        maps[k].mean.replaceChildren(T.number(mean), el("span", { class: "ts-wide", text: bits.length > 1 ? " bits, mean" : " bits" }));
        maps[k].grid.setAttribute("aria-label", `Scale ${k + 1}: ${T.number(mean)} bits per token on average, from ${T.number(Math.min(...bits))} to ${T.number(Math.max(...bits))}`);
      });
    }

    // the same marks as on the token maps above
    function mark() {
      for (const cell of marked) cell.classList.remove("ts-hovered", "ts-selected", "ts-linked");
      marked = [];
      const add = (place, name) => {
        const cell = place && maps[place.k]?.cells[place.i * scales()[place.k].w + place.j];
        if (cell) { cell.classList.add(name); marked.push(cell); }
        return cell;
      };
      maps.forEach((map, k) => map.figure.classList.toggle("ts-focused", k === state.selection.k));
      add(state.selection, "ts-selected");
      if (add(state.hover, "ts-hovered")) {
        maps.forEach((_, k) => { if (k !== state.hover.k) for (const n of geometry.linked(scales()[state.hover.k], state.hover.i, state.hover.j, scales()[k])) { maps[k].cells[n].classList.add("ts-linked"); marked.push(maps[k].cells[n]); } });
      }
      const place = state.hover && maps[state.hover.k] ? state.hover : state.selection;
      const bits = state.surprise.shown?.bits[place.k]?.[place.i * (scales()[place.k]?.w || 1) + place.j];
      read.textContent = bits === undefined ? "" : `Scale ${place.k + 1}, row ${place.i + 1}, column ${place.j + 1}: ${T.number(bits)} bits for code ${T.codeAt("session", place)}, a chance of 1 in ${chance(bits)}.`;
    }
    const chance = (bits) => (bits < 3 ? T.number(2 ** bits, 1) : Number((2 ** bits).toPrecision(2)).toLocaleString("en"));

    function rank() {
      const { ranking: found, shown, done, total } = state.surprise;
      ranking.hidden = !found.length;
      if (!found.length) return;
      const tokens = shown.bits.flat().length;
      const focus = ranks.contains(document.activeElement) ? document.activeElement.dataset.label : undefined;
      const best = found[0][1];
      const most = Math.max(1e-9, found.at(-1)[1] - best);
      rankHead.textContent = done < total ? `Likeliest of ${done} classes so far` : `Likeliest: ${nameOf(found[0][0])}`;
      const rows = (everyClass ? found : found.slice(0, FIRST_CLASSES)).map(([label, bits], n) => el("button", {
        type: "button", class: `ts-rank${label === NONE ? " ts-null" : ""}`, "data-label": label, "aria-pressed": String(label === shown.label), disabled: running() || null,
        "aria-label": `${n + 1}, ${nameOf(label)}: ${T.number(bits / tokens, 2)} bits per token, ${T.number(bits - best)} bits more than the likeliest. Show its map.`,
        onclick: () => { choice.value = label; ask(label, !fresh()); },
      }, el("span", { text: nameOf(label) }), el("i", { style: { "--v": `${(100 * (bits - best)) / most}%` } }), el("span", { class: "ts-num", text: T.number(bits / tokens, 2) }), el("span", { class: "ts-num ts-muted", text: `+${T.number(bits - best)}` })));
      const more = found.length > FIRST_CLASSES ? el("button", { type: "button", class: "ts-button ts-plain", text: everyClass ? "Show fewer" : `Show all ${found.length.toLocaleString("en")}`, onclick: () => { everyClass = !everyClass; rank(); } }) : null;
      ranks.replaceChildren(...[...rows, more].filter(Boolean));
      rankNote.replaceChildren("Numbers: bits per token, lower is likelier, and the bits that all tokens together need beyond the likeliest class, which the bars show. ", T.term("One bit more", "Likelihoods of the whole picture are compared: if all classes were equally common, a class that needs 1 bit more would be half as probable, 10 bits more a thousandth."), " is half as likely. Click a class to show its map.");
      if (focus !== undefined) [...ranks.children].find((row) => row.dataset.label === focus)?.focus();
    }

    function say() {
      const { status, shown, uniform, done, total, asked } = state.surprise;
      if (status === "waiting") return shown && fresh() && state.surprise.ranking.length ? `Asking about “${nameOf(asked)}” …` : "Waiting for the generator …";
      if (!shown) return status === "stopped" ? "Stopped before the first class was scored." : "";
      if (!fresh()) return "Out of date: the tokens have changed since. Ask again.";
      const tokens = shown.bits.flat().length;
      const text = `${T.count(Math.round(shown.total), "bit")} for the ${T.count(tokens, "token")} when ${told(shown.label)}: ${T.number(shown.total / tokens)} per token, ${T.number(uniform, uniform % 1 ? 1 : 0)} would be an even guess.`;
      if (status === "running") return `${text} Scored ${done} of ${total} classes …`;
      return status === "stopped" && done < total ? `${text} Stopped after ${done} of ${total} classes.` : text;
    }

    let options = "";
    T.subscribe(root, ["surprise", "docs", "measures", "selection", "hover", "theme", "model"], (keys) => {
      const { status, shown, unavailable, problem, done, total, generator } = state.surprise;
      const classes = state.model?.classes?.map(({ name }) => name) || [];
      if (classes.join() !== options) {
        options = classes.join();
        choice.replaceChildren(el("option", { value: LIKELIEST, text: "likeliest of all" }), ...(state.model?.can_guide === false ? [] : [el("option", { value: NONE, text: "no class" })]), ...classes.map((name) => el("option", { value: name, text: nameOf(name) })));
      }
      section.hidden = !scales().length;
      controls.hidden = Boolean(unavailable);
      about.textContent = unavailable || `Told a class and shown all coarser scales, ${generator} gives every code a probability. The surprise is how far the true token is from certain, in bits. Without guidance, which would change the probabilities.`;
      go.textContent = running() ? "Stop" : "Ask the generator";
      go.classList.toggle("ts-main", !running());
      choice.disabled = running();
      progress.hidden = !running();
      bar.style.setProperty("--v", `${status === "running" && total ? (100 * done) / total : 0}%`);
      failed.hidden = !problem;
      failed.textContent = problem || "";
      finding.textContent = say();
      finding.hidden = !finding.textContent;
      const drawable = Boolean(shown) && shown.bits.length === scales().length && shown.bits.every((bits, k) => bits.length === scales()[k].h * scales()[k].w);
      result.hidden = !drawable;
      result.classList.toggle("ts-outdated-result", !fresh());
      if (!drawable) return;
      const shape = scales().map((scale) => `${scale.h}x${scale.w}`).join();
      if (surface.dataset.shape !== shape) { surface.dataset.shape = shape; build(); }
      if (keys.has("surprise") || keys.has("theme") || keys.has("docs")) { paint(); rank(); }
      mark();
    });
  });
})();
