// Compare / Completion: keep a part of a picture, both models draw the rest. The counterpart is explorer/ui/compare/completion.py.
// Tells others: "ts:did" {what: "completion-done"} when both models have finished.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;
  const SESSION = "session";
  const GUESS = "guess";
  const REGIONS = {
    top: (i, j, h) => i < h / 2, bottom: (i, j, h) => i >= h / 2,
    left: (i, j, h, w) => j < w / 2, right: (i, j, h, w) => j >= w / 2,
  };
  const WORDS = { top: "the top", bottom: "the bottom", left: "the left", right: "the right", painted: "a painted part" };

  state.completion = {
    about: null, source: SESSION, region: "top", mask: null, label: GUESS, seed: 0, samples: 1, anchor: true,
    running: false, stopped: false, problem: null, progress: null, view: null, asked: null, shown: 0, at: {}, seam: true, original: false,
  };
  let one = null;
  const channel = () => (one ||= T.comparing.channel("completion", (view, put) => {
    const ended = view.status !== "running";
    put({ running: !ended, progress: view, ...(view.models.length ? { view, at: view.done <= 1 ? {} : state.completion.at } : {}) });
    if (ended) document.dispatchEvent(new CustomEvent("ts:did", { detail: { what: "completion-done" } }));
  }));
  T.connectCompletion = (ends) => { channel().connect(ends); keep(state.completion.region); };

  const mine = () => state.completion;
  const put = (patch) => channel().put(patch);
  const grid = () => mine().about?.grid || null;
  const key = () => JSON.stringify([mine().source, mine().source === SESSION ? state.docs.session?.picture : 0, mine().mask, mine().label, mine().seed, mine().samples, mine().anchor]);
  const fresh = () => mine().asked === key();
  const preview = () => (mine().source === SESSION ? state.docs.session?.input || state.docs.session?.before || "" : state.model?.samples?.find(({ name }) => name === mine().source)?.image || "");
  const titleOf = () => (mine().source === SESSION ? state.docs.session?.title || "the picture in Inspect" : state.model?.samples?.find(({ name }) => name === mine().source)?.title || "");

  function keep(region) {
    if (!grid()) return;
    const [h, w] = grid();
    const inside = REGIONS[region];
    put({ region, ...(inside ? { mask: Array.from({ length: h * w }, (_, n) => Number(inside(Math.floor(n / w), n % w, h, w))) } : {}) });
  }
  function complete() {
    const { source, mask, region, label, seed, samples, anchor } = mine();
    channel().start({ source, mask, region, label, seed, samples, anchor }, { asked: key(), shown: 0, at: {}, view: null, original: false });
  }
  T.completion = { complete, keep, stop: () => channel().stop(), key, fresh, put, grid, preview, titleOf, words: WORDS, GUESS };

  // --- the picture and the brush ---------------------------------------------------------------------------------

  T.define("completion-source", (root) => {
    const image = el("img", { alt: "", draggable: "false" });
    const cells = el("div", { class: "ts-keep-cells", role: "grid", "aria-label": "Kept part of the picture", "aria-multiselectable": "true" });
    const editor = el("div", { class: "ts-keep" }, image, cells);
    const read = el("p", { class: "ts-caption", role: "status" });
    const own = el("button", { type: "button", class: "ts-button", text: "Picture in Inspect", onclick: () => put({ source: SESSION }) });
    const samples = el("div", { class: "ts-samples", role: "group", "aria-label": "Sample pictures" });
    const parts = T.segment("Kept part", [
      { value: "top", text: "Top" }, { value: "bottom", text: "Bottom" }, { value: "left", text: "Left" }, { value: "right", text: "Right" },
      { value: "painted", text: "Painted", tip: "Paint on the picture: drag, or arrow keys and space." },
    ], keep);
    const invert = el("button", { type: "button", class: "ts-button ts-plain", text: "Invert", onclick: () => put({ region: "painted", mask: mine().mask.map((value) => 1 - value) }) });
    root.append(el("section", { class: "ts-compare-part" },
      el("div", { class: "ts-head" }, el("h2", {}, T.term("Kept part", "The tokens of this part are given to both models. The hatched rest is hidden and has to be drawn.")), invert),
      editor, parts, read,
      el("div", { class: "ts-head" }, el("h2", { text: "Picture" })), el("div", { class: "ts-row" }, own), samples));
    let shape = "";
    let at = 0;

    function build([h, w]) {
      editor.style.setProperty("--ratio", state.docs.session?.ratio || 1);
      cells.style.setProperty("--w", w);
      cells.style.setProperty("--h", h);
      at = 0;
      cells.replaceChildren(...Array.from({ length: h }, (_, i) => el("div", { role: "row" }, Array.from({ length: w }, (_, j) => {
        const cell = el("div", { class: "ts-keep-cell", role: "gridcell", tabindex: i + j ? "-1" : "0" });
        cell.n = i * w + j;
        return cell;
      }))));
    }
    const all = () => [...cells.querySelectorAll(".ts-keep-cell")];
    function paint(numbers, value) {
      const mask = [...mine().mask];
      for (const n of numbers) mask[n] = value;
      put({ mask, region: "painted" });
    }
    let stroke = null;
    cells.addEventListener("pointerdown", (event) => {
      const cell = event.target.closest(".ts-keep-cell");
      if (!cell || event.button) return;
      event.preventDefault();
      stroke = 1 - mine().mask[cell.n];
      if (event.target.hasPointerCapture?.(event.pointerId)) event.target.releasePointerCapture(event.pointerId);
      paint([cell.n], stroke);
      focus(cell.n);
    });
    cells.addEventListener("pointermove", (event) => {
      if (stroke === null) return;
      const cell = document.elementFromPoint(event.clientX, event.clientY)?.closest?.(".ts-keep-cell");
      if (cell && cells.contains(cell) && mine().mask[cell.n] !== stroke) paint([cell.n], stroke);
    });
    for (const kind of ["pointerup", "pointercancel"]) addEventListener(kind, () => { stroke = null; });
    function focus(n) {
      const list = all();
      list[at].tabIndex = -1;
      at = n;
      list[at].tabIndex = 0;
      list[at].focus({ preventScroll: true });
    }
    cells.addEventListener("keydown", (event) => {
      const [h, w] = grid();
      const [i, j] = [Math.floor(at / w), at % w];
      const to = { ArrowUp: [i - 1, j], ArrowDown: [i + 1, j], ArrowLeft: [i, j - 1], ArrowRight: [i, j + 1], Home: [i, 0], End: [i, w - 1] }[event.key];
      if (event.key === " " || event.key === "Enter") paint([at], 1 - mine().mask[at]);
      else if (to) focus(Math.max(0, Math.min(h - 1, to[0])) * w + Math.max(0, Math.min(w - 1, to[1])));
      else return;
      event.preventDefault();
    });

    T.subscribe(root, ["completion", "docs", "model"], () => {
      if (!grid()) return;
      if (shape !== grid().join("x")) { shape = grid().join("x"); build(grid()); }
      if (!samples.childElementCount && state.model?.samples) {
        samples.append(...state.model.samples.map((sample) => el("button", { type: "button", "data-name": sample.name, "aria-label": `${sample.title}, ${sample.credit}`, "data-tip": `${sample.title}, ${sample.credit}`, onclick: () => put({ source: sample.name }) }, el("img", { src: sample.image, alt: "" }))));
      }
      const uri = preview();
      if (uri && image.getAttribute("src") !== uri) image.src = uri;
      image.alt = `Picture to complete: ${titleOf()}`;
      own.setAttribute("aria-pressed", String(mine().source === SESSION));
      own.disabled = !state.docs.session;
      for (const button of samples.children) button.setAttribute("aria-pressed", String(button.dataset.name === mine().source));
      parts.show(mine().region);
      const { mask } = mine();
      if (!mask) return;
      const w = grid()[1];
      for (const cell of all()) {
        const kept = Boolean(mask[cell.n]);
        if (cell.kept === kept) continue;
        cell.kept = kept;
        cell.classList.toggle("ts-unkept", !kept);
        cell.setAttribute("aria-selected", String(kept));
        cell.setAttribute("aria-label", `row ${Math.floor(cell.n / w) + 1} column ${(cell.n % w) + 1}, ${kept ? "kept" : "hidden"}`);
      }
      const count = mask.reduce((a, b) => a + b, 0);
      read.textContent = `${titleOf()}: ${count} of ${mask.length} cells kept. Drag over the picture to paint; with the keyboard, arrows move and space switches a cell.`;
    });
  });

  T.define("completion-settings", (root) => {
    const classes = el("select", { class: "ts-field ts-select", "aria-label": "Class", onchange: () => put({ label: classes.value }) });
    const seed = T.comparing.seedField(() => mine().seed, (value) => put({ seed: value }));
    const samples = T.segment("Samples", ["1", "2", "3", "4"].map((value) => ({ value, text: value })), (value) => put({ samples: Number(value) }));
    const anchor = T.segment("The coarsest token", [
      { value: "keep", text: "Keep it", tip: "As VAR's editing does: a map of up to three cells is kept whole. Its token knows the mean look of the whole picture, also of the hidden part." },
      { value: "draw", text: "Draw it", tip: "Nothing coarser than the kept part is given. The kept part then changes more, because its finer tokens were chosen to go with the old coarse one." },
    ], (value) => put({ anchor: value === "keep" }));
    const go = el("button", { type: "button", class: "ts-button ts-main", onclick: () => (mine().running ? T.completion.stop() : complete()) });
    const bar = el("i");
    const progress = el("div", { class: "ts-progress" }, bar);
    const busy = el("p", { class: "ts-caption", role: "status" });
    const failed = el("p", { class: "ts-failed", role: "alert", hidden: true });
    const field = (text, about, control) => el("div", { class: "ts-setting" }, el("span", {}, about ? T.term(text, about) : text), control);
    const section = el("section", { class: "ts-compare-part" },
      field("Class", "What both models are told. The guess is the class under which the next-scale model finds all of the picture's tokens likeliest, hidden ones included.", classes),
      field("Seed", "The same seed and settings give the same picture. Further samples take the next seeds.", seed), field("Samples", null, samples),
      field("1×1 token", "The coarsest map has one cell, which covers kept and hidden part alike.", anchor), go, progress, busy, failed);
    root.append(section);
    T.subscribe(root, ["completion"], () => {
      const { about, running, progress: found, problem, stopped } = mine();
      if (!about) return;
      section.hidden = !about.models.length;
      T.comparing.fillClasses(classes, about.classes, [[GUESS, "guess from the picture"], [T.comparing.NO_CLASS, "no class"]], mine().label);
      if (document.activeElement !== seed) seed.value = mine().seed;
      samples.show(String(mine().samples));
      anchor.show(mine().anchor ? "keep" : "draw");
      go.textContent = running ? "Stop" : "Complete the picture";
      go.classList.toggle("ts-main", !running);
      progress.style.visibility = running ? "visible" : "hidden";
      bar.style.setProperty("--v", `${running && found?.total ? (100 * found.done) / found.total : 0}%`);
      busy.textContent = running ? (!found ? "Tokenizing the picture …" : found.phase === "guessing" ? "Guessing the class …" : `${T.comparing.ORDER[found.phase]}: step ${found.done} of ${found.total} of both models`)
        : stopped ? "Stopped. What was drawn so far stays." : "";
      failed.hidden = !problem;
      failed.textContent = problem || "";
    });
  });
})();
