import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./page.mjs";

// A page whose server answers only when the test says so.
function page(photos = {}) {
  const sent = [];
  let answer = null;
  const props = { value: null };
  const T = load(["link.js"], {
    state: { docs: { session: null }, problem: null, busy: null },
    set(patch) { Object.assign(this.state, patch); },
    problem() {}, did() {}, saveFile() {}, listenForPictures() {}, arrive() {},
    photos: { connect() {}, settled() {}, belongs() {}, same() {}, ...photos },
  });
  T.connect({ props, watch: (_, run) => { answer = run; }, server: {}, upload: null, act: (item) => sent.push(item) });
  const done = (view = {}) => { props.value = { ticket: sent.at(-1).ticket, ...view }; answer(); };
  return { T, sent, done, kinds: () => sent.map((item) => item.kind) };
}

test("actions go to the server one at a time and in order", () => {
  const { T, done, kinds } = page();
  for (const kind of ["replace", "undo", "redo"]) T.link.act(kind, {});
  assert.deepEqual(kinds(), ["replace"]);
  done();
  assert.deepEqual(kinds(), ["replace", "undo"]);
  done(); done();
  assert.deepEqual(kinds(), ["replace", "undo", "redo"]);
});

test("of choices that wait only the last one is sent", () => {
  const { T, sent, done, kinds } = page();
  T.link.act("replace", {});
  T.link.act("fit", { fit: "crop" });
  T.link.act("fit", { fit: "letterbox" });
  T.link.act("policy", { policy: "keep" });
  T.link.act("policy", { policy: "requantise" });
  done(); done(); done();
  assert.deepEqual(kinds(), ["replace", "fit", "policy"]);
  assert.equal(sent[1].fit, "letterbox");
  assert.equal(sent[2].policy, "requantise");
});

test("edits that wait are all sent, also where they are alike", () => {
  const { T, done, kinds } = page();
  for (let n = 0; n < 3; n++) T.link.act("replace", { n });
  done(); done();
  assert.deepEqual(kinds(), ["replace", "replace", "replace"]);
});

test("an answer to another ticket ends nothing", () => {
  const { T, sent, kinds } = page();
  T.link.act("replace", {});
  T.link.act("undo", {});
  T.connect({ props: { value: { ticket: sent[0].ticket + 7 } }, watch() {}, server: {}, upload: null, act: (item) => sent.push(item) });
  assert.deepEqual(kinds(), ["replace"]);
});

test("the photo of an upload belongs to the picture that comes of it, and to its other fits", () => {
  const told = [];
  const { T, sent, done } = page({
    belongs: (number, photo) => told.push(["belongs", number, photo]), same: (number, before) => told.push(["same", number, before]), settled: () => told.push(["settled"]),
  });
  const session = (picture) => ({ session: { picture, input: "", scales: [], edit: {} } });
  T.link.act("sample", {});
  done(session(1));
  T.link.act("upload", { path: "x" }, "my photo");
  assert.equal(sent.at(-1).photo, undefined); // it stays in the browser
  done(session(2));
  T.link.act("fit", { fit: "letterbox" });
  done(session(3));
  T.link.act("upload", { path: "y" }, "no picture");
  done({ problem: "This is no picture." });
  assert.deepEqual(told, [["belongs", 2, "my photo"], ["settled"], ["same", 3, 2], ["settled"]]);
});
