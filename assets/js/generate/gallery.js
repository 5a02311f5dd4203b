// Several seeds of one run side by side. One row of the batch is the run in all panels; choosing another asks the server
// for its pictures after each step, its tokens and entropies are here already.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;

  T.define("gallery", (root) => {
    const grid = el("div", { class: "ts-gallery", role: "group", "aria-label": "Pictures of this run, one for each seed" });
    const head = el("div", { class: "ts-head" }, el("h2", { text: "All seeds of this run" }), el("span", { class: "ts-caption", role: "status" }));
    root.append(head, grid);
    let base = null; // the view whose rows are shown; it stays while branches of one of them are made
    let buttons = [];
    let asked = 0;

    const parts = (seed) => {
      const image = el("img", { alt: "", draggable: "false" });
      const button = el("button", { type: "button", onclick: () => pick(buttons.findIndex((one) => one.button === button)) },
        el("span", { class: "ts-frame-picture" }, image), el("span", { class: "ts-num", text: seed }));
      return { button, image };
    };
    const titled = (row) => `${T.generate.words(base.label)}, seed ${row.seed}`;

    async function pick(n) {
      if (state.running) return;
      const row = base.rows[n], ticket = ++asked;
      head.lastChild.textContent = `Looking up seed ${row.seed}`;
      const found = await T.generate.look("row_view", { maps: row.ids });
      if (ticket !== asked || state.running) return;
      if (found.problem) { head.lastChild.textContent = ""; return T.set({ problem: found.problem }); }
      const plain = titled(row), phrase = base.phrase ? `, ${base.phrase}` : "";
      const scales = found.scales.map((scale, k) => ({ ...base.scales[k], step: base.scales[k].step, ...scale, entropy: row.entropy[k] }));
      const frames = base.order === "raster" && base.done === base.total ? { [base.total]: scales[0].image } : undefined;
      const view = { ...base, seed: row.seed, title: `${plain[0].toUpperCase()}${plain.slice(1)}${phrase}`, scales, blend: row.blend || null, rows: base.rows, batch: base.rows.length, frames };
      T.set({ upto: { ...state.upto, run: null }, docs: { ...state.docs, run: view } });
      if (view.parent) T.branches.remember(view);
    }

    function draw() {
      const view = state.docs.run;
      if (view?.rows?.length > 1) base = view;
      else if (view && !view.parent && view.run !== base?.run) base = null; // a new single run
      for (const part of [head, grid]) part.hidden = !base; // not the part itself: what is hidden is not drawn again
      if (!base) return;
      if (buttons.length !== base.rows.length || base.rows.some((row, n) => String(row.seed) !== buttons[n].button.textContent)) {
        buttons = base.rows.map((row) => parts(row.seed));
        grid.replaceChildren(...buttons.map(({ button }) => button));
      }
      base.rows.forEach((row, n) => {
        const { button, image } = buttons[n];
        const on = base.run === view.run && row.seed === view.seed;
        const shown = T.blends.shows(row) ? row.blend.image : row.image;
        image.hidden = !shown;
        if (shown && image.getAttribute("src") !== shown) image.src = shown;
        image.parentNode.classList.toggle("ts-empty", !row.image);
        image.parentNode.style.setProperty("--ratio", base.ratio);
        button.setAttribute("aria-pressed", on);
        button.setAttribute("aria-disabled", Boolean(state.running));
        button.setAttribute("aria-label", `Show ${titled(row)} in all panels`);
      });
      head.lastChild.textContent = state.running ? "" : "Choose one to see its tokens.";
    }
    T.subscribe(root, ["docs", "running", "ownPicture"], draw);
  });
})();
