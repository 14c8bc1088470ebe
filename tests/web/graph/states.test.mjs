// How nodes stand after what is told live.
import assert from "node:assert/strict";
import test from "node:test";
import { load } from "../load.mjs";

const { after, byNode, isOther, placesOf, shownOf, spoken } = await load("graph/states.js");

const nodes = (more = {}) => new Map([["e.n", { entity: "e", node: "n", kind: "derive", state: "due", ...more }]]);
const delta = (type, position, more = {}) => ({ type, position, node: "e.n", preview: "", ...more });

test("a node is running, then settled with what it shows", () => {
  const running = after(nodes(), [delta("node.started", 4)]);
  assert.deepEqual(shownOf(running.get("e.n")), { state: "running", text: "running" });
  const settled = after(running, [delta("node.settled", 5, { preview: "8" })]);
  assert.deepEqual(shownOf(settled.get("e.n")), { state: "settled", text: "8" });
});

test("what is older than what is known changes nothing, nor what is about others", () => {
  const known = nodes({ position: 9, state: "settled" });
  assert.equal(after(known, [delta("node.failed", 9)]), known);
  assert.equal(after(known, [delta("node.failed", 10, { node: "x.y" })]), known);
});

test("a failure says why, and a value takes it away again", () => {
  const failed = after(nodes(), [delta("node.failed", 3, { preview: "ValueError: no" })]);
  assert.deepEqual(shownOf(failed.get("e.n")), { state: "failed", text: "ValueError: no" });
  assert.equal(after(failed, [delta("node.settled", 4, { preview: "1" })]).get("e.n").error, undefined);
});

test("an element that settles does not settle the list, and one that fails fails it", () => {
  const list = nodes({ kind: "each", state: "due", elements: { count: 2 } });
  assert.equal(after(list, [delta("node.settled", 3, { node: "e.n[x]" })]).get("e.n").state, "due");
  assert.equal(after(list, [delta("node.failed", 3, { node: "e.n[x]", preview: "no" })]).get("e.n").state, "failed");
});

test("a partial is shown as it grows, whatever was there", () => {
  assert.deepEqual(shownOf(nodes().get("e.n"), { preview: "so far" }), { state: "streaming", text: "so far" });
});

test("a list says how many elements it has, and how many of them failed or are due", () => {
  const said = (elements) => shownOf({ kind: "each", state: "due", elements }).text;
  assert.equal(said({ count: 1, settled: 1 }), "1 element");
  assert.equal(said({ count: 5, failed: 2, due: 1 }), "5 elements, 2 failed, 1 due");
});

test("several places of one activity are told apart, with commas and dots in elements", () => {
  assert.deepEqual(placesOf("a, a.n, b.m[k.1]"), [["a", "", ""], ["a", "n", ""], ["b", "m", "k.1"]]);
});

test("what may have brought or taken nodes is known", () => {
  assert.ok(isOther([delta("traversal.started", 1)]));
  assert.ok(!isOther([delta("node.settled", 1)]));
});

test("a node can be said in a sentence", () => {
  assert.equal(spoken({ node: "n", kind: "derive", state: "failed", error: "ValueError: no" }, undefined, { reads: 1, readers: 2 }),
    "n, failed: ValueError: no. Reads 1, read by 2.");
  assert.equal(spoken({ node: "n", kind: "derive", state: "due" }), "n, due. Reads 0, read by 0.");
});

test("of a list whose elements stream the newest is shown", () => {
  const one = { position: 3, preview: "one" };
  const other = { position: 4, preview: "other" };
  assert.deepEqual(byNode({ "e.n[a.1]": one, "e.n[b]": other, "e.m": one }), { "e.n": other, "e.m": one });
});
