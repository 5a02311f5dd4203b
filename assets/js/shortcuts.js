// The list of keys, on "?" or by T.shortcuts.open(). What each part hears is told in that part; here it is only written down.
(() => {
  const T = window.Tokenscope;
  const { el } = T;
  const KEYS = [
    ["Everywhere", [["F", "the picture on the whole screen (in Inspect, Edit, Generate)"], ["?", "this list"], ["Esc", "closes what lies on top"]]],
    ["On a token map", [["← → ↑ ↓", "the next token"], ["[ ]", "the token above it in the coarser or finer map"], ["Home End", "first and last token of the row"], ["Z", "enlarges the map, or makes it small again"], ["Shift + arrows", "chooses several tokens (Edit)"], ["Enter Space", "uses the brush, or goes to the code field (Edit)"]]],
    ["In Edit", [["Ctrl + Z", "undo"], ["Ctrl + Shift + Z", "redo"]]],
    ["On a timeline", [["← →", "the picture after the scale before or after"], ["Space", "play and pause"], ["Home End", "first and last"]]],
    ["On the stage", [["Space", "play and pause"], ["← →", "one step"], ["Esc", "leaves it"]]],
    ["On the map of the codebook", [["← → ↑ ↓", "the next code in that direction"], ["+ −", "nearer, farther"], ["0", "everything"], ["Ctrl + wheel", "nearer, farther"]]],
    ["In Learn", [["← →", "turns the page"]]],
  ];
  const typing = (target) => target.closest?.("input:not([type=range]), textarea, select, [contenteditable]");
  let dialog = null;

  function make() {
    const close = el("button", { type: "button", class: "ts-button ts-plain", text: "Close", onclick: () => dialog.close() });
    const groups = KEYS.map(([title, keys]) => el("section", {}, el("h3", { text: title }),
      el("dl", {}, keys.flatMap(([key, text]) => [el("dt", {}, ...key.split(" ").map((one) => (one === "+" && key !== "+ −" ? " + " : el("kbd", { text: one })))), el("dd", { text })]))));
    const made = el("dialog", { class: "ts-models ts-shortcuts", "aria-labelledby": "ts-shortcuts-title", onclick: (event) => { if (event.target === made) made.close(); } },
      el("div", { class: "ts-head" }, el("h2", { id: "ts-shortcuts-title", text: "Keys" }), close), el("div", { class: "ts-shortcut-groups" }, groups));
    document.querySelector(".ts-header").after(made);
    return made;
  }
  function open() {
    dialog ||= make();
    if (!dialog.open) dialog.showModal();
  }

  addEventListener("keydown", (event) => {
    if (event.key !== "?" || event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || document.querySelector("dialog[open]")) return;
    event.preventDefault();
    open();
  });
  T.shortcuts = { open };
})();
