import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./page.mjs";

// Colours come back as the share of the ramp that a value has, so that they can be compared as numbers.
function page(scale) {
  return load(["parts/colour_modes.js"], {
    state: { docs: { session: { scales: [scale] } }, model: { usage_of: "photos" }, surprise: {} },
    measures: { ramp: (share) => share, gradient: () => "ramp", keyNow: () => "" },
    codebook: { css: (share) => share },
    number: (value, digits) => value.toFixed(digits),
  });
}
const near = (found, wanted) => found.forEach((value, n) => assert.ok(Math.abs(value - wanted[n]) < 1e-9, `${found}`));

test("use is coloured logarithmically: equal factors are equal steps", () => {
  const T = page({ h: 2, w: 2, ids: [1, 2, 3, 4], colours: ["a", "b", "c", "d"], use: [0.001, 0.01, 0.1, 0] });
  T.state.colourMode = "use";
  const { colours, words, legend } = T.colourModes.look("session");
  near(colours[0].slice(0, 3), [0, 0.5, 1]);
  assert.equal(typeof colours[0][3], "string"); // never used: a plain cell, no colour of the ramp
  assert.equal(words[0][3], "never used at scale 1");
  assert.match(legend.about, /logarithmic/);
  assert.equal(legend.low, "0.10 %");
});

test("entropy is coloured in proportion", () => {
  const T = page({ h: 1, w: 3, ids: [1, 2, 3], colours: ["a", "b", "c"], entropy: [0, 3, 12] });
  T.state.colourMode = "entropy";
  const { colours, legend } = T.colourModes.look("session");
  near(colours[0], [0, 0.25, 1]);
  assert.doesNotMatch(legend.about, /logarithmic/);
});

test("what a tokenizer that chooses by logits measures is called a margin", () => {
  const T = page({ h: 1, w: 2, ids: [1, 2], colours: ["a", "b"], distance: [0.5, 4], changed: [0, 1] });
  T.state.colourMode = "distance";
  assert.equal(T.colourModes.look("session").words[0][0], "distance 0.50 to what it stands for");
  T.state.model.chooses_by = "logits";
  const { words, legend } = T.colourModes.look("session");
  assert.deepEqual(words[0], ["logit margin 0.50", "no margin: the token was changed"]);
  assert.match(legend.about, /logit margin/);
});

test("a mode without values falls back to the kinds of codes and says why", () => {
  const T = page({ h: 1, w: 1, ids: [1], colours: ["a"] });
  T.state.colourMode = "distance";
  assert.equal(T.colourModes.look("session").mode, "kind");
  assert.match(T.colourModes.refusal("session", "distance"), /Distances belong to a picture that was tokenized/);
});

test("what changed keeps its colour, what did not is plain", () => {
  const T = page({ h: 1, w: 2, ids: [1, 2], colours: ["red", "blue"], changed: [1, 0] });
  T.state.colourMode = "changed";
  const { colours, words } = T.colourModes.look("session");
  assert.equal(colours[0][0], "red");
  assert.notEqual(colours[0][1], "blue");
  assert.deepEqual([...words[0]], ["changed", "unchanged"]);
});
