// What is folded, what stands where, where keys lead, and what a camera sees.
import assert from "node:assert/strict";
import test from "node:test";
import { load } from "../load.mjs";

const { arrange, edgesBetween, shownBy } = await load("graph/arrange.js");
const { fitted, panned, SCALE_MAX, SCALE_MIN, showing, toPlane, toScreen, zoomed } = await load("graph/camera.js");
const { search, step } = await load("graph/walk.js");

const node = (entity, name, more = {}) => ({ entity, node: name, kind: "derive", type: "int", state: "settled", ...more });
const edge = (from, read, to, reader, mode = "plain") => ({ from, read, to, reader, mode });

function shelf() {
  return {
    entities: [{ id: "s", type: "Shelf", name: "", created: 1 }, { id: "v", type: "View", name: "", created: 2 }],
    nodes: [node("s", "photos"), node("s", "topics"), node("s", "topics/0"), node("s", "topics/0/1"), node("v", "topic"), node("v", "views")],
    edges: [edge("s", "photos", "s", "topics/0/1"), edge("s", "topics/0/1", "s", "topics/0"), edge("s", "topics/0", "s", "topics"),
      edge("s", "topics", "v", "topic", "reference"), edge("v", "topic", "v", "views")],
  };
}

test("every node is shown once: itself, by the node that it is a piece of, or by its entity", () => {
  const all = shownBy(shelf(), new Set(["v"]), new Set());
  assert.equal(all.get("s.topics/0/1"), "s.topics");
  assert.equal(all.get("v.views"), "v");
  assert.equal(all.get("s.photos"), "s.photos");
  assert.equal(all.size, 6);
});

test("edges lead to what is shown in place of what is folded, each once", () => {
  const graph = shelf();
  const edges = edgesBetween(graph, shownBy(graph, new Set(["v"]), new Set()));
  assert.deepEqual(edges.map((one) => [one.from, one.to]), [["s.photos", "s.topics"], ["s.topics", "v"]]);
});

test("a piece that is unfolded shows its nodes", () => {
  const at = arrange(shelf(), { unfolded: new Set(["s.topics"]) });
  assert.deepEqual([...at.nodes.keys()].filter((id) => id.startsWith("s.")).length, 4);
  assert.equal(at.pieces.get("s.topics"), 2);
});

test("nodes stand within their entity's frame, and frames do not overlap", () => {
  const at = arrange(shelf());
  for (const one of at.nodes.values()) {
    const frame = at.frames.get(one.node.entity);
    assert.ok(one.x >= frame.x && one.y >= frame.y && one.x + one.width <= frame.x + frame.width && one.y + one.height <= frame.y + frame.height);
  }
  const [s, v] = [at.frames.get("s"), at.frames.get("v")];
  assert.ok(s.x + s.width < v.x);
});

test("a node that is added, or an entity, moves none that was there", () => {
  const graph = shelf();
  const before = arrange(graph);
  graph.nodes.push(node("s", "extra"), node("w", "topic"));
  graph.entities.push({ id: "w", type: "View", name: "", created: 3 });
  graph.edges.push(edge("s", "photos", "s", "extra"), edge("s", "topics", "w", "topic", "reference"));
  const after = arrange(graph, { given: before.given });
  for (const [id, one] of before.nodes) {
    const now = after.nodes.get(id);
    const frame = (at) => at.frames.get(one.node.entity);
    assert.equal(now.x - frame(after).x, one.x - frame(before).x, id);
    assert.equal(frame(after).x, frame(before).x, id);
  }
});

test("folding an entity and unfolding it again brings every node back to where it was", () => {
  const before = arrange(shelf());
  const folded = arrange(shelf(), { folded: new Set(["s"]), given: before.given });
  const given = { frames: folded.given.frames, nodes: new Map([...before.given.nodes, ...folded.given.nodes]) };
  const after = arrange(shelf(), { given });
  for (const [id, one] of before.nodes) assert.deepEqual([after.nodes.get(id).x, after.nodes.get(id).y], [one.x, one.y], id);
});

test("a camera keeps what is under the pointer there when the scale changes, within its bounds", () => {
  const camera = { x: 10, y: 20, scale: 0.5 };
  const at = { x: 120, y: 80 };
  for (const factor of [0.1, 0.9, 1.3, 50]) {
    const now = zoomed(camera, factor, at);
    assert.ok(now.scale >= SCALE_MIN && now.scale <= SCALE_MAX);
    const [was, is] = [toPlane(camera, at), toPlane(now, at)];
    assert.ok(Math.abs(was.x - is.x) < 1e-9 && Math.abs(was.y - is.y) < 1e-9);
  }
  assert.deepEqual(toScreen(camera, toPlane(camera, at)), at);
  assert.deepEqual(panned(camera, 5, -5), { x: 0, y: 30, scale: 0.5 });
});

test("all of a box fits, never larger than life; what is out of sight is moved into it", () => {
  const screen = { width: 400, height: 300 };
  const camera = fitted({ x: 0, y: 0, width: 4000, height: 100 }, screen);
  assert.ok(toScreen(camera, { x: 0, y: 0 }).x >= 0 && toScreen(camera, { x: 4000, y: 100 }).x <= 400);
  assert.equal(fitted({ x: 0, y: 0, width: 10, height: 10 }, screen).scale, 1);
  const box = { x: 900, y: 900, width: 100, height: 40 };
  const there = toScreen(showing({ x: 0, y: 0, scale: 1 }, box, screen), box);
  assert.ok(there.x + 100 <= 400 && there.y + 40 <= 300 && there.x >= 0);
});

test("keys lead along edges, and side by side", () => {
  const at = arrange(shelf());
  const graph = { boxes: at.nodes, edges: at.edges };
  assert.equal(step(graph, "s.photos", "right"), "s.topics");
  assert.equal(step(graph, "s.topics", "left"), "s.photos");
  assert.equal(step(graph, "s.topics", "right"), "v.topic");
  assert.equal(step(graph, "v.views", "right"), "");
  assert.equal(step(graph, "nothing", "right"), "s.photos");
  assert.equal(step({ boxes: new Map(), edges: [] }, "", "right"), "");
});

test("a search finds by all its words, and what begins with them first", () => {
  const things = [{ id: "a", words: "my topics Shelf" }, { id: "b", words: "topics Shelf" }, { id: "c", words: "other" }];
  assert.deepEqual(search(things, "Topics shelf"), ["b", "a"]);
  assert.deepEqual(search(things, "  "), []);
});
