// What a link says about the views: the map of the codebook, and what the squares of the token maps show. How a part adds a key of
// its own is told at the top of address.js.
(() => {
  const T = window.Tokenscope;
  const { state } = T;

  // one entry of the codebook's store; said in its tab only, and only where it is not what one finds there anyway
  function codebook(name, key, choices) {
    T.address.keys(name, (text) => choices.includes(text) && (T.codebook.put({ [key]: text }), true),
      (tab) => (tab === "Codebook" && choices.indexOf(state.codebook[key]) > 0 ? state.codebook[key] : undefined));
  }
  codebook("plane", "plane", ["pca", "umap"]);
  codebook("codes", "colour", ["code", "use", "norm", "scale", "mean"]);
  codebook("count", "source", ["shipped", "picture"]); // a zip of one's own cannot be in a link

  T.address.keys("colour", (text) => T.colourModes.names.includes(text) && (T.set({ colourMode: text }), true),
    (tab) => (["Inspect", "Edit", "Generate"].includes(tab) && state.colourMode !== T.colourModes.first ? state.colourMode : undefined));
})();
