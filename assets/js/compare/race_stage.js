// Compare, Race: the finding, both pictures at equal computing time with their token maps, and what can be done with them.
// The time axis below them is race_axis.js.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;
  const R = () => T.race;
  const other = (order) => (order === "raster" ? "next-scale" : "raster");

  // what the race says, in one sentence
  function finding() {
    const { intro, view, status } = state.race;
    if (!intro) return "Two ways to write a picture, at equal computing time.";
    if (intro.problem) return "There is nothing to race yet.";
    if (status === "waiting" || view?.status === "warming") return "On your marks: one step of each model to warm up, not counted.";
    if (!view) return "Which is faster: whole maps coarse to fine, or one token after the other?";
    const [a, b] = R().lanes();
    if (status === "running") return `Racing: ${count(a)}, ${count(b)}.`;
    if (!view.finish) return `Stopped at ${R().seconds(R().end())} of computing time: ${count(a)}, ${count(b)}.`;
    const { first, seconds, others } = view.finish;
    const left = other(first);
    const lane = R().lanes().find(({ order }) => order === left);
    const [name, rest] = [first === "raster" ? "Raster" : "Next-scale", left];
    if (others[left] === lane.total) return `Both were done at ${R().seconds(seconds)} of computing time.`;
    const done = left === "raster" ? `had painted ${others[left]} of ${lane.total} tokens` : `had written ${others[left]} of ${lane.total} maps`;
    return `${name} was done after ${R().seconds(seconds)}; ${rest} ${done} by then.`;
  }
  const count = (lane) => `${lane.order} ${lane.done} of ${lane.total} steps`;
  function remark() {
    const { intro, view, status } = state.race;
    if (!intro || intro.problem) return intro?.problem || "";
    if (!view) return "Press Race: both models write the same class on this machine, now. Each has a clock of its own.";
    if (R().stale()) return "Out of date: the settings have changed since. Press Race.";
    const made = `${cap(R().said(view.label))}, seed ${view.seed}.`;
    if (view.status === "example" && status === "idle") return `${made} Raced for real on this machine when this page was first opened; press Race to run it now.`;
    return made;
  }
  const cap = (text) => text.charAt(0).toUpperCase() + text.slice(1);

  // One lane: the large picture and its token maps

  function laneNode(fact, onOpen) {
    const image = el("img", { hidden: true, draggable: "false" });
    const hatches = [el("i"), el("i")];
    const empty = el("span", { class: "ts-race-empty" });
    const picture = el("div", { class: "ts-race-picture", style: { "--ratio": `${fact.size[1]} / ${fact.size[0]}` } }, image, hatches, empty);
    const maps = fact.grids.map(([h, w]) => el("canvas", { width: w, height: h, role: "img", style: { "--side": Math.max(h, w) } }));
    const steps = el("span", { class: "ts-num" });
    const tag = el("span", { class: "ts-race-tag" });
    const about = fact.order === "raster" ? `one token after the other, ${fact.steps} steps` : `one whole map a step, ${fact.steps} steps`;
    const node = el("figure", { class: `ts-race-lane ts-race-${fact.order}` },
      el("figcaption", {}, el("b", { text: fact.title }), el("span", { class: "ts-muted", text: about }), tag),
      el("div", { class: "ts-race-board" }, picture,
        el("div", { class: "ts-race-maps" }, maps.map((canvas, k) => el("div", {}, canvas, el("small", { text: `${fact.grids[k][0]}×${fact.grids[k][1]}` }))))),
      el("p", { class: "ts-race-count" }, steps));
    let painted = "";

    function draw(lane) {
      const n = R().shownSteps(lane);
      const { image: uri, steps: of } = R().picture(lane, n);
      image.hidden = !uri;
      if (uri && image.getAttribute("src") !== uri) image.src = uri;
      empty.hidden = Boolean(n);
      empty.textContent = n ? "" : "nothing yet";
      if (fact.order === "raster") hatch(n);
      const tokens = n ? lane.tokens[n - 1] : 0;
      image.alt = `${fact.title} after ${n} of ${lane.total} steps${fact.order === "raster" && n < lane.total ? "; the hatched part is not painted yet" : ""}`;
      picture.classList.toggle("ts-late", Boolean(uri) && of !== n);
      const done = n === lane.total;
      tag.textContent = done ? `done, ${R().seconds(lane.clock.at(-1))}` : "";
      steps.textContent = fact.order === "raster" ? `${tokens} of ${fact.tokens} tokens` : `map ${n} of ${lane.total}, ${tokens} of ${fact.tokens} tokens`;
      const key = `${state.race.view?.job} ${lane.done} ${n} ${state.theme}`;
      if (key !== painted) { painted = key; paint(lane, n); }
    }
    // unknown cells: the rest of the row that is being written, and all rows below it
    function hatch(n) {
      const [h, w] = fact.cells;
      const [row, column] = [Math.floor(n / w), n % w];
      const box = (node, top, left, bottom) => {
        node.hidden = top >= 1 || left >= 1 || bottom <= top;
        Object.assign(node.style, { top: `${100 * top}%`, left: `${100 * left}%`, height: `${100 * (bottom - top)}%`, width: `${100 * (1 - left)}%` });
      };
      box(hatches[0], row / h, column / w, Math.min(1, (row + 1) / h));
      box(hatches[1], (row + 1) / h, 0, 1);
      hatches[0].hidden ||= column === 0 && n >= h * w;
    }
    function paint(lane, n) {
      maps.forEach((canvas, k) => {
        const { w, h, colours } = lane.maps[k];
        const known = fact.order === "raster" ? n : k < n ? h * w : 0;
        const ink = canvas.getContext("2d");
        ink.clearRect(0, 0, w, h);
        for (let cell = 0; cell < known; cell += 1) if (colours[cell]) { ink.fillStyle = colours[cell]; ink.fillRect(cell % w, Math.floor(cell / w), 1, 1); }
        canvas.setAttribute("aria-label", `Token map ${h} × ${w} of ${fact.title.toLowerCase()}: ${known} of ${h * w} tokens known`);
      });
    }
    function clear() {
      image.hidden = true;
      empty.hidden = false;
      empty.textContent = "starts empty";
      tag.textContent = "";
      steps.textContent = `${fact.tokens} tokens in ${fact.steps} steps`;
      hatches.forEach((node) => { node.hidden = true; });
      painted = "";
      maps.forEach((canvas, k) => { canvas.getContext("2d").clearRect(0, 0, canvas.width, canvas.height); canvas.setAttribute("aria-label", `Token map ${fact.grids[k].join(" × ")} of ${fact.title.toLowerCase()}: nothing known yet`); });
    }
    return { node, draw, clear, order: fact.order };
  }

  T.define("race-stage", (root) => {
    const title = el("h2", { class: "ts-finding", role: "status" });
    const sub = el("p", { class: "ts-sub" });
    const go = el("button", { type: "button", class: "ts-button ts-main ts-race-go", onclick: () => (R().running() ? R().stop() : R().start()) });
    const failed = el("p", { class: "ts-failed", role: "alert", hidden: true });
    const board = el("div", { class: "ts-race-lanes" });
    const axis = T.raceAxis();
    const rule = el("p", { class: "ts-caption" });
    const play = el("button", { type: "button", class: "ts-button", onclick: () => (state.race.playing ? R().pause() : R().play()) });
    const save = el("button", { type: "button", class: "ts-button", text: "Save as picture", onclick: () => T.saveRace(title.textContent) });
    const actions = el("div", { class: "ts-row ts-race-actions" }, play, save);
    const content = el("div", { class: "ts-race-content" }, board, axis.node, actions, rule);
    root.append(el("div", { class: "ts-race-head" }, el("div", {}, title, sub), go), failed, content);
    let drawn = [];
    new ResizeObserver(() => { if (root.clientWidth && state.race.intro) R().example(); }).observe(root);

    T.subscribe(root, ["race", "theme"], () => {
      const { intro, view, problem, status } = state.race;
      title.textContent = finding();
      sub.textContent = remark();
      const usable = Boolean(intro) && !intro.problem;
      go.hidden = content.hidden = !usable;
      failed.hidden = !problem;
      failed.textContent = problem || "";
      if (!usable) return;
      go.textContent = R().running() ? "Stop" : view ? "Race again" : "Race";
      go.classList.toggle("ts-main", !R().running());
      if (view?.status === "example" && status === "idle") go.textContent = "Race";
      if (!drawn.length) { drawn = intro.lanes.map((fact) => laneNode(fact)); board.replaceChildren(...drawn.map(({ node }) => node)); }
      content.classList.toggle("ts-outdated-result", R().stale());
      const raced = view && view.status !== "warming";
      for (const lane of drawn) {
        const found = raced && view.lanes.find(({ order }) => order === lane.order);
        if (found) lane.draw(found); else lane.clear();
      }
      axis.draw();
      const ready = Boolean(raced) && !R().running() && R().end() > 0;
      play.disabled = save.disabled = !ready;
      play.textContent = state.race.playing ? "Pause" : ready && R().slower() > 1 ? `Replay, ${R().slower()} × slower` : "Replay";
      rule.replaceChildren(T.term("Each clock", "A clock adds up the measured seconds of its model's steps. Decoding, drawing and waiting stand still for it and are listed apart."), " is the sum of the model's measured step times. The page always advances the model whose clock is behind, so both pictures stand at equal computing time. Decoding is not in it.");
    });
    if (state.race.intro) R().example();
  });
})();
