// The session's steps, states that were given a name, and how a file reaches the visitor's disk.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;
  const edit = () => state.docs.session?.edit;

  T.define("history", (root) => {
    const list = el("ol", { class: "ts-history", tabindex: "0", "aria-label": "History" });
    const name = el("input", { class: "ts-field", type: "text", maxlength: 40, "aria-label": "Name for this state", placeholder: "Name this state" });
    const keep = el("form", { class: "ts-names", onsubmit: (event) => {
      event.preventDefault();
      T.link.act("snapshot", { name: name.value });
      if (name.value.trim()) name.value = "";
    } }, name, el("button", { type: "submit", class: "ts-button", text: "Keep", "data-tip": "Gives what you see now a name, so that you can come back to it at any time. A name used before moves here." }));
    const named = el("ul", { class: "ts-named", "aria-label": "Named states" });
    root.append(el("div", { class: "ts-head" }, el("h2", { text: "History" })), list, keep, named);
    T.subscribe(root, ["docs"], () => {
      list.replaceChildren(...(edit()?.history || []).map((step) => el("li", { "aria-current": step.now ? "step" : null, text: step.text })));
      const now = list.querySelector("[aria-current]");
      if (now) list.scrollTop = now.offsetTop - list.offsetTop - list.clientHeight / 2; // not scrollIntoView: the page must not move
      const focus = named.contains(document.activeElement) ? document.activeElement.getAttribute("aria-label") : null;
      named.replaceChildren(...(edit()?.named || []).map((one) => el("li", {}, el("span", { text: one.name }),
        one.now ? el("span", { class: "ts-caption", text: "shown now" })
          : el("button", { type: "button", class: "ts-button ts-plain", text: "Restore", "aria-label": `Restore ${one.name}`, "data-tip": "Back to this state, as a step that can be undone.", onclick: () => T.link.act("recall", { name: one.name }) }),
        el("button", { type: "button", class: "ts-button ts-plain ts-sign", text: "×", "aria-label": `Forget ${one.name}`, "data-tip": "Forget this name. The picture stays as it is.", onclick: () => T.link.act("forget", { name: one.name }) }))));
      if (focus) (named.querySelector(`[aria-label="${CSS.escape(focus)}"]`) || name).focus();
    });
  });

  T.saveFile = ({ name, mime, data }) => {
    const bytes = Uint8Array.from(atob(data), (letter) => letter.charCodeAt(0));
    const url = URL.createObjectURL(new Blob([bytes], { type: mime }));
    el("a", { href: url, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(url), 10000);
  };
})();
