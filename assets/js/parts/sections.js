// Which section of a tab is open. The name lies in the store under options.key, so that links, Learn and keys can ask
// for it; the sections themselves are columns that follow this part in the page.
(() => {
  const T = window.Tokenscope;
  T.define("sections", (root, { key, label, choices }) => {
    const open = (value) => T.set({ [key]: value });
    const segment = T.segment(label, choices, open);
    root.append(T.el("div", { class: "ts-sections" }, segment));
    if (!choices.some(({ value }) => value === T.state[key])) T.state[key] = choices[0].value;
    T.address.keys(key, (text) => choices.some(({ value }) => value === text) && (open(text), true), () => (root.offsetParent ? T.state[key] : undefined));
    const column = root.closest(".column") || root.closest(".tabitem");
    T.subscribe(root, [key], () => {
      segment.show(T.state[key]);
      column.dataset.section = T.state[key];
    });
  });
})();
