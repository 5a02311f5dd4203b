// A grid that is written row by row: press a square and see which of its neighbours are known at that moment, and how
// many tokens back they lie. Nothing is predicted here: it is a matter of order alone.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;
  const { count } = T;
  state.learnNeighbours = null; // {i, j, all, sentence}

  const AROUND = [[-1, -1], [-1, 0], [-1, 1], [0, -1], [0, 1], [1, -1], [1, 0], [1, 1]];
  const PLACES = ["above left", "above", "above right", "left", "right", "below left", "below", "below right"];
  function neighbours([h, w], i, j) {
    return AROUND.map(([y, x], n) => ({ i: i + y, j: j + x, name: PLACES[n], back: i * w + j - ((i + y) * w + j + x) }))
      .filter((one) => one.i >= 0 && one.j >= 0 && one.i < h && one.j < w);
  }

  T.define("learn-neighbours", (root) => {
    const surface = el("div", { class: "ts-reading", role: "grid", "aria-label": "Squares in the order in which they are written" });
    const finding = el("p", { class: "ts-reading-finding", role: "status" });
    const words = el("p", { class: "ts-caption" });
    const key = el("ul", { class: "ts-reading-key" }, [["ts-now", "written now"], ["ts-known", "neighbour, known"], ["ts-missing", "neighbour, not written yet"], ["ts-written", "other squares already written"]]
      .map(([name, text]) => el("li", {}, el("i", { class: name }), text)));
    const line = el("div", { class: "ts-line-of-tokens", "aria-hidden": "true" });
    const order = el("p", { class: "ts-caption", text: "The same squares as the model sees them, one long line:" });
    root.append(el("div", { class: "ts-reading-frame" }, surface, el("div", { class: "ts-reading-words" }, finding, words, key)), order, line);
    let cells = [], strip = [], shape = "", at = null;
    const grid = () => state.learn.grid || [8, 8];

    function build() {
      const [h, w] = grid();
      surface.style.setProperty("--w", w);
      cells = [];
      surface.replaceChildren(...Array.from({ length: h }, (_, i) => el("div", { role: "row" }, Array.from({ length: w }, (_, j) => {
        const cell = el("div", { class: "ts-reading-cell", role: "gridcell", tabindex: i + j ? "-1" : "0", onclick: () => choose(i, j) }, el("span"));
        cells.push(cell);
        return cell;
      }))));
      strip = cells.map(() => el("i"));
      line.replaceChildren(...strip);
    }
    function choose(i, j) {
      at = { i, j };
      const [h, w] = grid();
      const around = neighbours(grid(), i, j);
      const known = around.filter((one) => one.back > 0);
      const all = known.length === around.length && around.length > 0;
      const step = i * w + j + 1;
      const far = around.find((one) => one.name === "above");
      const sentence = all
        ? `You found it: the last square, step ${step} of ${h * w}, knows all ${around.length} of its neighbours. Every other square is written with at least one of them missing.`
        : `Step ${step} of ${h * w}: ${known.length} of ${around.length} neighbours known.`;
      T.set({ learnNeighbours: { i, j, all, sentence } });
      draw(around);
      finding.textContent = `Step ${step} of ${h * w}: ${known.length} of ${around.length} neighbours are known.`;
      const missing = around.filter((one) => one.back < 0).map((one) => one.name);
      words.textContent = [missing.length ? `Not written yet: ${missing.join(", ")}.` : "No neighbour is missing.", far ? `The square above was written ${count(far.back, "step")} earlier, the one on the left ${j ? "1 step earlier" : "does not exist"}.` : ""].join(" ");
    }
    function draw(around = []) {
      const [, w] = grid();
      const now = at ? at.i * w + at.j : -1;
      cells.forEach((cell, n) => {
        const one = around.find((other) => other.i * w + other.j === n);
        const name = n === now ? "ts-now" : one ? (one.back > 0 ? "ts-known" : "ts-missing") : n < now ? "ts-written" : "ts-later";
        cell.className = `ts-reading-cell ${name}`;
        strip[n].className = name;
        cell.firstChild.textContent = n === now ? "now" : one && one.back > 0 ? `−${one.back}` : one ? "?" : "";
        cell.setAttribute("aria-selected", String(n === now));
        cell.tabIndex = n === Math.max(0, now) ? 0 : -1;
        cell.setAttribute("aria-label", `row ${Math.floor(n / w) + 1} column ${(n % w) + 1}, step ${n + 1}${n === now ? ", written now" : one ? (one.back > 0 ? `, neighbour, written ${count(one.back, "step")} before` : ", neighbour, not written yet") : ""}`);
      });
    }
    surface.addEventListener("keydown", (event) => {
      const n = cells.indexOf(event.target.closest(".ts-reading-cell"));
      if (n < 0) return;
      const [h, w] = grid(), [i, j] = [Math.floor(n / w), n % w];
      const to = { ArrowUp: [i - 1, j], ArrowDown: [i + 1, j], ArrowLeft: [i, j - 1], ArrowRight: [i, j + 1], Home: [i, 0], End: [i, w - 1], Enter: [i, j], " ": [i, j] }[event.key];
      if (!to || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      const [y, x] = [Math.min(h - 1, Math.max(0, to[0])), Math.min(w - 1, Math.max(0, to[1]))];
      choose(y, x);
      cells[y * w + x].focus();
    });
    T.subscribe(root, ["learn"], () => {
      const now = grid().join();
      if (now === shape) return;
      shape = now;
      at = null;
      build();
      draw();
      finding.textContent = "Press a square: it is the one to be written next.";
    });
  });
})();
