// The tree of pictures: a run, what was made of it by forcing a token or by writing it again from a scale, and so on. It
// lives in the browser (state.tree) and stays in its tab (kept_runs.js); a link carries one picture, not the tree.
//   T.branches.remember(view)   puts a run into the tree (below view.parent, if that is there) and gives its id
//   T.branches.parentOf(view)   the node {id, parent, what, view} that it was made of, or null
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;
  const MOST = 32;
  // nodes in order of their making: {id, parent, what, view}
  state.tree = { nodes: [], let: false };

  const key = (view) => `${view.run}#${view.seed}`;
  const find = (id) => state.tree.nodes.find((node) => node.id === id);
  const children = (id) => state.tree.nodes.filter(({ parent }) => parent === id);
  const now = () => (state.docs.run ? key(state.docs.run) : null);
  const image = (view) => view.scales.reduce((found, scale) => scale.image || found, null);

  function remember(view) {
    const id = key(view), known = find(id);
    const parent = find(view.parent) ? view.parent : null;
    let nodes = known ? state.tree.nodes.map((node) => (node === known ? { ...node, view } : node))
      : [...state.tree.nodes, { id, parent, what: (parent && view.what) || view.title, view }];
    let lost = state.tree.let;
    while (nodes.length > MOST) { // the oldest picture from which nothing was made goes
      const path = new Set();
      for (let node = nodes.find((one) => one.id === id); node; node = nodes.find((one) => one.id === node.parent)) path.add(node.id);
      const leaf = nodes.find((node) => !path.has(node.id) && !nodes.some(({ parent: of }) => of === node.id));
      if (!leaf) break;
      nodes = nodes.filter((node) => node !== leaf);
      lost = true;
    }
    T.set({ tree: { nodes, let: lost } });
    return id;
  }
  function show(id) {
    const node = find(id);
    if (!node || state.running) return;
    T.set({ upto: { ...state.upto, run: null }, docs: { ...state.docs, run: node.view } });
  }
  // the node and what was made of it; the picture on show stays where it is
  function remove(id) {
    const gone = new Set([id]);
    for (const node of state.tree.nodes) if (gone.has(node.parent)) gone.add(node.id);
    const up = find(id)?.parent;
    T.set({ tree: { ...state.tree, nodes: state.tree.nodes.filter((node) => !gone.has(node.id)) } });
    if (gone.has(now()) && up) show(up);
  }
  const parentOf = (view) => (view?.parent && find(view.parent)) || null;
  T.branches = { remember, show, remove, parentOf };

  T.define("branches", (root) => {
    const clear = el("button", { type: "button", class: "ts-button ts-plain", text: "Clear", onclick: () => T.set({ tree: { nodes: [], let: false } }) });
    const tree = el("div", { class: "ts-tree", role: "tree", "aria-label": "Branches of this picture" });
    const note = el("p", { class: "ts-caption" });
    root.append(el("div", { class: "ts-head" }, el("h2", {}, T.term("Branches", "Pictures that share what was kept: each goes on from the one it is indented under.")), clear), tree, note);
    let focus = null; // id of the item that the tab key reaches

    function item(node, level, position, of) {
      const on = node.id === now();
      const remover = el("button", { type: "button", class: "ts-button ts-plain ts-remove", tabindex: -1, "aria-label": `Delete ${node.what} and what was made of it`, text: "Delete", onclick: (event) => { event.stopPropagation(); drop(node.id); } });
      const row = el("div", { class: "ts-leaf" }, el("span", { class: "ts-frame-picture", style: { "--ratio": node.view.ratio } }, el("img", { src: image(node.view), alt: "" })),
        el("span", {}, el("span", { text: node.what }), el("small", { text: made(node) })), remover);
      const own = el("div", {
        role: "treeitem", "data-id": node.id, "aria-level": level, "aria-posinset": position, "aria-setsize": of, "aria-selected": String(on), "aria-current": on ? "true" : null, tabindex: node.id === focus ? 0 : -1,
        "aria-label": `${node.what}, ${made(node)}`, "aria-expanded": children(node.id).length ? "true" : null, onclick: (event) => { event.stopPropagation(); focus = node.id; show(node.id); },
      }, row);
      own.what = node.id;
      const below = children(node.id);
      if (below.length) own.append(el("div", { role: "group" }, below.map((child, n) => item(child, level + 1, n + 1, below.length))));
      return own;
    }
    const made = ({ view }) => (view.status === "stopped" ? `stopped after step ${view.done} of ${view.total}` : `seed ${view.seed}`);

    function draw() {
      const { nodes } = state.tree, held = tree.contains(document.activeElement);
      if (!find(focus)) focus = find(now()) ? now() : nodes[0]?.id;
      const roots = nodes.filter(({ parent }) => !find(parent));
      tree.replaceChildren(...roots.map((node, n) => item(node, 1, n + 1, roots.length)));
      tree.hidden = clear.hidden = !nodes.length;
      if (held) reach(focus);
      note.textContent = !nodes.length ? "None yet. Choose a token and force a candidate, or write the finer scales again: every result is kept here, and nothing is lost."
        : `${nodes.length} of at most ${MOST} pictures, kept in this window until it is closed.${state.tree.let ? " The oldest without branches were let go." : ""}`;
    }
    const items = () => [...tree.querySelectorAll('[role="treeitem"]')];
    function reach(id) {
      focus = id;
      for (const one of items()) {
        one.tabIndex = one.what === id ? 0 : -1;
        if (one.what === id) one.focus();
      }
    }
    function drop(id) {
      const all = items(), n = all.findIndex((one) => one.what === id);
      const next = find(id)?.parent || all[n - 1]?.what || all.find((one) => !one.closest(`[data-id="${CSS.escape(id)}"]`))?.what;
      focus = next || null;
      remove(id);
    }
    tree.addEventListener("keydown", (event) => {
      const own = event.target.closest('[role="treeitem"]');
      if (!own) return;
      const all = items(), n = all.indexOf(own), id = own.what;
      const to = { ArrowDown: all[n + 1]?.what, ArrowUp: all[n - 1]?.what, ArrowLeft: find(id).parent, ArrowRight: children(id)[0]?.id, Home: all[0].what, End: all.at(-1).what };
      if (event.key in to) { if (to[event.key]) reach(to[event.key]); }
      else if (event.key === "Enter" || event.key === " ") show(id);
      else if (event.key === "Delete" || event.key === "Backspace") drop(id);
      else return;
      event.preventDefault();
    });
    T.subscribe(root, ["tree", "docs", "running"], draw);
  });
})();
