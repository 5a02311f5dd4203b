// Three stages of a photo side by side: itself, what the model sees of it, and what its tokens say. Choosing one compares
// it with the tokens in the picture above; the last shows the tokens' picture alone.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;

  T.photoStages = () => {
    const choose = (stage) => T.set({ stage });
    const framed = { photo: T.photos.framed("ts-frame-picture") };
    const images = { seen: el("img", { alt: "", draggable: "false" }), tokens: el("img", { alt: "", draggable: "false" }) };
    const texts = {}, sizes = {}, buttons = {};
    const tips = {
      photo: "The photo as it was opened; an own one is kept in this browser, up to 1,024 px. Compares it with what the tokens say.",
      seen: "The same, brought to the size that the model reads. Compares it with what the tokens say.",
      tokens: "What the decoder makes of the tokens of the scales on show, alone.",
    };
    const node = el("div", { class: "ts-stages", role: "radiogroup", "aria-label": "Stages of the photo", hidden: true }, Object.keys(tips).map((stage) => {
      texts[stage] = el("span");
      sizes[stage] = el("span", { class: "ts-num ts-muted" });
      buttons[stage] = el("button", { type: "button", role: "radio", "data-value": stage, "data-tip": tips[stage], onclick: () => choose(stage) },
        framed[stage] || el("span", { class: "ts-frame-picture" }, images[stage]), texts[stage], sizes[stage]);
      return buttons[stage];
    }));
    node.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      const there = Object.values(buttons).filter((button) => !button.hidden);
      const next = there[(there.indexOf(document.activeElement) + step + there.length) % there.length];
      next.focus();
      choose(next.dataset.value);
    });

    // draws what there is and gives the stage on show; sharp: the photo or null, decoded: the picture of the tokens
    node.show = ({ view, sharp, decoded, from }) => {
      node.hidden = !view.input;
      const stage = state.stage === "photo" && !sharp ? "seen" : state.stage;
      buttons.photo.hidden = !sharp;
      framed.photo.show(sharp);
      texts.photo.textContent = sharp?.words || "";
      sizes.photo.textContent = sharp?.size || "";
      texts.seen.textContent = "what the model sees";
      sizes.seen.textContent = `${view.size[1]} × ${view.size[0]} px`;
      texts.tokens.textContent = from;
      for (const [one, uri] of [["seen", view.input], ["tokens", decoded]]) {
        images[one].hidden = !uri;
        if (uri && images[one].getAttribute("src") !== uri) images[one].src = uri;
      }
      for (const [one, button] of Object.entries(buttons)) {
        button.setAttribute("aria-checked", String(one === stage));
        button.tabIndex = one === stage ? 0 : -1;
      }
      return view.input ? stage : "tokens";
    };
    return node;
  };
})();
