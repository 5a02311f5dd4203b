// Compare, Race: figures of both models at the shown time and in the whole race, and what is fair about it.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;
  const R = () => T.race;
  const WORK = "Floating-point operations by formula: matrix products, convolutions and attention, two for a multiply-add. The formulas are held against torch's own counter by a test.";

  // rows of {name: text or node, values: one text per lane}; a table whose first column says what a number is
  function table(caption, rows, heads) {
    return el("figure", { class: "ts-race-table" }, el("figcaption", {}, caption),
      el("table", { class: "ts-table" },
        el("thead", {}, el("tr", {}, el("th", { scope: "col" }, el("span", { class: "ts-hidden", text: "Figure" })), heads.map((head) => el("th", { scope: "col", text: head })))),
        el("tbody", {}, rows.map(({ name, values }) => el("tr", {}, el("th", { scope: "row" }, name), values.map((value) => (value instanceof Node ? el("td", {}, value) : el("td", { text: value, class: value === NOT_STATED ? "ts-muted" : null }))))))));
  }
  const NOT_STATED = "not stated";
  const ms = (value) => (value === null ? "–" : `${T.number(1000 * value, value < 0.0095 ? 1 : 0)} ms`);

  T.define("race-figures", (root) => {
    const body = el("div", { class: "ts-race-tables" });
    const wall = el("p", { class: "ts-caption" });
    const section = el("section", {}, body, wall);
    root.append(section);
    T.subscribe(root, ["race"], () => {
      const { view, intro } = state.race;
      const lanes = R().lanes();
      section.hidden = !intro || Boolean(intro.problem) || !view || view.status === "warming";
      if (section.hidden) return;
      section.classList.toggle("ts-outdated-result", R().stale());
      const heads = lanes.map(({ order }) => R().facts(order).title);
      const steps = lanes.map((lane) => R().shownSteps(lane));
      const most = Math.max(...lanes.map(({ work }) => work.at(-1)));
      const at = (values, n) => (n ? values[n - 1] : 0);
      const row = (name, value) => ({ name, values: lanes.map(value) });
      const shown = [
        row("Steps done", (lane, k) => `${steps[k]} of ${lane.total}`),
        row("Tokens", (lane, k) => `${at(lane.tokens, steps[k])} of ${R().facts(lane.order).tokens}`),
        row(T.term("Counted work", WORK), (lane, k) => R().flops(at(lane.work, steps[k]), most)),
        row("Its clock", (lane, k) => R().seconds(at(lane.clock, steps[k]))),
      ];
      const whole = [
        row("Computing time", (lane) => (lane.done === lane.total ? R().seconds(lane.clock.at(-1)) : "not finished")),
        row("Seconds per step, median", (lane) => ms(lane.median)),
        row(T.term("Counted work", WORK), (lane) => R().flops(lane.work.at(-1), most)),
        row(T.term("Decoding, apart", "Seconds for turning tokens into the pictures that were shown during the race. Not on the clocks."), (lane) => `${R().seconds(lane.decoding.seconds)}, ${T.count(lane.decoding.pictures, "picture")}`),
      ];
      body.replaceChildren(table(`At ${R().seconds(R().now())} of computing time each`, shown, heads), table(view.finish ? "The whole race" : "So far", whole, heads));
      wall.textContent = `Both together took ${R().seconds(view.wall)} of wall time, with decoding and drawing, on ${intro.hardware} (${intro.lanes[0].device}). Times depend on what else this machine does; another race gives others.`;
    });
  });

  T.define("race-fairness", (root) => {
    const list = el("ul", { class: "ts-race-notes" });
    const body = el("div", {});
    const note = el("p", { class: "ts-caption" });
    const section = el("section", { class: "ts-race-fairness" }, el("div", { class: "ts-head" }, el("h2", { text: "Is this race fair?" })), list, body, note);
    root.append(section);
    T.subscribe(root, ["race"], (keys) => {
      const { intro } = state.race;
      section.hidden = !intro || Boolean(intro.problem);
      if (section.hidden || section.dataset.drawn) return;
      section.dataset.drawn = "yes";
      const { lanes } = intro;
      const row = (name, value) => ({ name, values: lanes.map(value) });
      const known = (value, say) => (value === null || value === undefined ? NOT_STATED : say(value));
      list.replaceChildren(...intro.notes.map((text) => el("li", { text })));
      const rows = [
        row("Generator", (lane) => lane.name),
        row("Parameters", (lane) => lane.parameters.toLocaleString("en")),
        row("Photos trained on", ({ trained }) => known(trained.photos, (n) => n.toLocaleString("en"))),
        row(T.term("Pictures seen in training", "Every photo counts each time it was shown, over all runs."), ({ trained }) => known(trained.images, (n) => n.toLocaleString("en"))),
        row(T.term("Counted training work", `${WORK} Three forwards for every picture seen; the tokenizer is not included.`), ({ trained }) => known(trained.flops, (n) => `${R().flops(n, lanes[0].trained.flops || 0)}${trained.counted === "here" ? ", counted here" : ""}`)),
        row("Tokenizer", (lane) => lane.tokenizer),
        row("Tokens of a picture", (lane) => `${lane.tokens} in ${T.count(lane.grids.length, "map")}`),
        row(T.term("Tokenizer's PSNR", "How closely the tokenizer alone brings back photos that it has not been trained on. 10 dB more is a tenth of the squared error."), (lane) => known(lane.psnr, (db) => `${T.number(db)} dB`)),
        row("Dependent steps", (lane) => String(lane.steps)),
        row("Guidance", (lane) => el("span", { class: "ts-race-words", text: lane.guidance.rule })),
      ];
      body.replaceChildren(table("What stands against what", rows, lanes.map((lane) => lane.title)));
      note.textContent = `Counted work: ${intro.convention}.`;
    });
  });

  T.raceTable = table;
})();
