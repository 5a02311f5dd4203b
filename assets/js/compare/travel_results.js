// Compare / Error travel, the answers: what one flip changed, and a sweep of flips over the sequence.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;
  const mine = () => state.travel;
  const put = (patch) => T.travel.put(patch);
  const percent = (share) => T.comparing.percent(share);

  T.define("travel-result", (root) => {
    const threshold = el("select", { class: "ts-field ts-select ts-threshold", "aria-label": "A pixel counts as changed from", onchange: () => put({ threshold: threshold.value }) });
    const body = el("div", { class: "ts-travel-results" });
    const legend = el("div", { class: "ts-legend" });
    const section = el("section", { class: "ts-measures" }, el("div", { class: "ts-head ts-wrap" }, el("h2", { text: "What changed" }),
      el("label", { class: "ts-inline" }, el("span", {}, T.term("Changed means", "A pixel counts as changed when one of its three channels differs by more than this.")), threshold)), body, legend);
    root.append(section);

    const bars = (model) => {
      const raster = model.scales.length === 1;
      const groups = raster ? model.rows[0] : model.rows.map((rows) => rows.reduce(([a, b], [c, d]) => [a + c, b + d], [0, 0]));
      const word = raster ? "Row" : "Scale";
      const say = ([differ, drawn]) => (drawn ? `${differ} of ${T.count(drawn, "token")} drawn after the flip differ` : "nothing was drawn here after the flip");
      return el("figure", { class: "ts-travel-bars", role: "img", "aria-label": groups.map((group, n) => `${word} ${n + 1}: ${say(group)}`).join(". ") },
        el("figcaption", { class: "ts-caption", text: `Tokens that came out otherwise, by ${word.toLowerCase()}` }),
        el("div", { class: "ts-bars", style: { "--count": groups.length } }, groups.map(([differ, drawn], n) => el("div", { "data-tip": `${word} ${n + 1}: ${say([differ, drawn])}` }, el("small", { class: "ts-num", text: drawn ? `${differ}/${drawn}` : "" }), el("i", { class: drawn ? "" : "ts-none-drawn", style: { "--v": drawn ? `${(30 * differ) / drawn}px` : "0px" } }), el("span", { text: n + 1 })))));
    };
    function changedMaps(model) {
      return el("div", { class: `ts-changed-maps ts-changed-${model.order}`, style: { "--columns": model.scales.map(({ h, w }) => `minmax(0, ${T.geometry.weight({ h, w }).toFixed(3)}fr)`).join(" ") } }, model.scales.map((scale, k) => {
        const count = model.changed[k].reduce((a, b) => a + b, 0);
        return el("div", { class: "ts-see-grid", role: "img", "aria-label": `Scale ${k + 1}: ${T.count(count, "token")} changed`, style: { "--w": scale.w, "--h": scale.h } },
          model.changed[k].map((value, n) => el("i", { class: `ts-see${k === model.scale - 1 && n === model.cell ? " ts-flipped" : value ? " ts-came-out" : ""}` })));
      }));
    }
    function block(model) {
      const where = T.geometry.footprint(model.scales[model.scale - 1], model.row, model.column);
      const frame = (uri, alt, text) => {
        const ring = el("div", { class: "ts-ring ts-selected" });
        T.geometry.ringStyle(ring, where);
        return el("figure", {}, el("div", { class: "ts-frame-picture", style: { "--ratio": `${model.size[1]} / ${model.size[0]}` } }, el("img", { src: uri, alt }), ring), el("figcaption", { class: "ts-caption", text }));
      };
      return el("section", {}, el("h3", {}, el("b", { text: T.comparing.ORDER[model.order] })),
        el("div", { class: "ts-travel-pictures" }, frame(model.before, `${model.name}: before the flip`, "before"), frame(model.image, `${model.name}: after the flip`, "after"),
          frame(model.difference, `${model.name}: change of brightness, blue darker, red lighter, at most ${T.number(model.limit, 2)}; ${percent(model.affected[mine().threshold].share)} of the pixels changed`, `change, ±${T.number(model.limit, 2)}`)),
        mine().result.mode === "decode" ? el("p", { class: "ts-caption", text: "All other tokens stayed." }) : [bars(model), el("p", { class: "ts-caption", text: "Which tokens differ now; the flipped one is filled." }), changedMaps(model)]);
    }
    T.subscribe(root, ["travel"], () => {
      const { about, result } = mine();
      section.hidden = !result?.models.length;
      if (section.hidden) return;
      if (!threshold.childElementCount) threshold.append(...about.thresholds.map((value) => el("option", { value: String(value), text: `more than ${value} of 255` })));
      threshold.value = mine().threshold;
      section.classList.toggle("ts-outdated", !T.travel.fresh());
      body.replaceChildren(...result.models.map(block));
      legend.replaceChildren(el("span", { class: "ts-ramp" }, el("span", { text: "darker" }), el("i", { style: { background: about.gradient } }), el("span", { text: "lighter" })), el("span", { text: "change of brightness; the ends of the scale stand beside each picture, 1 is from black to white" }));
    });
  });

  T.define("travel-numbers", (root) => {
    const body = el("div");
    const note = el("p", { class: "ts-caption" });
    const section = el("section", {}, el("div", { class: "ts-head" }, el("h2", { text: "In numbers" })), body, note);
    root.append(section);
    T.subscribe(root, ["travel"], () => {
      const { result, threshold } = mine();
      const models = result?.models || [];
      section.classList.toggle("ts-outdated-result", Boolean(models.length) && !T.travel.fresh());
      note.textContent = models.length ? "" : "Affected area, reach and changed tokens of both models: after a flip.";
      if (!models.length) return body.replaceChildren();
      const of = (model) => model.affected[threshold];
      const px = (value) => `${T.number(value)} px`;
      body.replaceChildren(T.comparing.table(models.map(({ order }) => T.comparing.ORDER[order]), [
        ["Pixels changed", `Share of all pixels of which a channel differs by more than ${threshold} of 255.`, models.map((model) => percent(of(model).share))],
        ["… outside its cell", "Share of all pixels that changed although they lie outside the cell of the flipped token.", models.map((model) => percent(of(model).outside))],
        ["Mean change", "Mean absolute difference over all pixels and channels, in per cent of the full range from black to white.", models.map((model) => `${T.number(100 * model.mean, 2)} %`)],
        ["Reach", "Distance from the middle of the flipped token's cell to the farthest changed pixel.", models.map((model) => px(of(model).reach))],
        ["Centre moved by", "Distance from the middle of the flipped token's cell to the centroid of the changed pixels: how one-sided the change is.", models.map((model) => px(of(model).offset))],
        ["Later tokens changed", "Of the tokens drawn after the flip, those that came out otherwise. The random numbers are the same.", models.map((model) => (model.drawn ? `${model.differ} of ${model.drawn}` : "none drawn"))],
        ["Control", "The same, without any flip: how many tokens differ when everything is drawn again. 0 shows that the flip alone makes the difference.", models.map((model) => (model.control === null ? "–" : `${model.control} differ`))],
      ]));
    });
  });

  T.define("travel-reading", (root) => {
    root.append(el("section", {}, el("div", { class: "ts-head" }, el("h2", { text: "How to read this" })), el("ul", { class: "ts-facts-list" },
      el("li", {}, el("b", { text: "Decode only. " }), "The tokens stay as they are. The change is wider than the token's cell, because the decoder looks at a neighbourhood and normalises over the whole picture."),
      el("li", {}, el("b", { text: "Draw what follows again. " }), "Every later token is drawn with the same random numbers. It comes out otherwise only where the model's probabilities have moved far enough."),
      el("li", {}, el("b", { text: "Coarse tokens change everything on purpose. " }), "They stand for large parts of the picture, so a flip there is another picture, not an accident. In raster order the first tokens decide much, the last ones only their own place."),
      el("li", {}, el("b", { text: "No winner. " }), "One flip of one picture says little; the sweep shows how the affected area depends on the place in the sequence. A small area is no merit if the picture no longer fits together."))));
  });

  // --- many flips --------------------------------------------------------------------------------------------------

  const W = 640, H = 250, LEFT = 44, BOTTOM = 40, TOP = 24, RIGHT = 16;
  const x = (share) => LEFT + share * (W - LEFT - RIGHT);
  const y = (share) => TOP + (1 - share) * (H - TOP - BOTTOM);

  T.define("travel-sweep", (root) => {
    const count = T.segment("Flips of each model", ["6", "12", "24", "48"].map((value) => ({ value, text: value })), (value) => put({ count: value }));
    const go = el("button", { type: "button", class: "ts-button", onclick: () => (mine().running === "sweep" ? T.travel.stop() : T.travel.sweep()) });
    const bar = el("i");
    const progress = el("div", { class: "ts-progress" }, bar);
    const said = el("p", { class: "ts-sub", role: "status" });
    const chart = el("div", { class: "ts-sweep-chart" });
    const section = el("section", { class: "ts-measures" }, el("div", { class: "ts-head" }, el("h2", { text: "Does it matter when the token was written?" })),
      el("div", { class: "ts-row" }, el("span", { class: "ts-inline" }, el("span", { text: "Flips of each model" }), count), go), progress, said, chart);
    root.append(section);

    const mark = (point, threshold) => {
      const [cx, cy] = [x(point.before_share), y(point.share[threshold])];
      const text = `${T.comparing.ORDER[point.order]}, ${place(point)}: ${percent(point.share[threshold])} of the pixels changed${point.drawn ? `, ${point.differ} of ${T.count(point.drawn, "later token")}` : ""}`;
      const shape = point.order === "raster" ? el("svg:rect", { x: cx - 4.5, y: cy - 4.5, width: 9, height: 9 }) : el("svg:circle", { cx, cy, r: 5 });
      const node = el("svg:g", { class: `ts-point ts-point-${point.order}`, role: "button", tabindex: "0", "aria-label": `${text}. Choose this token.`, "data-tip": text }, shape);
      const pick = () => T.travel.choose(point.order, point.scale - 1, point.cell);
      node.addEventListener("click", pick);
      node.addEventListener("keydown", (event) => { if (event.key === "Enter" || event.key === " ") { event.preventDefault(); pick(); } });
      return node;
    };
    const place = (point) => {
      const model = mine().start?.models.find(({ order }) => order === point.order);
      return model ? T.travel.placeText(model, point.scale - 1, point.cell) : `scale ${point.scale}`;
    };
    // one line per model through the mean of the flips at the same place of the sequence
    function line(order, threshold) {
      const means = mine().sweep.lines[order]?.[threshold];
      if (!means?.length) return [];
      const [lastX, lastY] = means.at(-1);
      return [el("svg:path", { class: `ts-sweep-line ts-line-${order}`, d: means.map(([share, value], n) => `${n ? "L" : "M"}${x(share).toFixed(1)} ${y(value).toFixed(1)}`).join("") }),
        el("svg:text", { class: "ts-name ts-halo", ...(lastX < 0.8 ? { x: x(lastX) + 12, y: y(lastY) + 4 } : { x: W - RIGHT, y: y(lastY) - 30, "text-anchor": "end" }), text: order === "raster" ? "■ raster" : "● next-scale" })];
    }
    function draw() {
      const { points } = mine().sweep;
      const { threshold } = mine();
      const ticks = [0, 0.25, 0.5, 0.75, 1];
      const axes = [
        el("svg:g", { class: "ts-grid" }, ticks.map((share) => el("svg:line", { x1: LEFT, x2: W - RIGHT, y1: y(share), y2: y(share) }))),
        ...ticks.map((share) => el("svg:text", { x: LEFT - 8, y: y(share) + 4, "text-anchor": "end", text: 100 * share })),
        ...ticks.map((share) => el("svg:text", { x: x(share), y: H - BOTTOM + 18, "text-anchor": "middle", text: 100 * share })),
        el("svg:text", { x: LEFT - 8, y: 10, "text-anchor": "start", text: `% of the pixels changed (more than ${threshold} of 255)` }),
        el("svg:text", { x: W - RIGHT, y: H - 4, "text-anchor": "end", text: "% of the tokens known before the flipped one's step" }),
      ];
      chart.replaceChildren(el("svg:svg", { class: "ts-chart", viewBox: `0 0 ${W} ${H}`, role: "group", "aria-label": "Affected area against the place of the flip in the sequence" },
        axes, ["next-scale", "raster"].flatMap((order) => line(order, threshold)), points.map((point) => mark(point, threshold))));
    }
    function say() {
      const { sweep, running, stopped, start } = mine();
      if (!start || !T.travel.complete()) return "Flips one token after the other, spread over the steps of both models, and draws the affected area of each: first draw pictures above.";
      if (!sweep?.points.length) return running === "sweep" ? "Flipping …" : `Flips one token after the other, spread over the steps of both models${T.travel.mode() === "decode" ? ", and decodes" : "; after each, all that follows is drawn again"}. Each flip starts from the same pictures.`;
      const end = sweep.status === "done" ? "" : running === "sweep" ? ` Flip ${sweep.done} of ${sweep.total} …` : ` Stopped after ${sweep.done} of ${sweep.total} flips.`;
      const extremes = ["next-scale", "raster"].map((order) => {
        const mineOnly = sweep.points.filter((point) => point.order === order).sort((a, b) => a.before_share - b.before_share);
        return mineOnly.length > 1 ? `${T.comparing.ORDER[order]}: ${percent(mineOnly[0].share[mine().threshold])} of the pixels for the first token tried, ${percent(mineOnly.at(-1).share[mine().threshold])} for the last` : "";
      }).filter(Boolean).join(". ");
      return `${T.travel.sweepFresh() || running ? "" : stopped ? "" : "Out of date: pictures or settings have changed. "}${extremes}${extremes ? ". " : ""}Other code: ${sweep.how}. Lines join the means of flips at the same place; click a point to choose its token.${end}`;
    }
    T.subscribe(root, ["travel"], () => {
      const { about, running, sweep } = mine();
      section.hidden = !about?.models.length;
      count.show(mine().count);
      go.textContent = running === "sweep" ? "Stop" : "Flip many";
      go.disabled = !T.travel.complete() || Boolean(running && running !== "sweep");
      progress.style.visibility = running === "sweep" ? "visible" : "hidden";
      bar.style.setProperty("--v", sweep?.total ? `${(100 * sweep.done) / sweep.total}%` : "0%");
      said.textContent = say();
      chart.hidden = !sweep?.points.length;
      chart.classList.toggle("ts-outdated-result", Boolean(sweep) && !running && !T.travel.sweepFresh());
      if (sweep?.points.length) draw();
    });
  });
})();
