import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./page.mjs";

const page = () => load(["present/present_plan.js"], {
  number: (value, digits) => value.toFixed(digits),
  count: (n, what) => `${n} ${what}${n === 1 ? "" : "s"}`,
}).presentPlan;
const scale = (h, w, more = {}) => ({ h, w, ids: new Array(h * w).fill(5), image: `${h}.png`, ...more });

test("a next-scale picture has a moment for each scale, maps and picture together", () => {
  const { moments, words } = page();
  const view = { scales: [scale(1, 1), scale(2, 2), scale(3, 3)] };
  const all = moments(view);
  assert.deepEqual(all.map(({ known }) => [...known]), [[1, 0, 0], [1, 4, 0], [1, 4, 9]]);
  assert.deepEqual(all.map(({ image }) => image), ["1.png", "2.png", "3.png"]);
  assert.equal(words(view, all, 0), "Scale 1 of 3: 1 token, 1 of 14.");
  assert.equal(words(view, all, 2), "Scale 3 of 3: 9 more tokens, 14 of 14.");
});

test("a run under way ends before its first open map", () => {
  const { moments, words } = page();
  const open = { ...scale(2, 2), ids: [1, null, 2, 3] };
  assert.equal(moments({ scales: [scale(1, 1), open] }).length, 1);
  assert.equal(words({ scales: [open] }, [], 0), "Nothing is written yet.");
});

test("a raster picture goes token by token, with the newest frame there is", () => {
  const { moments, words, isRaster } = page();
  const view = { order: "raster", frames: { 2: "a", 4: "b" }, scales: [{ ...scale(2, 3), ids: [1, 2, 3, 4, 5, -1] }] };
  assert.ok(isRaster(view));
  const all = moments(view);
  assert.deepEqual([...all].map(({ image }) => image), [null, "a", "a", "b", "b"]);
  assert.equal(words(view, all, 3), "Token 4 of 6, row 2 of 2.");
  const whole = { ...view, scales: [scale(2, 3)] };
  assert.equal(moments(whole).at(-1).image, "2.png");
});

test("the pace is held against the model's own time", () => {
  const { moments, pace } = page();
  const timed = { scales: [scale(1, 1, { seconds: 0.02 }), scale(2, 2, { seconds: 0.08 })] };
  assert.equal(pace(timed, moments(timed), 0.7), "shown 14 times slower than the model wrote it");
  assert.equal(pace(timed, moments(timed), 0.1), "shown 2.0 times slower than the model wrote it");
  assert.equal(pace(timed, moments(timed), 0.05), "shown as fast as the model wrote it");
  assert.equal(pace(timed, moments(timed), 0.01), "shown 5.0 times faster than the model wrote it");
  const plain = { scales: [scale(1, 1)] };
  assert.equal(pace(plain, moments(plain), 0.7), "");
});
