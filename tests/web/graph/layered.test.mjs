// Laws of the layered layout, over many graphs made from seeds.
import assert from "node:assert/strict";
import test from "node:test";
import { load } from "../load.mjs";

const { crossings, layered, ranks, settled } = await load("graph/layered.js");

function random(seed) {
  let state = seed >>> 0 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

function graph(seed, most = 40) {
  const below = random(seed * 7919 + 1);
  const count = 1 + below(most);
  const boxes = Array.from({ length: count }, (_, at) => ({ id: `n${at}`, width: 60 + below(120), height: 20 + below(60) }));
  const edges = Array.from({ length: below(2 * count) }, () => ({ from: `n${below(count)}`, to: `n${below(count)}` }));
  return { boxes, edges, below };
}

function overlapping(boxes, places) {
  const all = boxes.map((box) => ({ ...box, ...places.get(box.id) }));
  return all.filter((one, at) =>
    all.slice(at + 1).some((other) =>
      one.x < other.x + other.width && other.x < one.x + one.width && one.y < other.y + other.height && other.y < one.y + one.height));
}

const SEEDS = Array.from({ length: 150 }, (_, at) => at + 1);

test("no two boxes overlap, and all stand within what is said to be the size", () => {
  for (const seed of SEEDS) {
    const { boxes, edges } = graph(seed);
    const { places, width, height } = layered(boxes, edges);
    assert.equal(places.size, boxes.length);
    assert.deepEqual(overlapping(boxes, places), [], `seed ${seed}`);
    for (const box of boxes) {
      const at = places.get(box.id);
      assert.ok(at.x >= 0 && at.y >= 0 && at.x + box.width <= width && at.y + box.height <= height, `seed ${seed}`);
    }
  }
});

test("what is read stands left of what reads it, where nothing reads itself in a circle", () => {
  for (const seed of SEEDS) {
    const { boxes, edges } = graph(seed);
    const forth = edges.filter((edge) => Number(edge.from.slice(1)) < Number(edge.to.slice(1)));
    const { places } = layered(boxes, forth);
    for (const { from, to } of forth) {
      const width = boxes.find((box) => box.id === from).width;
      assert.ok(places.get(from).x + width < places.get(to).x, `seed ${seed}: ${from} to ${to}`);
    }
  }
});

test("the same graph is laid out the same", () => {
  for (const seed of SEEDS.slice(0, 40)) {
    const [one, other] = [graph(seed), graph(seed)];
    assert.deepEqual(layered(one.boxes, one.edges), layered(other.boxes, other.edges));
  }
});

test("a box that is added moves no other, whatever it reads and is read by", () => {
  for (const seed of SEEDS) {
    const { boxes, edges, below } = graph(seed);
    const before = layered(boxes, edges).places;
    const added = { id: "new", width: 40 + below(200), height: 20 + below(90) };
    const more = [...edges, { from: `n${below(boxes.length)}`, to: "new" }, { from: "new", to: `n${below(boxes.length)}` }].slice(0, edges.length + below(3));
    const { places } = layered([...boxes, added], more, { given: before });
    for (const box of boxes) assert.deepEqual(places.get(box.id), before.get(box.id), `seed ${seed}`);
    assert.deepEqual(overlapping([...boxes, added], places), [], `seed ${seed}`);
  }
});

test("a box that grows keeps its place, and others move no further than it grew and what that pushes", () => {
  for (const seed of SEEDS) {
    const { boxes, edges, below } = graph(seed);
    const before = layered(boxes, edges).places;
    const at = below(boxes.length);
    const grown = boxes.map((box, index) => (index === at ? { ...box, height: box.height + 100 } : box));
    const { places } = layered(grown, edges, { given: before });
    assert.deepEqual(overlapping(grown, places), [], `seed ${seed}`);
    const most = 100 + boxes.reduce((sum, box) => sum + box.height + 14, 0);
    for (const box of boxes) {
      assert.equal(places.get(box.id).x, before.get(box.id).x);
      assert.ok(places.get(box.id).y >= before.get(box.id).y && places.get(box.id).y <= before.get(box.id).y + most);
      if (before.get(box.id).y < before.get(boxes[at].id).y) assert.deepEqual(places.get(box.id), before.get(box.id), `seed ${seed}`);
    }
  }
});

test("a box that is removed moves no other", () => {
  for (const seed of SEEDS.slice(0, 60)) {
    const { boxes, edges } = graph(seed);
    const before = layered(boxes, edges).places;
    const { places } = layered(boxes.slice(1), edges, { given: before });
    for (const box of boxes.slice(1)) assert.deepEqual(places.get(box.id), before.get(box.id));
  }
});

test("crossings are counted as by comparing each pair", () => {
  for (const seed of SEEDS.slice(0, 60)) {
    const below = random(seed);
    const left = Array.from({ length: 1 + below(9) }, (_, at) => `l${at}`);
    const right = Array.from({ length: 1 + below(9) }, (_, at) => `r${at}`);
    const edges = Array.from({ length: below(20) }, () => ({ from: left[below(left.length)], to: right[below(right.length)] }));
    let wanted = 0;
    edges.forEach((one, index) => edges.slice(index + 1).forEach((other) => {
      const [a, b] = [left.indexOf(one.from) - left.indexOf(other.from), right.indexOf(one.to) - right.indexOf(other.to)];
      if (a * b < 0) wanted += 1;
    }));
    assert.equal(crossings(left, right, edges), wanted, `seed ${seed}`);
  }
});

test("an order with crossings that can be undone is undone", () => {
  const boxes = ["a", "b", "c", "x", "y", "z"].map((id) => ({ id, width: 10, height: 10 }));
  const edges = [["a", "z"], ["b", "y"], ["c", "x"], ["a", "y"], ["b", "x"]].map(([from, to]) => ({ from, to }));
  const { places } = layered(boxes, edges);
  const by = (ids) => [...ids].sort((one, other) => places.get(one).y - places.get(other).y);
  assert.equal(crossings(by(["a", "b", "c"]), by(["x", "y", "z"]), edges), 0);
});

test("a column is settled with the least moves: nothing moves that has room", () => {
  assert.deepEqual(settled([0, 50, 100], [10, 10, 10], 5), [0, 50, 100]);
  assert.deepEqual(settled([20, 20], [10, 10], 10), [10, 30]);
});

test("what only one thing reads stands beside it, not at the far left", () => {
  const found = ranks(["a", "b", "c", "lone"], [["a", "b"], ["b", "c"], ["lone", "c"]]);
  assert.deepEqual([...found.values()], [0, 1, 2, 1]);
});

test("a chain of 5,000 boxes and a circle of 2,000 are laid out without recursion", () => {
  const boxes = Array.from({ length: 5000 }, (_, at) => ({ id: `n${at}`, width: 10, height: 10 }));
  const chain = boxes.slice(1).map((box, at) => ({ from: `n${at}`, to: box.id }));
  assert.equal(layered(boxes, chain).places.size, 5000);
  const circle = boxes.slice(0, 2000).map((box, at) => ({ from: box.id, to: `n${(at + 1) % 2000}` }));
  assert.equal(layered(boxes.slice(0, 2000), circle).places.size, 2000);
});
