// What no setting tells again goes into the address as tokens (token_text.js): "tokens" is the picture of Inspect and Edit
// where it is no untouched sample, "made" the picture of Generate where tokens were forced, painted or kept. An address
// stays below MOST letters; where it would not, it says LEFT_OUT, the button says so before it copies, and whoever
// follows the link is told.
//   T.linked      {tokens, made}: the token maps that the visitor's link carried, once the address has been read
//   T.leftOut()   words for what a link made now leaves behind, "" = nothing
(() => {
  const T = window.Tokenscope;
  const { state } = T;
  const MOST = 2000;
  const LEFT_OUT = "left-out";
  T.linked = { tokens: null, made: null };

  const ids = (view) => view.scales.map((scale) => scale.ids);
  const told = (view) => view && (!view.sample || view.edit.changed > 0);
  const madeByHand = (run) => run && !state.running && run.done === run.total && (run.parent || run.phrase);

  function text(maps) {
    const packed = T.tokenText.pack(maps, state.model);
    return packed.length > MOST ? LEFT_OUT : packed;
  }
  const written = {
    tokens: () => (told(state.docs.session) ? text(ids(state.docs.session)) : undefined),
    made: (tab) => (tab === "Generate" && madeByHand(state.docs.run) ? text(ids(state.docs.run)) : undefined),
  };
  const missing = {
    tokens: "The picture was edited, or somebody's own, and has too many tokens for an address: you see the sample or example without that.",
    made: "Tokens were forced or kept in the picture of this link, and it has too many of them for an address: you see the picture of its settings alone.",
  };

  function read(name, sent) {
    if (sent === LEFT_OUT) {
      T.set({ remark: { text: missing[name] } });
      return true;
    }
    T.linked[name] = T.tokenText.unpack(sent, state.model);
    return T.linked[name] !== null;
  }
  for (const name of ["tokens", "made"]) T.address.keys(name, (sent) => read(name, sent), written[name]);

  T.leftOut = (tab) => {
    if (written.made(tab) === LEFT_OUT) return "the forced or kept tokens of this picture";
    if (written.tokens() === LEFT_OUT) return "this picture's tokens";
    return "";
  };
})();
