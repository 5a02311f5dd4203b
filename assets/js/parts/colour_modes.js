// What a square of the token maps shows. Three modes fill it with a picture (squares.js); the others read values that the
// scales of a document carry, and give every cell a colour and a legend from the smallest value to the largest. Both say the
// same in words. A mode without values for a document is refused with a reason. The mode on show lies in the store under
// "colourMode" and holds for both documents.
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
  const FIRST = "sofar"; // of ten pictures looked at in every mode, the one in which a stranger sees the picture grow
  state.colourMode = FIRST;

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

  const wait = (doc) => (doc === "run" && state.running ? "The run is under way; this comes when it is finished. Until then squares show the picture so far." : "");
  const hex = (value) => `#${Math.max(0, Math.min(255, Math.round(value))).toString(16).padStart(2, "0").repeat(3)}`;
  const linear = (sprites) => (sprites.some((sprite) => sprite?.exact === false) ? " Estimated by a linear map: decoding the picture once for each token would take minutes here." : "");

  // Pictures. says(doc, sprites): what a square shows, for the line above the maps; colour and say: of a cell's value.
  // values(doc, k): one number per cell, null where there is none, or null for the whole map
  const MODES = {
    sofar: {
      text: "So far", tip: "The picture after each scale, cut into the squares of its tokens.", picture: true,
      refuse: (doc) => (state.docs[doc].scales.some((scale) => scale.image) ? "" : "No picture has been decoded yet."),
      says: (doc) => (state.docs[doc].scales.length > 1 ? "A square shows its part of the picture after its scale and all coarser ones." : "A square shows its part of the picture that all tokens draw together."),
    },
    look: {
      text: "Look", tip: "What the code of each square looks like when it is decoded alone.", picture: true, refuse: wait,
      says: () => "A square shows its code decoded alone, as it looks at this scale with nothing around it. The decoder never met such pictures: a hint at hue and texture.",
      colour: (value) => value, say: (value) => `looks ${T.squares.colourWord(value)} alone`,
    },
    adds: {
      text: "Adds", tip: "What each token changes in its part of the picture: with it minus without it.", picture: true, refuse: wait,
      says: (_, sprites) => `A square shows what its token changes here: the picture with it minus without it. Grey: no change; ±: the change that is drawn in full, of pixel values from 0 to 1.${linear(sprites)}`,
      colour: (value, sprite) => hex(128 + (127 * value) / sprite.limit), say: (value) => (Math.abs(value) < 0.0005 ? "no change of brightness" : `${T.number(Math.abs(value), 3)} ${value > 0 ? "lighter" : "darker"} on average`),
      note: (sprite) => `±${sprite.limit}`,
    },
    kind: { text: "Kind", tip: "First principal components of the codebook: similar codes have similar colours.", says: () => "A square’s colour tells its kind of code: similar codes, similar colours. It is a label and need not be the colour of the picture." },
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
    if (mode === "kind" || !state.docs[doc]) return "";
    if (MODES[mode].picture) return MODES[mode].refuse(doc);
    return lists(doc, mode).some(Boolean) ? "" : MODES[mode].why(doc);
  }

  // {mode, says: a sentence; colours, words: K lists; sprites: K or null; notes: a word for each scale; legend: {low, high,
  // about, ramp} or null} of the document in the mode on show, or in the first one that it has
  function look(doc) {
    const scales = state.docs[doc]?.scales || [];
    const mode = [state.colourMode, FIRST].find((one) => !refusal(doc, one)) || "kind";
    return { mode, says: scales.length ? MODES[mode].says?.(doc, []) || MODES[mode].tip : "", sprites: null, notes: [], legend: null, ...filled(doc, scales, mode) };
  }
  function filled(doc, scales, mode) {
    if (mode === "kind" || !scales.length) return { colours: scales.map((scale) => scale.colours), words: scales.map(() => null) };
    if (MODES[mode].picture) return pictured(doc, scales, MODES[mode], T.squares.sprites(doc, mode));
    const { say, end, about, log } = MODES[mode];
    const values = lists(doc, mode);
    const words = values.map((list, k) => list?.map((v) => (typeof v !== "number" ? (mode === "distance" ? `no ${margins() ? "margin" : "distance"}: the token was changed` : "no value") : say(v, k, doc))));
    if (mode === "changed") {
      const colours = values.map((list, k) => list?.map((v, n) => (v ? scales[k].colours[n] : plain())) || scales[k].ids.map(plain));
      return { colours, words, legend: { about: about(doc) } };
    }
    const shown = values.flat().filter((v) => typeof v === "number" && (!log || v > 0));
    const [low, high] = shown.length ? [shown.reduce((a, b) => Math.min(a, b)), shown.reduce((a, b) => Math.max(a, b))] : [0, 1];
    const on = (v) => (log ? Math.log(v) : v);
    const share = (v) => (on(v) - on(low)) / (on(high) - on(low) || 1);
    const colour = (v) => (typeof v !== "number" || (log && v <= 0) ? plain() : T.codebook.css(T.measures.ramp(share(v))));
    const colours = values.map((list, k) => list?.map(colour) || scales[k].ids.map(plain));
    return { colours, words, legend: { low: end(low), high: end(high), about: `${about(doc)}${log ? "; logarithmic" : ""}`, ramp: T.measures.gradient() } };
  }

  // stale words would be about other tokens
  function pictured(doc, scales, { colour, say, says, note }, sprites) {
    const each = (what) => scales.map((scale, k) => scale.ids?.map((_, n) => {
      const value = sprites[k]?.values?.[n];
      return value === null || value === undefined ? null : what(value, sprites[k]);
    }));
    return {
      sprites, says: says(doc, sprites), colours: (colour ? each(colour) : scales.map((scale) => scale.ids?.map(() => null))).map((list) => list?.map((one) => one || plain())),
      words: say ? each((value, sprite) => (sprite.stale ? null : say(value))) : scales.map(() => null),
      notes: note ? sprites.map((sprite) => (sprite ? note(sprite) : "")) : [],
    };
  }

  T.colourModes = { margins, names, first: FIRST, look, refusal, choices: names.map((value) => ({ value, text: MODES[value].text, tip: MODES[value].tip })) };
})();
