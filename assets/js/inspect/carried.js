// A picture whose file carries the tokens that it was decoded from: says what tokenizing its pixels makes of them, and
// offers the file's own. T.carriedPart() gives the node; its show(view) follows the document.
(() => {
  const T = window.Tokenscope;
  const { el } = T;
  const percent = (share) => `${T.number(100 * share, 0)} %`;

  T.carriedPart = () => {
    const text = el("span");
    const button = el("button", { type: "button", class: "ts-button", text: "Use its own tokens", onclick: () => T.link.act("own_tokens", {}) });
    const node = el("p", { class: "ts-caption ts-carried", hidden: true }, text, " ", button);
    node.show = (view) => {
      const { carried } = view;
      node.hidden = !carried;
      if (!carried) return;
      button.hidden = carried.used;
      text.textContent = carried.used ? "These are the tokens that the picture's file carries."
        : `The file carries the tokens that it was decoded from. Tokenized from its pixels, ${percent(carried.share)} of them came back (by scale: ${carried.scales.map((share) => percent(share)).join(", ")}).`;
    };
    return node;
  };
})();
