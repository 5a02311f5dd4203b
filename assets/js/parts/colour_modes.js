// What the colours of the token maps say. Each mode reads values that the scales of a document carry, gives every cell a
// colour and the same in words, and a legend from the smallest value to the largest. A mode without values for a document
// is refused with a reason. The mode on show lies in the store under "colourMode" and holds for both documents.
(() => {
  const T = window.Tokenscope;
  const { state } = T;
  const PLAIN = { light: "#d3d4d0", dark: "#3b3e43" }; // a cell that has nothing to say in this mode
  const plain = () => PLAIN[document.body.classList.contains("dark") ? "dark" : "light"];
  const percent = (share) => `${T.number(100 * share, share < 0.001 ? 3 : share < 0.1 ? 2 : 1)} %`;
  const bits = (value) => `${T.number(value, 2)} bits`;
  // a tokenizer that chooses by logits compares no distances: the same list then holds how clearly the code won
  const margins = () => state.model?.chooses_by === "logits";
  const same = (a, b) => a?.length === b?.length && a?.every((id, n) => id === b[n]);
  state.colourMode = "code";

  // how unsure a run was; a run that was taken over to Inspect and Edit keeps it as far as its coarser scales are untouched
  function entropy(doc, k) {
    const own = state.docs[doc].scales[k].entropy;
    if (own || doc === "run") return own;
    const run = state.docs.run?.scales, mine = state.docs.session.scales;
    return run?.length === mine.length && run[k].entropy && mine[0].h * mine[0].w && run.slice(0, k + 1).every((scale, n) => same(scale.ids, mine[n].ids)) ? run[k].entropy : null;
  }
  function surprise(doc, k) {
    const own = state.docs[doc].scales[k].surprise;
    const { key, shown } = state.surprise;
    return own || (doc === "session" && shown && key === T.measures.keyNow() ? shown.bits[k] : null);
  }
  function distance(doc, k) {
    const { distance: own, changed } = state.docs[doc].scales[k];
    return own?.map((value, n) => (changed?.[n] ? null : value)); // it was measured for the token that stood there before
  }
  // a run that kept tokens: what was written anew
  const changed = (doc, k) => state.docs[doc].scales[k].changed || state.docs[doc].scales[k].kept?.map((kept) => 1 - kept) || null;

  // values(doc, k): one number per cell, null where there is none, or null for the whole map
  const MODES = {
    code: { text: "Code", tip: "First principal components of the codebook: similar codes have similar colours." },
    use: {
      text: "Use", tip: "How common the code is among all tokens of its scale; each step of the scale multiplies.", log: true,
      values: (doc, k) => state.docs[doc].scales[k].use, say: (v, k) => (v ? `${percent(v)} of the tokens of scale ${k + 1}` : `never used at scale ${k + 1}`), end: percent,
      about: () => `share of the tokens of a scale, over ${state.model.usage_of}; grey: never`, why: () => "No counts over photos come with this model, so how common its codes are is not known.",
    },
    entropy: {
      text: "Entropy", tip: "How unsure the generator was when it wrote the token, in bits: 0 for one possible code, one bit more for twice as many equally likely ones.",
      values: entropy, say: (v) => `${bits(v)} of entropy`, end: bits, about: () => "how unsure the generator was, after guidance, before temperature and top-k",
      why: (doc) => (doc === "run" ? "This run carries no entropy. Generate a picture to see how unsure the model is." : "Only a picture that this page has generated has entropies, until its tokens are changed. Generate one and open it here."),
    },
    surprise: {
      text: "Surprise", tip: "How unlikely the generator finds the token when told all coarser ones and a class, in bits.",
      values: surprise, say: (v) => `${bits(v)} of surprise`, end: bits, about: () => "how unlikely the generator finds the token",
      why: (doc) => (doc === "run" ? "The generator is asked about the picture in Inspect. Open the run there, then ask “How surprised is the generator?”" : state.surprise.unavailable || "Not asked yet for these tokens. In Inspect, below the measures, press “Ask the generator”."),
    },
    distance: {
      text: "Distance", tip: "How far the code lies from the vector that it stands for: small where the codebook fits well. Of a tokenizer that chooses by logits: the logit margin, by how much the code's logit exceeds every other; large where the choice was clear.",
      values: distance, say: (v) => (margins() ? `logit margin ${T.number(v, 2)}` : `distance ${T.number(v, 2)} to what it stands for`), end: (v) => T.number(v, 2),
      about: () => (margins() ? "logit margin: by how much the code's logit exceeds every other code's" : "from the code to the vector it stands for, in units of the codebook"),
      why: () => "Distances belong to a picture that was tokenized. This one was generated, or only its tokens were kept.",
    },
    changed: {
      text: "Changed", tip: "Tokens that are not the picture's own any more.", values: changed, say: (v, _, doc) => (doc === "run" ? (v ? "written anew" : "kept") : v ? "changed" : "unchanged"),
      about: (doc) => (doc === "run" ? "in colour: written anew; grey: kept" : "in colour: changed since the picture was opened; grey: as it was"),
      why: (doc) => (doc === "run" ? "This run kept no tokens: all of them are new." : "This picture has no state before its edits."),
    },
  };
  const names = Object.keys(MODES);

  const lists = (doc, mode) => state.docs[doc]?.scales.map((_, k) => MODES[mode].values?.(doc, k) || null) || [];
  // "" when the document has values for the mode; for a run under way those of its first scale
  function refusal(doc, mode) {
    if (mode === "code" || !state.docs[doc]) return "";
    return lists(doc, mode).some(Boolean) ? "" : MODES[mode].why(doc);
  }

  // {mode, colours, words: K lists; legend: {low, high, about, ramp} or null} of the document in the mode on show
  function look(doc) {
    const scales = state.docs[doc]?.scales || [];
    const mode = refusal(doc, state.colourMode) ? "code" : state.colourMode;
    if (mode === "code") return { mode, colours: scales.map((scale) => scale.colours), words: scales.map(() => null), legend: null };
    const { say, end, about, log } = MODES[mode];
    const values = lists(doc, mode);
    const words = values.map((list, k) => list?.map((v) => (typeof v !== "number" ? (mode === "distance" ? `no ${margins() ? "margin" : "distance"}: the token was changed` : "no value") : say(v, k, doc))));
    if (mode === "changed") {
      const colours = values.map((list, k) => list?.map((v, n) => (v ? scales[k].colours[n] : plain())) || scales[k].ids.map(plain));
      return { mode, colours, words, legend: { about: about(doc) } };
    }
    const shown = values.flat().filter((v) => typeof v === "number" && (!log || v > 0));
    const [low, high] = shown.length ? [shown.reduce((a, b) => Math.min(a, b)), shown.reduce((a, b) => Math.max(a, b))] : [0, 1];
    const on = (v) => (log ? Math.log(v) : v);
    const share = (v) => (on(v) - on(low)) / (on(high) - on(low) || 1);
    const colour = (v) => (typeof v !== "number" || (log && v <= 0) ? plain() : T.codebook.css(T.measures.ramp(share(v))));
    const colours = values.map((list, k) => list?.map(colour) || scales[k].ids.map(plain));
    return { mode, colours, words, legend: { low: end(low), high: end(high), about: `${about(doc)}${log ? "; logarithmic" : ""}`, ramp: T.measures.gradient() } };
  }

  T.colourModes = { margins, names, look, refusal, choices: names.map((value) => ({ value, text: MODES[value].text, tip: MODES[value].tip })) };
})();
