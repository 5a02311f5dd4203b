// What the model could have written at the selected place: the likeliest codes, with probabilities after guidance and
// temperature. Choosing one puts it there and lets the model write what comes after it again: a branch.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;
  const percent = (p) => `${T.number(100 * p, p < 0.001 ? 3 : p < 0.1 ? 2 : 1)} %`;

  T.define("candidates", (root) => {
    const choice = T.segment("Guidance of these probabilities", [
      { value: "guided", text: "Guided", tip: "Probabilities as the run drew from them: with guidance, after temperature." },
      { value: "plain", text: "Unguided", tip: "The same without guidance: what the model expects of the class by itself. It takes one more look at the model." },
    ], (value) => { mode = value; draw(); });
    const about = el("p", { class: "ts-caption", role: "status" });
    const list = el("div", { class: "ts-candidates", role: "group", "aria-label": "Candidates" });
    const sum = el("p", { class: "ts-caption" });
    const other = el("input", { class: "ts-field", type: "number", min: 0, "aria-label": "Another code to force" });
    const put = el("button", { type: "button", class: "ts-button", text: "Force this code", onclick: () => other.value !== "" && force(Number(other.value)) });
    const any = el("div", { class: "ts-row" }, other, put);
    root.append(el("div", { class: "ts-head" }, el("h2", {}, T.term("Candidates", "The codes that the model could have written here, each with its probability given everything that comes before it.")), choice), about, list, sum, any);
    let mode = "guided";
    let asked = 0;
    let shown = null; // what the list belongs to
    choice.show(mode);

    const place = () => {
      const { k, i, j } = state.selection, scale = state.docs.run?.scales[k];
      return scale && i < scale.h && j < scale.w ? { scale: k + 1, row: i, column: j } : null;
    };
    const code = ({ scale, row, column }) => T.codeAt("run", { k: scale - 1, i: row, j: column });
    const where = ({ scale, row, column }) => (state.docs.run.scales.length > 1 ? `Scale ${scale}, row ${row + 1}, column ${column + 1}` : `Row ${row + 1}, column ${column + 1}`);

    function force(id) {
      const at = place(), view = state.docs.run;
      if (state.running || !at || list.hasAttribute("aria-busy")) return; // the list may still be that of another place
      const zeros = (scale) => new Array(scale.ids.length).fill(0);
      const before = code(at);
      T.generate.start(view.label, {
        seed: view.seed, seeds: 1, given: view.scales.map((scale) => scale.ids), keep: { cells: view.scales.map((scale) => scale.held || zeros(scale)) },
        force: { ...at, code: id }, note: `code ${id} forced`, did: "branch-forced",
        what: `Code ${id} ${before === null || before === id ? "" : `instead of ${before} `}at ${where(at).toLowerCase()}`,
      });
    }

    function empty(text) {
      shown = null;
      about.textContent = text;
      list.replaceChildren();
      for (const part of [list, sum, any]) part.hidden = true;
      list.removeAttribute("aria-busy");
    }

    async function draw() {
      const ticket = ++asked;
      choice.show(mode);
      const view = state.docs.run, at = place();
      choice.hidden = state.model?.can_guide === false;
      if (!state.model?.classes) return empty("No generator is loaded, so there is nothing to choose from.");
      if (!view || !at) return empty("Choose a token of the maps to see what else the model could have written there.");
      if (state.running) { list.setAttribute("aria-busy", "true"); about.textContent = "Out of date: the run is under way."; return; }
      const key = JSON.stringify([at, mode, view.label, view.settings, view.scales.map(({ ids }) => ids)]);
      if (key === shown) { list.removeAttribute("aria-busy"); return say(); }
      list.setAttribute("aria-busy", "true");
      const found = await T.generate.look("candidates", { ...at, plain: mode === "plain" });
      if (ticket !== asked) return; // a newer place is on its way
      list.removeAttribute("aria-busy");
      if (found.problem) return empty(found.problem);
      shown = key;
      fill(found, at);
    }

    let said = "";
    const say = () => { about.textContent = said; };
    function fill(found, at) {
      const { codes, chosen } = found;
      for (const part of [list, sum, any]) part.hidden = false;
      said = `${where(at)}: ${!chosen ? "nothing is written here yet. Choose a code to put it here; the model writes the rest." : `code ${chosen.id}, ${rank(chosen.rank)}, ${percent(chosen.probability)}. Choose another to force it: what comes after it is written again with the same seed.`}`;
      say();
      const top = Math.max(...codes.map((one) => one.probability), 1e-12);
      const rows = [...codes];
      if (chosen && !codes.some(({ id }) => id === chosen.id)) rows.push(chosen);
      list.replaceChildren(...rows.map((one) => entry(one, top, chosen)));
      const codesOf = T.count(state.model.codes, "code");
      sum.textContent = `These ${codes.length} hold ${percent(Math.min(1, found.shown))} of the probability. Top-k and top-p leave ${found.kept_count.toLocaleString("en")} of ${codesOf} to draw from; shares are from before that cut.`;
      other.max = state.model.codes - 1;
      other.placeholder = `0–${state.model.codes - 1}`;
    }
    const rank = (n) => (n === 1 ? "the likeliest of all" : `number ${n.toLocaleString("en")} by likelihood`);
    function entry(one, top, chosen) {
      const now = one.id === chosen?.id;
      const mark = now ? "written" : one.kept ? "" : "cut";
      return el("button", {
        type: "button", class: one.kept ? "" : "ts-cut", "aria-pressed": String(now), "data-code": one.id,
        "aria-label": `Force code ${one.id}, ${percent(one.probability)}${now ? ", written here" : ""}${one.kept ? "" : ", cut by top-k or top-p"}`,
        onclick: () => force(one.id),
      }, el("img", { class: "ts-swatch", src: one.swatch, alt: "" }), el("span", { class: "ts-num", text: one.id }),
      el("span", { class: "ts-share" }, el("i", { style: { "--v": `${(100 * one.probability) / top}%` } })),
      el("span", { class: "ts-num", text: percent(one.probability) }), el("small", { text: mark }));
    }
    other.addEventListener("keydown", (event) => { if (event.key === "Enter" && other.value !== "") force(Number(other.value)); });

    T.subscribe(root, ["docs", "selection", "running", "model"], draw);
  });
})();
