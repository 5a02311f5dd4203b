import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./page.mjs";

const settled = () => new Promise((done) => setTimeout(done, 5));

// A page whose server answers by hand: asked holds the questions, answer(view) answers the oldest.
function page(scales, mode = "look") {
  const asked = [];
  class Picture { decode() { return Promise.resolve(); } }
  const T = load(["parts/squares.js", "parts/colour_modes.js"], {
    state: { docs: { session: { scales } }, running: null, surprise: {} },
    set(patch) { Object.assign(T.state, patch); },
    number: (value, digits) => value.toFixed(digits),
  }, { setTimeout, atob, Blob, Image: Picture, URL: { createObjectURL: () => `blob:${Math.random()}`, revokeObjectURL() {} } });
  T.state.colourMode = mode;
  T.connectSquares({ server: { square_pictures: (question) => new Promise((done) => asked.push({ question, done })) } });
  const answer = async (view) => { asked.shift().done(view); await settled(); };
  return { T, asked, answer, look: () => T.colourModes.look("session") };
}
const scale = (ids, image = "") => ({ h: 1, w: ids.length, ids, image, colours: ids.map(() => "#123456") });
const sprite = (values, more = {}) => ({ image: "data:image/jpeg;base64,AAAA", values, limit: null, exact: true, ...more });

test("maps are asked for one at a time, coarse first, each token map once", async () => {
  const { asked, answer, look } = page([scale([1]), scale([2, 3])]);
  look();
  look();
  assert.equal(asked.length, 1);
  assert.deepEqual(JSON.parse(JSON.stringify(asked[0].question)), { kind: "look", scale: 1, maps: [[1]] });
  await answer(sprite(["#804020"]));
  assert.deepEqual(JSON.parse(JSON.stringify(asked[0].question)), { kind: "look", scale: 2, maps: [[2, 3]] });
  await answer(sprite(["#ffffff", "#000000"]));
  look(); // now its picture is decoded
  await settled();
  const found = look();
  assert.equal(asked.length, 0);
  assert.deepEqual([...found.words[1]], ["looks white alone", "looks black alone"]);
  assert.equal(found.colours[0][0], "#804020");
  assert.equal(found.sprites[1].stale, false);
});

test("an edit asks for what it changes; until then the old map is stale and says nothing", async () => {
  const { T, asked, answer, look } = page([scale([1]), scale([2, 3])], "adds");
  look();
  await answer(sprite([0.2], { limit: 0.25 }));
  await answer(sprite([0.1, -0.1], { limit: 0.1, exact: false }));
  look();
  await settled();
  const before = look();
  assert.deepEqual([...before.words[1]], ["0.100 lighter on average", "0.100 darker on average"]);
  assert.deepEqual([...before.notes], ["±0.25", "±0.1"]);
  assert.match(before.says, /Estimated by a linear map/);
  T.state.docs.session.scales = [scale([1]), scale([2, 9])];
  const after = look();
  assert.equal(asked.length, 1);
  assert.equal(asked[0].question.scale, 2);
  assert.equal(after.sprites[0].stale, false);
  assert.equal(after.sprites[1].stale, true);
  assert.equal(after.words[1][0], null);
});

test("what could not be computed is said, and asked for again when it is chosen again", async () => {
  const { T, asked, answer, look } = page([scale([1])]);
  look();
  await answer({ problem: "No." });
  look();
  assert.equal(asked.length, 0);
  assert.equal(T.squares.progress("session", "look").problem, "No.");
  T.squares.again();
  look();
  assert.equal(asked.length, 1);
  await answer(null);
  look();
  assert.match(T.squares.progress("session", "look").problem, /did not answer/);
});

test("nothing is asked for maps that are not complete, or for pictures that are here", async () => {
  const partial = page([scale([1]), scale([2, -1])]);
  partial.look();
  await partial.answer(sprite(["#000000"]));
  assert.equal(partial.asked.length, 0);
  const raster = page([scale([2, -1])]);
  raster.look();
  assert.equal(raster.asked.length, 1);
  const here = page([scale([1], "data:image/png;base64,AAAA")], "sofar");
  here.look();
  await settled();
  assert.equal(here.look().sprites[0].stale, false);
  assert.equal(here.asked.length, 0);
});

test("the picture of a raster run covers the tokens that were decoded", async () => {
  const { T, look } = page([{ ...scale([1, 2, 3], "data:image/png;base64,AAAA"), step: 2 }], "sofar");
  look();
  await settled();
  assert.equal(look().sprites[0].covers, Infinity);
  T.state.docs.session.order = "raster";
  assert.equal(look().sprites[0].covers, 2);
});

test("while a run is under way its squares show the picture so far", () => {
  const { T } = page([scale([1], "data:image/png;base64,AAAA")]);
  T.state.docs.run = T.state.docs.session;
  T.state.running = "a run";
  assert.equal(T.colourModes.look("run").mode, "sofar");
  assert.match(T.colourModes.refusal("run", "adds"), /when it is finished/);
  assert.equal(T.colourModes.look("session").mode, "look");
});

test("colours have the names that people give them", () => {
  const { colourWord } = page([]).T.squares;
  const names = { "#000000": "black", "#ffffff": "white", "#808080": "grey", "#333333": "dark grey", "#c0c0c0": "light grey", "#5a3c1e": "brown", "#d07020": "orange", "#2040a0": "dark blue", "#60a060": "green", "#30b0b0": "teal", "#c02020": "red" };
  for (const [hex, name] of Object.entries(names)) assert.equal(colourWord(hex), name, hex);
});
