// What was, why it was so, and what differs: as pure functions of what a server says.
import assert from "node:assert/strict";
import test from "node:test";
import { load } from "./load.mjs";

const { folded, grouped, keyed, parted, thenOf } = await load("past/changes.js");
const { along, bars, lanes, stretch } = await load("past/lanes.js");
const { brief, linesOf, placeOf, spentText, treeOf } = await load("past/reasons.js");

const difference = (kind, entity, node, more = {}) => ({ kind, type: "Sheet", entity, node, element: "", position: 1, ...more });

test("differences are grouped by entity, definitions last, and what was created is said once", () => {
  const all = [difference("definition", "", "Sheet"), difference("created", "a", ""), difference("told", "b", "n"), difference("told", "a", "n")];
  const found = grouped(all);
  assert.deepEqual(found.map((one) => [one.entity, one.isNew, one.changes.length]), [["a", true, 1], ["b", false, 1], ["", false, 1]]);
});

test("elements of one list are one row, unless the list says what entered and left", () => {
  const elements = [difference("computed", "a", "sizes", { element: "x" }), difference("computed", "a", "sizes", { element: "y" })];
  assert.deepEqual(folded(elements).map((one) => one.elements.length), [2]);
  const both = folded([...elements, difference("computed", "a", "sizes", { entered: [{ id: "x", value: 1 }] })]);
  assert.deepEqual(both.map((one) => Boolean(one.elements)), [false]);
});

test("two texts part at whole words, and come together again", () => {
  assert.deepEqual(parted("the red house burns", "the blue house burns"), { start: "the ", was: "red", now: "blue", end: " house burns" });
  assert.deepEqual(parted("a", "a"), { start: "a", was: "", now: "", end: "" });
  for (const [one, other] of [["", "x y"], ["x x", "x"], ["a b a", "a b b a"]]) {
    const { start, was, now, end } = parted(one, other);
    assert.equal(start + was + end, one);
    assert.equal(start + now + end, other);
  }
});

test("what is not kept, or not known to be right, is said to be so", () => {
  assert.equal(thenOf({ state: "not kept", why: "dropped" }).text, "Not kept: dropped");
  const unknown = thenOf({ state: "unknown", since: 7, shown: { state: "value", value: 3 } });
  assert.deepEqual([unknown.state, unknown.value, unknown.note], ["unknown", 3, "Not known to be right since 7"]);
  assert.equal(thenOf({ state: "failed", error: "ValueError", message: "no" }).text, "ValueError: no");
  const behind = { state: "failed", error: "Unreadable", message: `${"a".repeat(26)}.spines[x] failed: Unreadable: no picture` };
  assert.equal(thenOf(behind).text, "Unreadable: no picture");
  assert.equal(thenOf(undefined).state, "absent");
});

const event = (position, type, node) => ({ position, type, node, traversal: position, by: "", preview: "" });

test("each charm has a lane, with marks in order", () => {
  const found = lanes([event(1, "definition", "Sheet"), event(2, "traversal.started", "a, a.n, b.m"), event(3, "node.settled", "a.twice"), event(4, "node.failed", "b.x[1]")]);
  assert.deepEqual(found.map((lane) => [lane.id, lane.marks.map((mark) => [mark.position, mark.kind])]), [["a", [[2, "told"], [3, "settled"]]], ["b", [[2, "told"], [4, "failed"]]]]);
});

test("of one charm each node has a lane, and flows are marked as runs", () => {
  const found = lanes([event(2, "traversal.started", "a, a.n"), event(3, "traversal.started", "a.approve"), event(4, "node.settled", "b.n")], { entity: "a", isFlow: (_, node) => node === "approve" });
  assert.deepEqual(found.map((lane) => [lane.id, lane.marks[0].kind]), [["n", "told"], ["approve", "run"]]);
});

test("a run is a bar from what fired it to its end, or to now, within what is shown", () => {
  const runs = [{ run: "r", entity: "a", flow: "f", stands: "waiting", fired: 5 }, { run: "s", entity: "a", flow: "f", stands: "failed", fired: 1, ended: 3 }];
  assert.deepEqual(bars(runs, 4, 20).map((bar) => [bar.id, bar.start, bar.end]), [["r", 5, 20]]);
});

test("the stretch holds the position, within the log, and does not move at each step", () => {
  for (const head of [0, 1, 50, 200, 201, 999]) {
    for (let at = 1; at <= head; at += 7) {
      const { from, to } = stretch(at, head, 200);
      assert.ok(from >= 1 && from <= at && at <= to, `${at} of ${head}: ${from} to ${to}`);
      assert.ok(to <= Math.max(head, 1));
    }
  }
  assert.deepEqual(stretch(500, 2000, 200), stretch(501, 2000, 200));
  assert.equal(along(1, { from: 1, to: 2 }), 0.25);
});

test("why: people, operations, versions, services and costs are told", () => {
  const lines = linesOf({
    edits: [{ actor: "ann", position: 9, time: "", said: ["n set 4"], late: false, run: { flow: "care", answered_by: "ben" } }],
    call: { operation: "shop/total", version: "h1234567890abcdef", settings: { by: 2 }, services: [{ parameter: "model", service: "Completion", fingerprint: { model: "m-1" }, in_force: false, cost: "metered" }] },
    spent: { requests: 1, tokens_in: 10, tokens_out: 5, money: { EUR: "0.002" }, untold: 0, unpriced: 0 },
    position: 10, cut: 9, how: "ran", took_us: 2300, failure: { error: "ValueError", message: "no", tries: 3, final: true },
  }).map((line) => `${line.label}: ${line.text}`);
  assert.deepEqual(lines, [
    "Told by: ann at 9, in care, answered by ben: n set 4",
    "Computed by: shop/total, version h12345678",
    "With: by = 2",
    'Asked: Completion (model): {"model":"m-1"}, metered, not the one in force now',
    "Cost: 1 request, 10 tokens in, 5 out, 0.002 EUR",
    "When: Ran at 10, for the state at 9, in 2 ms",
    "Failed: ValueError: no, after 3 tries",
  ]);
});

test("a tree of reasons gives what each was made from, also what was cut off", () => {
  const tree = treeOf({ root: "a.n", nodes: [{ id: "a.n", inputs: [{ id: "a.m" }, { id: "a.far" }] }, { id: "a.m" }] });
  assert.deepEqual(tree.inputs("a.n").map((one) => Boolean(one.reason)), [true, false]);
  assert.deepEqual(tree.inputs("a.m"), []);
  assert.deepEqual(placeOf("a.n[k.1]"), ["a", "n", "k.1"]);
  assert.equal(brief("x".repeat(300)).length, 120);
  assert.equal(spentText({ requests: 2, tokens_in: null, money: null, unpriced: 1 }), "2 requests, 1 without a price");
});

test("a run that does not say when it was fired begins where its firing was told", () => {
  const runs = [{ run: "r", entity: "a", flow: "f", stands: "waiting" }];
  const events = [{ position: 7, node: "a.f", preview: "f abc fire" }];
  assert.deepEqual(bars(runs, 1, 9, events).map((bar) => [bar.start, bar.end]), [[7, 9]]);
});

test("of a map each key is told with what came, went and changed; lists and what is not known are none", () => {
  const value = (given) => ({ state: "value", value: given });
  assert.deepEqual(keyed({ before: { state: "absent" }, after: value({ Drawdown: "Solutions exist." }) }), [{ key: "Drawdown", before: undefined, after: "Solutions exist." }]);
  assert.deepEqual(keyed({ before: value({ a: 1, b: 2, c: 3 }), after: value({ a: 1, b: 4 }) }).map((one) => one.key), ["b", "c"]);
  assert.deepEqual(keyed({ before: value([[1, "x"]]), after: value([[1, "x"], [2, "y"]]) }, true), [{ key: "2", before: undefined, after: "y" }]);
  assert.equal(keyed({ before: value([1]), after: value([1, 2]) }), null);
  assert.equal(keyed({ before: { state: "not kept", why: "dropped" }, after: value({ a: 1 }) }), null);
});

test("of what was told the time is in its line", () => {
  const edit = { actor: "ann", position: 3, said: ["name set 'x'"], time: "2026-03-01T10:20:30Z" };
  assert.deepEqual(linesOf({ edits: [edit] }), [{ label: "Told by", text: "ann at 3: name set 'x'", at: "2026-03-01T10:20:30Z" }]);
  assert.deepEqual(linesOf({ edits: [{ ...edit, time: "" }] }), [{ label: "Told by", text: "ann at 3: name set 'x'" }]);
});
