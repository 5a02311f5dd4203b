import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./page.mjs";

const { tokenText } = load(["token_text.js"]);
const model = { sha256: "0123456789abcdef", codes: 4096, grids: [[1, 1], [2, 2], [3, 5]] };
const plain = (value) => JSON.parse(JSON.stringify(value));

function maps(of) {
  let n = 7;
  return of.grids.map(([h, w]) => Array.from({ length: h * w }, () => (n = (n * 1103515245 + 12345) % 2147483648) % of.codes));
}

test("what is packed comes back, for any size of codebook", () => {
  for (const codes of [2, 3, 16, 1000, 4096, 16384, 65536]) {
    const of = { ...model, codes }, sent = maps(of);
    assert.deepEqual(plain(tokenText.unpack(tokenText.pack(sent, of), of)), sent);
  }
});

test("130 tokens of 12 bits are 260 letters that an address can hold", () => {
  const of = { ...model, grids: [[1, 1], [2, 2], [3, 3], [4, 4], [6, 6], [8, 8]] };
  const text = tokenText.pack(maps(of), of);
  assert.equal(text.length, 8 + 1 + 260);
  assert.equal(encodeURIComponent(text), text);
});

test("the first and the last code", () => {
  const of = { ...model, grids: [[1, 2]] };
  assert.equal(tokenText.pack([[0, 4095]], of), "01234567.AA__");
});

test("what is none of this model's is null", () => {
  const text = tokenText.pack(maps(model), model);
  for (const bad of ["", "x", text.slice(1), text.slice(0, -1), `${text}A`, text.replace(/.$/, "*"), `${text}.A`]) {
    assert.equal(tokenText.unpack(bad, model), null, bad);
  }
  assert.equal(tokenText.unpack(text, { ...model, sha256: "fedcba9876543210" }), null);
  const of = { ...model, codes: 3, grids: [[1, 3]] };
  assert.equal(tokenText.unpack("01234567._", of), null); // two bits could say 3
});
