// A reload keeps what Generate shows: the picture, its settings and the tree of branches stay in this tab (sessionStorage),
// per tokenizer and generator. What was kept is checked before it is shown; a link that asks for another picture goes
// first, and the tree stays. Where it would be more than LIMIT characters, branches keep their last picture only, and then
// the oldest without branches are let go.
//   T.keptRuns.arrive(wanted)      called once, when the address was read; true where the kept picture is on show again
//   T.keptRuns.valid(kept, model)  whether what was kept can be shown with this model
//   T.keptRuns.fit(kept, limit)    the same with less of it, so that it fits
(() => {
  const T = window.Tokenscope;
  const { state } = T;
  const VERSION = 1;
  const PAUSE = 400;
  const LIMIT = 3000000;
  const MINE = ["class", "seed", "guidance", "top_k", "top_p", "temperature", "seeds", "made"]; // keys of the address about a run
  let first = null; // the example that the page came with
  let last = null;
  let timer = 0;

  const key = () => `tokenscope-runs-${state.model.sha256}-${state.model.generator}`;
  const quietly = (action) => { try { return action(); } catch { return null; } };
  const about = (url) => MINE.map((name) => url.searchParams.get(name));

  const isPicture = (image) => image === null || image === undefined || (typeof image === "string" && image.startsWith("data:image/"));
  const isMap = (scale, [h, w], codes) => scale && scale.h === h && scale.w === w && Array.isArray(scale.ids) && scale.ids.length === h * w
    && scale.ids.every((id) => Number.isInteger(id) && id >= -1 && id < codes) && isPicture(scale.image);
  const isView = (view, model) => Boolean(view) && ["done", "stopped"].includes(view.status) && typeof view.run === "string" && typeof view.title === "string"
    && Number.isInteger(view.seed) && Array.isArray(view.scales) && view.scales.length === model.grids.length
    && view.scales.every((scale, k) => isMap(scale, model.grids[k], model.codes)) && Array.isArray(view.rows) && view.rows.every((row) => isPicture(row.image));
  const isNode = (node, model) => Boolean(node) && typeof node.id === "string" && typeof node.what === "string"
    && (node.parent === null || typeof node.parent === "string") && isView(node.view, model);
  const valid = (kept, model) => kept?.version === VERSION && isView(kept.run, model) && Array.isArray(kept.nodes) && kept.nodes.every((node) => isNode(node, model));

  const slim = (view) => ({ ...view, frames: undefined, rows: [], scales: view.scales.map((scale, k) => (k === view.scales.length - 1 ? scale : { ...scale, image: null })) });
  function fit(kept, limit = LIMIT) {
    const size = (value) => JSON.stringify(value).length;
    if (size(kept) <= limit) return kept;
    let nodes = kept.nodes.map((node) => ({ ...node, view: slim(node.view) }));
    while (nodes.length && size({ ...kept, nodes }) > limit) {
      const leaf = nodes.find((node) => !nodes.some(({ parent }) => parent === node.id));
      nodes = nodes.filter((node) => node !== leaf);
    }
    return { ...kept, nodes, let: kept.let || nodes.length < kept.nodes.length };
  }

  function keep() {
    clearTimeout(timer);
    const { run } = state.docs;
    if (!run || state.running || run === first || !["done", "stopped"].includes(run.status)) return;
    const kept = { version: VERSION, run, nodes: state.tree.nodes, let: state.tree.let, settings: state.settings, says: about(T.address.here("Generate")) };
    const text = JSON.stringify(fit(kept));
    if (text === last) return;
    last = text;
    quietly(() => sessionStorage.setItem(key(), text));
  }
  const soon = () => { clearTimeout(timer); timer = setTimeout(keep, PAUSE); };

  function arrive(asked) {
    first = state.docs.run;
    T.subscribe(document.body, ["docs", "tree", "running", "settings"], soon);
    addEventListener("pagehide", keep);
    const kept = state.model.classes ? quietly(() => JSON.parse(sessionStorage.getItem(key()))) : null;
    if (!kept) return false;
    if (!valid(kept, state.model)) { quietly(() => sessionStorage.removeItem(key())); return false; }
    T.set({ tree: { nodes: kept.nodes, let: Boolean(kept.let) } });
    if (asked.some((value) => value !== null) && JSON.stringify(asked) !== JSON.stringify(kept.says)) return false;
    if (kept.settings) T.generate.adjust(kept.settings);
    T.set({ upto: { ...state.upto, run: null }, docs: { ...state.docs, run: kept.run } });
    return true;
  }

  T.keptRuns = { arrive: () => arrive(about(new URL(location.href))), valid, fit };
})();
