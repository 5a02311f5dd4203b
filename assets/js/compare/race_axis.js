// Compare, Race: one time axis for both models, one mark per step from its start to its end, and a slider over it.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;
  const R = () => T.race;
  const NICE = [1, 2, 5];

  // at most `most` round times up to the end
  function ticks(end, most) {
    if (!end) return [];
    for (let power = 10 ** Math.floor(Math.log10(end / most)); ; power *= 10) {
      for (const nice of NICE) {
        const step = nice * power;
        if (end / step <= most) return Array.from({ length: Math.floor(end / step + 1e-9) + 1 }, (_, n) => n * step);
      }
    }
  }
  const digits = (step) => Math.max(0, -Math.floor(Math.log10(step) + 1e-9));

  T.raceAxis = () => {
    const rows = el("div", { class: "ts-race-rows" });
    const scale = el("div", { class: "ts-race-scale", "aria-hidden": "true" });
    const line = el("i", { class: "ts-race-line" });
    const badge = el("output", { class: "ts-race-badge ts-num" });
    const slider = el("input", { type: "range", class: "ts-race-slider", min: 0, max: 1000, step: "any", "aria-label": "Computing time" });
    const plot = el("div", { class: "ts-race-plot" }, rows, line, slider);
    const node = el("div", { class: "ts-race-axis", role: "group", "aria-label": "Time axis of the race" }, el("div", { class: "ts-race-badges" }, badge), plot, scale);
    let shape = "";
    let bars = [];

    slider.addEventListener("input", () => { R().pause(); R().seek((Number(slider.value) / 1000) * R().end()); });
    // arrows go from step to step of either model
    slider.addEventListener("keydown", (event) => {
      const times = [0, ...R().lanes().flatMap(({ clock }) => clock)].sort((a, b) => a - b);
      const time = R().now();
      const to = {
        ArrowRight: times.find((at) => at > time + 1e-9), ArrowUp: times.find((at) => at > time + 1e-9),
        ArrowLeft: times.findLast((at) => at < time - 1e-9), ArrowDown: times.findLast((at) => at < time - 1e-9),
        Home: 0, End: R().end(),
      };
      if (event.key === " ") state.race.playing ? R().pause() : R().play();
      else if (!(event.key in to)) return;
      else { R().pause(); if (to[event.key] !== undefined) R().seek(to[event.key]); }
      event.preventDefault();
    });

    function build(lanes, end) {
      bars = [];
      rows.replaceChildren(...lanes.map((lane) => {
        const fact = R().facts(lane.order);
        const marks = lane.clock.map((at, n) => {
          const from = n ? lane.clock[n - 1] : 0;
          const mark = el("i", { style: { "--from": `${(100 * from) / end}%`, "--long": `${(100 * (at - from)) / end}%` } });
          bars.push({ mark, at });
          return mark;
        });
        const last = lane.clock.at(-1) || 0;
        const finished = lane.done === lane.total;
        const late = last > 0.62 * end;
        const label = el("span", { class: `ts-race-end${late ? " ts-inside" : ""}`, style: { "--at": `${(100 * last) / end}%` }, text: finished ? `${lane.total} steps, ${R().seconds(last)}` : "" });
        return el("div", { class: `ts-race-row ts-race-${lane.order}` }, el("div", { class: "ts-race-name" }, el("b", { text: fact.title }), label), el("div", { class: "ts-race-marks" }, marks));
      }));
      const most = Math.max(2, Math.min(8, Math.floor((plot.clientWidth || 600) / 90)));
      const times = ticks(end, most);
      const step = times[1] || end || 1;
      scale.replaceChildren(...times.map((at, n) => el("span", { style: { "--at": `${(100 * at) / end}%` }, class: n === times.length - 1 && at > 0.9 * end ? "ts-inside" : null, text: n ? T.number(at, digits(step)) : "0 s" })));
    }

    function draw() {
      const { view } = state.race;
      const lanes = R().lanes();
      const end = R().end();
      node.classList.toggle("ts-race-idle", !end);
      slider.disabled = !end || R().running();
      const key = `${view?.job} ${lanes.map(({ done }) => done).join()} ${plot.clientWidth > 0}`;
      if (key !== shape) { shape = key; build(lanes, end); }
      const at = R().now();
      const share = end ? at / end : 0;
      for (const { mark, at: when } of bars) mark.classList.toggle("ts-on", when <= at + 1e-9);
      node.style.setProperty("--now", `${100 * share}%`);
      badge.textContent = end ? `${R().seconds(at)} of computing time each` : "";
      if (Math.abs(Number(slider.value) / 1000 - share) > 1e-6) slider.value = 1000 * share;
      slider.setAttribute("aria-valuetext", `${R().seconds(at)}: ${lanes.map((lane) => `${lane.order} ${R().shownSteps(lane)} of ${lane.total} steps`).join(", ")}`);
    }
    new ResizeObserver(() => { if (plot.clientWidth && state.race.intro) draw(); }).observe(plot);
    return { node, draw };
  };
})();
