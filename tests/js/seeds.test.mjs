import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./page.mjs";

function read(value, options, defaultValue = "7") {
  const said = [];
  const T = load(["parts/seeds.js"], { problem: (sentence) => said.push(sentence) });
  const field = { value, defaultValue, dataset: {} };
  return { seed: T.seedOf(field, options), said, field, again: (next) => { field.value = next; return T.seedOf(field, options); } };
}

test("a whole number is a seed", () => {
  for (const [typed, seed] of [["0", 0], ["41", 41], [" 12 ", 12], ["2147483647", 2147483647]]) {
    const found = read(typed);
    assert.equal(found.seed, seed);
    assert.deepEqual(found.said, []);
  }
});

test("what is none is told, and the seed from before stays", () => {
  for (const typed of ["-1", "1.5", "", "1e3", "2147483648", "seven"]) {
    const { seed, said, field } = read(typed, { kept: 3 });
    assert.equal(seed, 3);
    assert.equal(field.value, "3");
    assert.match(said[0], /whole number from 0 to 2,147,483,647/);
    assert.match(said[0], typed ? new RegExp(`“${typed.replace(".", "\\.")}”`) : /an empty field/);
  }
});

test("a field remembers its last good seed", () => {
  const found = read("5");
  assert.equal(found.again("-2"), 5);
  assert.equal(read("x").seed, 7);
});

test("the largest seed is the field's own", () => {
  const { seed, said } = read("101", { kept: 1, largest: 100 });
  assert.equal(seed, 1);
  assert.match(said[0], /from 0 to 100;/);
});
