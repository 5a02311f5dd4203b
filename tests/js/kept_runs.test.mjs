import assert from "node:assert/strict";
import { test } from "node:test";
import { load } from "./page.mjs";

const { keptRuns } = load(["generate/kept_runs.js"]);
const model = { sha256: "ab", codes: 16, grids: [[1, 1], [2, 2]] };
const scale = (side, image) => ({ h: side, w: side, ids: Array.from({ length: side * side }, () => 3), image });
const view = (run) => ({ run, status: "done", title: run, seed: 0, rows: [], scales: [scale(1, `data:image/png;base64,${"A".repeat(500)}`), scale(2, "data:image/png;base64,BBBB")] });
const node = (id, parent = null) => ({ id, parent, what: id, view: view(id) });
const kept = (nodes = [node("a"), node("b", "a"), node("c", "b"), node("d")]) => ({ version: 1, run: view("now"), nodes, let: false });

test("what was kept is looked at before it is shown", () => {
  assert.equal(keptRuns.valid(kept(), model), true);
  const spoilt = [
    null, {}, { ...kept(), version: 2 }, { ...kept(), run: null }, { ...kept(), nodes: "x" },
    { ...kept(), run: { ...view("now"), status: "running" } },
    { ...kept(), run: { ...view("now"), scales: [scale(1, null)] } },
    { ...kept(), run: { ...view("now"), scales: [scale(1, null), { ...scale(2, null), ids: [0, 1, 2, 16] }] } },
    { ...kept(), run: { ...view("now"), scales: [scale(1, null), scale(2, "https://elsewhere/x.png")] } },
    kept([{ ...node("a"), id: 7 }]), kept([{ ...node("a"), view: {} }]),
  ];
  for (const one of spoilt) assert.equal(Boolean(keptRuns.valid(one, model)), false, JSON.stringify(one)?.slice(0, 90));
});

test("what fits stays as it is", () => {
  const whole = kept();
  assert.equal(keptRuns.fit(whole, 1e6), whole);
});

test("branches lose early pictures first, then the oldest leaves go", () => {
  const slim = keptRuns.fit(kept(), 3000);
  assert.equal(slim.nodes.length, 4);
  assert.ok(slim.nodes.every((one) => one.view.scales[0].image === null && one.view.scales[1].image));
  assert.ok(slim.run.scales[0].image, "the picture on show stays whole");
  const few = keptRuns.fit(kept(), 1600);
  assert.ok(JSON.stringify(few).length <= 1600 && few.let);
  assert.deepEqual([...few.nodes.map(({ id }) => id)], ["a", "b", "c", "d"].filter((id) => few.nodes.some((one) => one.id === id)));
  assert.ok(!few.nodes.some(({ id }) => id === "c"), "a leaf goes before what others were made of");
  assert.ok(few.nodes.every(({ parent }) => parent === null || few.nodes.some(({ id }) => id === parent)));
});
