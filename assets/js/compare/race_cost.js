// Compare, Race: what a picture costs as it grows. Counted work is there at once; times are measured on request.
// Small plots with log axes and direct labels, one table with everything in it. Dispatches "ts:did" with "cost-measured".
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;
  const [NEXT, RASTER] = ["next-scale", "raster"];
  const PATIENCE = 180000;
  let send = null;
  let cancel = () => {};
  let job = null;
  let timer = null;

  // status: "idle" | "running" | "done" | "stopped" | "failed"; measured: [{order, side, seconds, expected}], of the own family
  state.cost = { intro: null, family: null, status: "idle", measured: [], at: null, problem: null };
  const put = (patch) => T.set({ cost: { ...state.cost, ...patch } });
  const running = () => state.cost.status === "running";

  function start() {
    job = `${Date.now()}-${Math.random().toString(36).slice(2, 8)}`;
    wait();
    put({ status: "running", measured: [], at: null, problem: null });
    send({ job });
  }
  function stop() {
    cancel(job);
    job = null;
    clearTimeout(timer);
    put({ status: "stopped" });
  }
  function wait() {
    clearTimeout(timer);
    timer = setTimeout(() => { if (running()) { stop(); put({ status: "failed", problem: "The models have not answered for three minutes. Measure again, or reload the page." }); } }, PATIENCE);
  }
  function receive(view) {
    if (!view) return;
    if (view.job === undefined) return put({ intro: view, family: view.families[0].name });
    if (view.job !== job) return;
    wait();
    if (view.status !== "running") { job = null; clearTimeout(timer); }
    if (view.problem) return put({ status: "failed", problem: view.problem });
    put({ status: view.status, measured: view.measured, at: view.at });
    if (view.status === "done") document.dispatchEvent(new CustomEvent("ts:did", { detail: { what: "cost-measured" } }));
  }
  T.connectRaceCost = ({ props, watch, server, ask }) => {
    send = ask;
    cancel = (one) => server.cancel_cost(one).catch(() => null);
    receive(props.value);
    watch("value", () => receive(props.value));
  };

  const family = () => state.cost.intro.families.find(({ name }) => name === state.cost.family);
  const timing = (order, side) => (family().name === "own" ? state.cost.measured.find((one) => one.order === order && one.side === side) : undefined);
  const short = (value) => (value >= 1000 ? Math.round(value).toLocaleString("en") : T.number(value, value < 9.95 ? 2 : value < 99.5 ? 1 : 0));
  const gflop = (value) => short(value / 1e9);
  const seconds = (value) => short(value);

  // One plot: log x (pixels of a side) and log y; a point says its value on hover and focus

  function plot({ title, unit, series, empty }) {
    const [width, height, left, right, top, bottom] = [340, 220, 44, 96, 10, 28];
    const points = series.flatMap((line) => line.points);
    const head = el("figcaption", {}, el("b", { text: title }), el("span", { class: "ts-caption", text: unit }));
    if (!points.length) return el("figure", { class: "ts-cost-plot" }, head, el("p", { class: "ts-empty-state", text: empty }));
    const xs = family().rows.map(({ pixels }) => pixels);
    const power = (value, round) => 10 ** round(Math.log10(value) + (round === Math.floor ? 1e-9 : -1e-9));
    const [low, high] = [power(Math.min(...points.map(({ y }) => y)), Math.floor), power(Math.max(...points.map(({ y }) => y)), Math.ceil)];
    const share = (value, from, to) => (to > from ? Math.log(value / from) / Math.log(to / from) : 0.5);
    const x = (value) => left + share(value, xs[0], xs.at(-1)) * (width - left - right);
    const y = (value) => height - bottom - share(value, low, high) * (height - top - bottom);
    const put = (tag, attributes, text) => { const node = el(`svg:${tag}`, attributes); if (text !== undefined) node.textContent = text; return node; };
    const decades = Math.round(Math.log10(high / low));
    const lines = Array.from({ length: decades + 1 }, (_, n) => low * 10 ** n).filter((_, n) => n % Math.ceil((decades + 1) / 6) === 0);
    const grid = lines.flatMap((value) => [put("line", { class: "ts-cost-grid", x1: left, x2: width - right, y1: y(value), y2: y(value) }), put("text", { x: left - 6, y: y(value) + 4, class: "ts-cost-tick ts-cost-y" }, compact(value))]);
    const below = xs.map((value) => put("text", { x: x(value), y: height - bottom + 18, class: "ts-cost-tick ts-cost-x" }, value));
    const ends = series.filter((line) => line.points.length).map((line) => ({ line, at: y(line.points.at(-1).y) })).sort((a, b) => a.at - b.at);
    ends.forEach((one, n) => { if (n) one.at = Math.max(one.at, ends[n - 1].at + 14); });
    const drawn = series.flatMap(({ points: own, kind }) => [
      put("path", { class: `ts-cost-line ts-cost-${kind}`, d: own.map((point, n) => `${n ? "L" : "M"}${x(point.x).toFixed(1)} ${y(point.y).toFixed(1)}`).join("") }),
      ...own.map((point) => put("circle", { class: `ts-cost-dot ts-cost-${kind}`, cx: x(point.x), cy: y(point.y), r: 4, tabindex: 0, role: "img", "aria-label": point.say, "data-tip": point.say })),
    ]);
    const labels = ends.map(({ line, at }) => put("text", { class: `ts-cost-label ts-cost-${line.kind}`, x: x(line.points.at(-1).x) + 8, y: Math.min(height - bottom, at) + 4 }, line.name));
    const about = series.map((line) => (line.points.length ? `${line.points[0].say}, to ${line.points.at(-1).x} px: ${line.points.at(-1).value}` : "")).filter(Boolean).join("; ");
    const svg = el("svg:svg", { viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": `${title}, ${unit}: ${about}` });
    svg.append(...grid, ...below, ...drawn, ...labels);
    return el("figure", { class: "ts-cost-plot" }, head, svg);
  }
  const compact = (value) => (value >= 1e6 ? `${value / 1e6}M` : value >= 1e3 ? `${value / 1e3}k` : value >= 1 ? value.toLocaleString("en") : String(Number(value.toPrecision(1))));

  function plots() {
    const { rows } = family();
    const line = (name, kind, value, say) => ({ name, kind, points: rows.map((row) => ({ x: row.pixels, y: value(row), row })).filter(({ y: found }) => found > 0).map((point) => ({ ...point, value: say(point.y), say: `${name}, ${point.x} px: ${say(point.y)}` })) });
    const work = (value) => `${gflop(value * 1e9)} GFLOP`;
    const measured = (order) => (row) => timing(order, row.side)?.seconds || 0;
    return [
      plot({ title: "Dependent steps", unit: "side of the picture in px", series: [line("raster", RASTER, (row) => row[RASTER].steps, (v) => T.count(v, "step")), line("next-scale", NEXT, (row) => row[NEXT].steps, (v) => T.count(v, "step"))] }),
      plot({ title: "Counted work", unit: "GFLOP by side in px", series: [
        line("no cache", "without", (row) => row[RASTER].without_cache / 1e9, work), line("next-scale", NEXT, (row) => row[NEXT].flops / 1e9, work), line("raster", RASTER, (row) => row[RASTER].flops / 1e9, work)] }),
      plot({ title: "Measured time", unit: "seconds by side in px, random weights", empty: family().measured || "Nothing measured yet: press Measure.", series: [line("raster", RASTER, measured(RASTER), (v) => `${seconds(v)} s`), line("next-scale", NEXT, measured(NEXT), (v) => `${seconds(v)} s`)] }),
    ];
  }

  function table() {
    const { rows } = family();
    const time = (order, side) => {
      const found = timing(order, side);
      if (!found) return el("td", { class: "ts-muted", text: "–" });
      return found.seconds !== null ? el("td", { text: seconds(found.seconds) }) : el("td", { class: "ts-muted", "data-tip": `It would take about ${T.number(found.expected, 0)} s, more than what was left of ${T.number(state.cost.intro.seconds, 0)} s`, text: "left out" });
    };
    const group = (text, span, about) => el("th", { scope: "colgroup", colspan: span }, about ? T.term(text, about) : text);
    const head = (...names) => names.map((text) => el("th", { scope: "col", text }));
    return el("div", { class: "ts-cost-scroll", tabindex: "0", role: "region", "aria-label": "Cost by size of the picture, a table" }, el("table", { class: "ts-table ts-cost-table" },
      el("caption", { class: "ts-hidden", text: "Cost of one picture by its size: dependent steps, tokens, counted work, measured seconds, and how each grows" }),
      el("thead", {},
        el("tr", {}, el("td", {}), group("Dependent steps", 2), group("Tokens", 2), group("Counted, GFLOP", 3, "By formula, with guidance: every step runs with the class and without. A cache keeps keys and values of earlier positions."), group("Measured, s", 2, "Random weights, time only: the sum of the step times on this machine, without decoding.")),
        el("tr", {}, el("th", { scope: "col", text: "Side" }), head("next-scale", "raster", "next-scale", "raster", "next-scale", "raster", "raster, no cache", "next-scale", "raster"))),
      el("tbody", {}, rows.map((row) => el("tr", {}, el("th", { scope: "row", text: `${row.pixels} px`, "data-tip": `${row.side} × ${row.side} tokens; next-scale maps: ${row.scales.join(", ")}` }),
        el("td", { text: row[NEXT].steps }), el("td", { text: row[RASTER].steps.toLocaleString("en") }),
        el("td", { text: row[NEXT].tokens.toLocaleString("en") }), el("td", { text: row[RASTER].tokens.toLocaleString("en") }),
        el("td", { text: gflop(row[NEXT].flops) }), el("td", { text: gflop(row[RASTER].flops) }), el("td", { text: gflop(row[RASTER].without_cache) }),
        time(NEXT, row.side), time(RASTER, row.side)))),
      el("tfoot", {}, el("tr", {}, el("th", { scope: "row" }, T.term("Asymptotic", "How it grows with the side n of the token map when n is very large, constants left out.")),
        ...["log n", "n²", "n²", "n²", "n⁴", "n⁴", "n⁶", "no law", "no law"].map((text) => el("td", { text }))))));
  }

  T.define("race-cost", (root) => {
    const title = el("h2", { class: "ts-finding" });
    const sub = el("p", { class: "ts-sub" });
    const choice = el("div", {});
    const go = el("button", { type: "button", class: "ts-button", onclick: () => (running() ? stop() : start()) });
    const said = el("p", { class: "ts-caption", role: "status" });
    const bar = el("i");
    const progress = el("div", { class: "ts-progress", hidden: true }, bar);
    const failed = el("p", { class: "ts-failed", role: "alert", hidden: true });
    const charts = el("div", { class: "ts-cost-plots" });
    const figures = el("div", {});
    const caveats = el("ul", { class: "ts-race-notes" });
    const section = el("section", { class: "ts-race-fairness ts-race-cost" }, el("div", { class: "ts-head" }, el("h2", { text: "What does a picture cost as it grows?" })), title, sub,
      el("div", { class: "ts-row ts-cost-actions" }, choice, go, said), progress, failed, charts, figures, caveats);
    root.append(section);
    let segment = null;
    let drawn = "";

    function say() {
      const { status, at, measured, intro } = state.cost;
      if (family().measured) return "";
      if (status === "running") return at ? `Measuring ${at.order} at ${family().rows.find(({ side }) => side === at.side).pixels} px: step ${at.done} of ${at.total}` : "Waiting for the device …";
      if (!measured.length) return `Random weights, time only; at most ${T.number(intro.seconds, 0)} s of computing.`;
      return `${status === "stopped" ? "Stopped. " : ""}Random weights, time only, on ${intro.hardware}.`;
    }
    T.subscribe(root, ["cost"], () => {
      const { intro, status, at, measured, problem } = state.cost;
      section.hidden = !intro;
      if (!intro) return;
      if (!segment) {
        segment = T.segment("Models", intro.families.map((one) => ({ value: one.name, text: one.title })), (name) => put({ family: name }));
        choice.replaceChildren(segment);
      }
      segment.show(family().name);
      title.textContent = family().finding;
      sub.textContent = `${family().models[NEXT]} and ${family().models[RASTER]}, one token for ${family().cell} × ${family().cell} px, both with guidance and a cache. Larger pictures are larger maps for the same networks.`;
      go.textContent = running() ? "Stop" : measured.length ? "Measure again" : "Measure";
      go.hidden = Boolean(family().measured);
      said.textContent = say();
      progress.hidden = !running() || go.hidden;
      bar.style.setProperty("--v", `${at ? (100 * at.done) / at.total : 0}%`);
      failed.hidden = !problem;
      failed.textContent = problem || "";
      const key = `${family().name} ${measured.length} ${status === "running"}`;
      if (key === drawn) return;
      drawn = key;
      charts.replaceChildren(...plots());
      figures.replaceChildren(table());
      caveats.replaceChildren(...family().caveats.map((text) => el("li", { text })));
    });
  });
})();
