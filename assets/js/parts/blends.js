// A picture of which a part was painted and drawn again. The page shows it with the pixels outside as they were; a switch
// shows the model's own picture, how much of the outside it changed, and where. Counterpart: explorer/ui/generate/blends.py.
// T.blends.final(view) is the finished picture as it is shown; state.ownPicture: the model's own one is wanted.
(() => {
  const T = window.Tokenscope;
  const { el, state } = T;
  state.ownPicture = false;
  const own = (view) => view?.scales?.reduce((found, scale) => scale.image || found, null);
  const final = (view) => (view?.blend && !state.ownPicture ? view.blend.image : own(view));

  const CHOICES = [
    { value: "kept", text: "Outside kept", tip: "Outside the part that was drawn every pixel is the one from before; the drawn part fades in along its border." },
    { value: "own", text: "Model's own", tip: "What the decoder makes of all tokens. Kept tokens are the same, but a decoder looks across cells, and a coarse token reaches the whole picture." },
  ];
  T.blends = { CHOICES, final, shows: (view) => Boolean(view?.blend && !state.ownPicture) };

  // get() gives a blend or null
  T.blendPart = (get) => {
    const choice = T.segment("Pixels outside the drawn part", CHOICES, (value) => { T.set({ ownPicture: value === "own" }); });
    const says = el("p", { class: "ts-caption", role: "status" });
    const map = el("img", { alt: "", draggable: "false" });
    const ends = el("div", { class: "ts-blend-ends" }, el("span", { class: "ts-num" }), el("span", { text: "lighter or darker than before" }), el("span", { class: "ts-num" }));
    const bar = el("div", { class: "ts-scalebar" });
    const figure = el("figure", { class: "ts-blend-change" }, el("div", { class: "ts-frame-picture" }, map), bar, ends);
    const node = el("div", { class: "ts-blend", hidden: true }, choice, says, figure);
    node.show = () => {
      const blend = get();
      node.hidden = !blend;
      if (!blend) return;
      choice.show(state.ownPicture ? "own" : "kept");
      const share = `${T.number(100 * blend.share, blend.share < 0.1 ? 1 : 0)}\u00a0%`;
      says.textContent = state.ownPicture
        ? `The model's own picture: ${share} of the pixels outside the drawn part moved by more than ${blend.visible} of 255.`
        : `Pixels outside the drawn part are those from before; the new part fades in over ${T.count(blend.feather, "pixel")}. The model's own picture would move ${share} of them by more than ${blend.visible} of 255.`;
      figure.hidden = !state.ownPicture;
      map.src = blend.change;
      map.alt = "What the model's own picture changed: blue darker, red lighter than before";
      bar.style.background = blend.gradient;
      ends.firstChild.textContent = `−${T.number(blend.limit, 2)}`;
      ends.lastChild.textContent = `+${T.number(blend.limit, 2)}`;
    };
    return node;
  };
})();
