// How the codes are used: the numbers with their definitions, three histograms per scale, and the scales' overlap.
// Clicking a bar or a cell chooses the codes behind it; the map and the list of chosen codes follow.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;
  const LENSES = [
    { value: "doubling", text: "Doubling", tip: "Bins that double: used once, 2 to 3 times, 4 to 7 times …" },
    { value: "linear", text: "Linear", tip: "Bins of equal width, from rare to frequent." },
    { value: "rank", text: "By rank", tip: "Codes sorted by use, the most used first; both axes logarithmic." },
  ];
  const LINEAR_BINS = 12;
  const percent = (share, digits = 1) => `${T.number(100 * share, digits)} %`;
  const usable = () => (state.codebook.ready ? T.codebook.current() : null);
  const row = (usage, k) => usage.counts.subarray(k * state.codebook.ready.codes, (k + 1) * state.codebook.ready.codes);
  const scaleName = (k) => (k < 0 ? "All scales" : `Scale ${k + 1}`);
  const countsOf = (usage, k) => (k < 0 ? T.codebook.totals(usage) : row(usage, k));

  // bins of the codes that occur: [{from, to, codes}]; the last one is open
  function bins(counts, lens, top) {
    const edges = [1];
    const width = Math.max(1, Math.ceil(top / LINEAR_BINS));
    while (edges.at(-1) <= top) edges.push(lens === "doubling" ? 2 * edges.at(-1) : edges.at(-1) + width);
    const found = edges.slice(0, -1).map((from, n) => ({ from, to: edges[n + 1] - 1, codes: [] }));
    counts.forEach((uses, v) => {
      let n = found.length - 1;
      while (n >= 0 && found[n].from > uses) n--;
      if (n >= 0) found[n].codes.push(v);
    });
    return found;
  }
  const range = ({ from, to }) => (from === to ? `used ${T.count(from, "time")}` : `used ${from.toLocaleString("en")} to ${to.toLocaleString("en")} times`);

  T.define("codebook-frequencies", (root) => {
    const title = el("h3");
    const choice = T.segment("Bins", LENSES, (value) => { lens = value; draw(); });
    const body = el("div", { class: "ts-multiples" });
    const note = el("p", { class: "ts-caption" });
    const section = el("section", {}, el("div", { class: "ts-head ts-wrap" }, title, choice), body, note);
    root.append(section);
    let lens = "doubling";

    function draw() {
      const usage = usable();
      section.hidden = !usage;
      choice.show(lens);
      if (!usage) return;
      title.replaceChildren("How often are codes used?");
      const K = usage.scales.length;
      const scales = K > 1 ? [-1, ...Array.from({ length: K }, (_, k) => k)] : [0];
      body.classList.toggle("ts-single", lens === "rank");
      if (lens === "rank") body.replaceChildren(ranks(usage, scales));
      else {
        const top = T.codebook.totals(usage).reduce((a, b) => Math.max(a, b), 1); // one axis for all panels
        body.replaceChildren(...scales.map((k) => histogram(usage, k, top)));
      }
      note.textContent = lens === "rank"
        ? `Rank of a code by its use, against its share of the scale's tokens, over ${usage.of}. A level line would be a codebook used evenly. Point at the chart for values, click to select the code.`
        : `Bars: number of codes. Along: how many tokens are that code, over ${usage.of}${lens === "doubling" ? "; each bin is twice as wide as the one before" : ""}. Unused codes are counted, not drawn. Each panel is as high as its fullest bin, whose number stands on top. Click a bar to choose its codes.`;
    }

    function histogram(usage, k, top) {
      const counts = countsOf(usage, k);
      const found = bins(counts, lens, top);
      const most = Math.max(...found.map((bin) => bin.codes.length), 1);
      const dead = Array.from(counts.keys()).filter((v) => !counts[v]);
      const choose = (codes, why) => T.codebook.choose(codes, `${why}, ${scaleName(k).toLowerCase()}`);
      const bars = found.map((bin) => el("button", {
        type: "button", style: { "--v": `${(100 * bin.codes.length) / most}%` }, disabled: !bin.codes.length,
        "aria-label": `${scaleName(k)}: ${T.count(bin.codes.length, "code")} ${range(bin)}`, "data-tip": `${T.count(bin.codes.length, "code")} ${range(bin)}`,
        onclick: () => choose(bin.codes, range(bin)),
      }, el("i")));
      const never = el("button", { type: "button", class: "ts-never", text: `${dead.length.toLocaleString("en")} unused`, disabled: !dead.length, "aria-label": `${scaleName(k)}: ${T.count(dead.length, "code")} never used`, "data-tip": `${T.count(dead.length, "code")} never used`, onclick: () => choose(dead, "never used") });
      const last = found.at(-1);
      return el("figure", { class: "ts-histogram" },
        el("figcaption", {}, el("b", { text: scaleName(k) }), never),
        el("div", { class: "ts-plot", style: { "--count": bars.length } }, bars, el("span", { class: "ts-top ts-num", text: most.toLocaleString("en") })),
        el("div", { class: "ts-ticks ts-num" }, el("span", { text: "1×" }), el("span", { text: found.length > 1 ? `${last.from.toLocaleString("en")}×+` : "" })));
    }

    // one line per scale on shared logarithmic axes, named where it ends
    function ranks(usage, scales) {
      const W = Math.max(300, Math.min(680, body.clientWidth || 640)); // one unit is one pixel: letters keep their size
      const [H, left, bottom, right, head] = [260, 60, 34, 60, 8];
      const lines = scales.map((k) => {
        const counts = countsOf(usage, k);
        const total = counts.reduce((a, b) => a + b, 0);
        const sorted = Array.from(counts.keys()).filter((v) => counts[v]).sort((a, b) => counts[b] - counts[a] || a - b);
        return { k, sorted, share: (n) => counts[sorted[n]] / total };
      }).filter((line) => line.sorted.length > 1);
      if (!lines.length) return el("p", { class: "ts-empty-state", text: "Fewer than two codes occur: there is no order to show." });
      const most = Math.max(...lines.map((line) => line.sorted.length));
      const [high, low] = [Math.max(...lines.map((line) => line.share(0))), Math.min(...lines.map((line) => line.share(line.sorted.length - 1)))];
      const tens = (from, to) => Array.from({ length: Math.max(0, Math.floor(Math.log10(to) + 1e-9) - Math.ceil(Math.log10(from) - 1e-9) + 1) }, (_, n) => 10 ** (Math.ceil(Math.log10(from) - 1e-9) + n));
      const x = (rank) => left + ((W - left - right) * Math.log(rank)) / Math.log(Math.max(2, most));
      const y = (share) => head + ((H - head - bottom) * Math.log(high / share)) / Math.log(Math.max(1.01, high / low));
      const say = (share) => (share >= 0.001 ? percent(share, share >= 0.1 ? 0 : share >= 0.01 ? 0 : 1) : `${+(100 * share).toPrecision(1)} %`);
      const grid = [
        ...tens(low, high).map((share) => [el("svg:line", { x1: left, x2: W - right, y1: y(share), y2: y(share) }), el("svg:text", { x: W - right + 8, y: y(share) + 4, text: say(share) })]),
        ...tens(1, most).map((rank) => [el("svg:line", { x1: x(rank), x2: x(rank), y1: head, y2: H - bottom }), el("svg:text", { x: x(rank), y: H - bottom + 18, "text-anchor": "middle", text: rank.toLocaleString("en") })]),
      ];
      const paths = lines.map((line) => {
        const points = [];
        for (let n = 0; n < line.sorted.length; n = Math.max(n + 1, Math.floor(n * 1.04))) points.push([x(n + 1), y(line.share(n))]);
        points.push([x(line.sorted.length), y(line.share(line.sorted.length - 1))]);
        const ink = line.k < 0 ? "var(--ts-text)" : T.codebook.css(T.codebook.ramp(line.k / Math.max(1, usage.scales.length - 1)));
        return { line, ink, start: points[0][1], path: el("svg:path", { d: points.map(([a, b], n) => `${n ? "L" : "M"}${a.toFixed(1)} ${b.toFixed(1)}`).join(""), fill: "none", stroke: ink, "stroke-width": line.k < 0 ? 2.5 : 1.75 }) };
      });
      let over = -Infinity; // names stand where the lines begin, from the top down, none over another
      const labels = [...paths].sort((a, b) => a.start - b.start).map(({ line, start }) => {
        over = Math.max(start + 4, over + 13);
        return el("svg:text", { class: "ts-name", x: left - 6, y: over, "text-anchor": "end", text: line.k < 0 ? "all" : `scale ${line.k + 1}` });
      });
      const dot = el("svg:circle", { r: 4, fill: "var(--ts-accent)", stroke: "var(--ts-bg)", "stroke-width": 1.5, visibility: "hidden" });
      const said = el("p", { class: "ts-read", role: "status", text: " " });
      const svg = el("svg:svg", { class: "ts-chart ts-ranks", viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": `Share of tokens by rank, ${lines.length} lines` },
        el("svg:g", { class: "ts-grid" }, grid.flat()), paths.map((one) => one.path), labels, dot, el("svg:text", { x: (left + W - right) / 2, y: H - 1, "text-anchor": "middle", text: "rank" }));
      const nearest = (event) => {
        const area = svg.getBoundingClientRect();
        const [px, py] = [((event.clientX - area.left) * W) / area.width, ((event.clientY - area.top) * H) / area.height];
        const rank = Math.round(Math.exp(((px - left) / (W - left - right)) * Math.log(Math.max(2, most))));
        const found = lines.map((line) => { const n = Math.min(line.sorted.length, Math.max(1, rank)); return { line, n, gap: Math.hypot(x(n) - px, y(line.share(n - 1)) - py) }; }).sort((a, b) => a.gap - b.gap)[0];
        return { ...found, code: found.line.sorted[found.n - 1] };
      };
      svg.addEventListener("pointermove", (event) => {
        const { line, n, code } = nearest(event);
        for (const [name, value] of [["cx", x(n)], ["cy", y(line.share(n - 1))], ["visibility", "visible"]]) dot.setAttribute(name, value);
        said.textContent = `${scaleName(line.k)}, rank ${n.toLocaleString("en")}: code ${code}, ${percent(line.share(n - 1), 3)} of the tokens.`;
        T.codebook.put({ near: code });
      });
      svg.addEventListener("pointerleave", () => { dot.setAttribute("visibility", "hidden"); said.textContent = " "; T.codebook.put({ near: null }); });
      svg.addEventListener("click", (event) => T.codebook.select(nearest(event).code));
      return el("div", {}, el("p", { class: "ts-caption", text: "Share of the scale's tokens by rank of the code" }), svg, said);
    }

    let wide = 0;
    new ResizeObserver(() => {
      if (lens !== "rank" || Math.abs(body.clientWidth - wide) < 8) return;
      wide = body.clientWidth;
      draw();
    }).observe(body);
    let drawn = null;
    T.subscribe(root, ["codebook", "theme"], (keys) => {
      if (!keys.has("theme") && drawn === usable() && drawn) return;
      drawn = usable();
      draw();
    });
  });

  T.define("codebook-overlap", (root) => {
    const title = el("h3");
    const body = el("div");
    const axes = el("p", { class: "ts-caption", text: "Rows: the tokens of this scale. Columns: the share of them, in percent, whose code also occurs at this scale." });
    const read = el("p", { class: "ts-read", role: "status" });
    const note = el("p", { class: "ts-caption" });
    const section = el("section", {}, el("div", { class: "ts-head" }, title), el("div", { class: "ts-matrix-frame" }, body, el("div", { class: "ts-matrix-words" }, axes, note, read)));
    root.append(section);

    function draw() {
      const usage = usable();
      section.hidden = !usage?.overlap;
      if (!usage?.overlap) return;
      const K = usage.overlap.length;
      title.replaceChildren(T.term("Do scales share their codes?", "Of the tokens of the row's scale: the share whose code also occurs at the column's scale. Counted by tokens, so frequent codes weigh more."));
      const cells = usage.overlap.map((shares, i) => el("div", { role: "row" },
        el("span", { role: "rowheader", class: "ts-num", text: i + 1, "aria-label": `Tokens of scale ${i + 1}` }),
        shares.map((share, j) => {
          const rgb = share === null ? null : T.codebook.ramp(share);
          const bright = rgb && 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2] > 125;
          const say = sentence(share, i, j);
          const cell = el("div", { role: "gridcell", class: "ts-num", tabindex: i + j ? -1 : 0, text: share === null ? "–" : Math.round(100 * share), "aria-label": say, style: rgb ? { background: T.codebook.css(rgb), color: bright ? "#10131a" : "#ffffff" } : {} });
          cell.place = [i, j];
          const tell = () => { read.textContent = say; };
          for (const kind of ["pointerenter", "focus"]) cell.addEventListener(kind, tell);
          cell.addEventListener("click", () => pick(usage, i, j));
          return cell;
        })));
      const grid = el("div", { class: "ts-matrix", role: "grid", "aria-label": "Share of tokens whose code occurs at another scale too, in percent", style: { "--count": K } },
        el("div", { role: "row" }, el("span", { role: "columnheader", "aria-label": "scale" }), Array.from({ length: K }, (_, j) => el("span", { role: "columnheader", class: "ts-num", text: j + 1, "aria-label": `also at scale ${j + 1}` }))), cells);
      grid.addEventListener("keydown", (event) => {
        const place = event.target.place;
        if (!place) return;
        const by = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
        if (event.key === "Enter" || event.key === " ") { event.preventDefault(); return pick(usage, ...place); }
        if (!by) return;
        event.preventDefault();
        const next = [...grid.querySelectorAll("[role=gridcell]")].find((cell) => cell.place[0] === place[0] + by[0] && cell.place[1] === place[1] + by[1]);
        if (!next) return;
        event.target.tabIndex = -1;
        next.tabIndex = 0;
        next.focus();
      });
      body.replaceChildren(grid);
      const few = Math.min(...usage.scales.map((scale) => scale.tokens));
      note.textContent = `Over ${usage.of}. The more tokens are counted, the more codes meet: the smallest scale has ${T.count(few, "token")} here. Click a cell to choose the codes that both scales use.`;
      // the strongest statement of the matrix, until another cell is pointed at
      const [i, j] = [K - 1, 0];
      read.textContent = sentence(usage.overlap[i][j], i, j);
    }
    const sentence = (share, i, j) => (share === null ? `Scale ${i + 1} has no tokens here.` : `${percent(share)} of the tokens of scale ${i + 1} have a code that also occurs at scale ${j + 1}.`);
    function pick(usage, i, j) {
      const [a, b] = [row(usage, i), row(usage, j)];
      const codes = [];
      a.forEach((uses, v) => { if (uses && b[v]) codes.push(v); });
      T.codebook.choose(codes, i === j ? `used at scale ${i + 1}` : `used at scales ${Math.min(i, j) + 1} and ${Math.max(i, j) + 1}`);
    }
    let drawn = null;
    T.subscribe(root, ["codebook", "theme"], (keys) => {
      if (!keys.has("theme") && drawn === usable() && drawn) return;
      drawn = usable();
      draw();
    });
  });
})();
