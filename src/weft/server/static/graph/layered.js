// A layered layout of boxes: what is read stands left of what reads it.
//
// Pure and deterministic. Knows nothing of what the boxes show, or of screens.
// Invariant: no two boxes overlap; a box with a given place keeps its column, and moves down only where one above needs
// the room.
// Source: Sugiyama, Tagawa and Toda; barycentres; pool adjacent violators for the least moves within a column.

export const GAP_X = 56;
export const GAP_Y = 14;
const SWEEPS = 8;
const DUMMY = 8;

/**
 * @typedef {{id: string, width: number, height: number}} Box
 * @typedef {{from: string, to: string}} Edge
 * @typedef {{x: number, y: number}} Place   the upper left corner
 */

/**
 * Where each box stands. Those of `given` stay; new ones are put beside what they read and what reads them.
 * @param {Box[]} boxes
 * @param {Edge[]} edges  those that lead to boxes that are not there are left out
 * @param {{given?: Map<string, Place>, gapX?: number, gapY?: number, aspect?: number}} [options]
 * @returns {{places: Map<string, Place>, width: number, height: number}}
 */
export function layered(boxes, edges, { given = new Map(), gapX = GAP_X, gapY = GAP_Y, aspect = 1.6 } = {}) {
  const graph = graphOf(boxes, edges);
  const known = boxes.filter((box) => given.has(box.id));
  const places = known.length
    ? added(graph, given, { gapX, gapY })
    : packed(components(graph).map((part) => laid(part, { gapX, gapY })), { gapX, gapY, aspect });
  return { places, ...extent(boxes, places) };
}

/** How many edges cross between two columns, each an order of ids. O(edges · log edges) */
export function crossings(left, right, edges) {
  const at = new Map(left.map((id, index) => [id, index]));
  const to = new Map(right.map((id, index) => [id, index]));
  const ends = edges
    .filter((edge) => at.has(edge.from) && to.has(edge.to))
    .map((edge) => [at.get(edge.from), to.get(edge.to)])
    .sort((one, other) => one[0] - other[0] || one[1] - other[1]);
  const tree = new Int32Array(right.length + 1);
  let found = 0;
  ends.forEach(([, end], seen) => {
    let notAfter = 0;
    for (let index = end + 1; index > 0; index -= index & -index) notAfter += tree[index];
    found += seen - notAfter;
    for (let index = end + 1; index <= right.length; index += index & -index) tree[index] += 1;
  });
  return found;
}

/** The least sum of squared moves by which boxes of one column, in order, stand apart. */
export function settled(wanted, heights, gap) {
  const blocks = [];
  let offset = 0;
  const offsets = heights.map((height) => {
    const before = offset;
    offset += height + gap;
    return before;
  });
  wanted.forEach((y, index) => {
    blocks.push({ sum: y - offsets[index], count: 1 });
    while (blocks.length > 1 && mean(blocks.at(-2)) > mean(blocks.at(-1))) {
      const last = blocks.pop();
      blocks.at(-1).sum += last.sum;
      blocks.at(-1).count += last.count;
    }
  });
  return blocks.flatMap((block) => Array(block.count).fill(mean(block))).map((y, index) => y + offsets[index]);
}

const mean = (block) => block.sum / block.count;

// The graph ---------------------------------------------------------------------------------------------------------

function graphOf(boxes, edges) {
  const nodes = new Map(boxes.map((box) => [box.id, { ...box, out: [], in: [] }]));
  const seen = new Set();
  for (const { from, to } of edges) {
    const key = JSON.stringify([from, to]);
    if (from === to || !nodes.has(from) || !nodes.has(to) || seen.has(key)) continue;
    seen.add(key);
    nodes.get(from).out.push(to);
    nodes.get(to).in.push(from);
  }
  return nodes;
}

/** The parts that no edge joins, in the order of their first boxes. */
function components(graph) {
  const parts = [];
  const seen = new Set();
  for (const id of graph.keys()) {
    if (seen.has(id)) continue;
    const found = new Set([id]);
    const stack = [id];
    while (stack.length) {
      const node = graph.get(stack.pop());
      for (const next of [...node.out, ...node.in]) {
        if (!found.has(next)) {
          found.add(next);
          stack.push(next);
        }
      }
    }
    found.forEach((one) => seen.add(one));
    // In the order in which they were given, so that the layout does not hang on how they were found.
    parts.push(new Map([...graph].filter(([one]) => found.size === graph.size || found.has(one))));
  }
  return parts;
}

/** The edges turned round that would close a circle: pairs [from, to] without circles. */
function withoutCircles(graph) {
  const state = new Map();
  const turned = new Set();
  for (const start of graph.keys()) {
    if (state.has(start)) continue;
    const stack = [[start, 0]];
    state.set(start, "open");
    while (stack.length) {
      const top = stack.at(-1);
      const [id] = top;
      const next = graph.get(id).out[top[1]];
      top[1] += 1;
      if (next === undefined) {
        state.set(id, "done");
        stack.pop();
      } else if (state.get(next) === "open") {
        turned.add(JSON.stringify([id, next]));
      } else if (!state.has(next)) {
        state.set(next, "open");
        stack.push([next, 0]);
      }
    }
  }
  const pairs = [];
  for (const [id, node] of graph) {
    for (const next of node.out) pairs.push(turned.has(JSON.stringify([id, next])) ? [next, id] : [id, next]);
  }
  return pairs;
}

/** The column of each box: the longest way to it, then moved right to what reads it where nothing else holds it. */
export function ranks(ids, pairs) {
  const out = new Map(ids.map((id) => [id, []]));
  const into = new Map(ids.map((id) => [id, 0]));
  for (const [from, to] of pairs) {
    out.get(from).push(to);
    into.set(to, into.get(to) + 1);
  }
  const rank = new Map(ids.map((id) => [id, 0]));
  const left = new Map(into);
  const order = ids.filter((id) => !into.get(id));
  for (let index = 0; index < order.length; index += 1) {
    for (const next of out.get(order[index])) {
      rank.set(next, Math.max(rank.get(next), rank.get(order[index]) + 1));
      left.set(next, left.get(next) - 1);
      if (!left.get(next)) order.push(next);
    }
  }
  for (const id of order.reverse()) {
    const readers = out.get(id);
    if (readers.length && readers.length >= into.get(id)) {
      rank.set(id, Math.min(...readers.map((reader) => rank.get(reader))) - 1);
    }
  }
  return rank;
}

// A layout from nothing ---------------------------------------------------------------------------------------------

function laid(part, { gapX, gapY }) {
  const pairs = withoutCircles(part);
  const rank = ranks([...part.keys()], pairs);
  const { columns, links } = columnsOf(part, pairs, rank);
  order(columns, links);
  const ys = heightsOf(columns, links, gapY);
  const places = new Map();
  let x = 0;
  columns.forEach((column) => {
    const boxes = column.filter((one) => !one.isDummy);
    boxes.forEach((one) => places.set(one.id, { x, y: ys.get(one.id) }));
    x += Math.max(0, ...boxes.map((one) => one.width)) + gapX;
  });
  return { boxes: [...part.values()], places };
}

/** Boxes by column, with a place kept open in each column that an edge passes. */
function columnsOf(part, pairs, rank) {
  const least = Math.min(...rank.values());
  const columns = Array.from({ length: Math.max(...rank.values()) - least + 1 }, () => []);
  for (const [id, node] of part) columns[rank.get(id) - least].push({ ...node, isDummy: false });
  const links = columns.map(() => []);
  const passing = pairs.reduce((sum, [from, to]) => sum + rank.get(to) - rank.get(from) - 1, 0);
  const keepsOpen = passing <= 4 * part.size + 200; // where nearly all edges are long, room for each would be all there is
  pairs.forEach(([from, to], number) => {
    let before = from;
    for (let at = rank.get(from) + 1; keepsOpen && at < rank.get(to); at += 1) {
      const id = `\u0000${number}/${at}`;
      columns[at - least].push({ id, width: 0, height: DUMMY, isDummy: true });
      links[at - 1 - least].push({ from: before, to: id });
      before = id;
    }
    if (keepsOpen || rank.get(to) === rank.get(from) + 1) links[rank.get(to) - 1 - least].push({ from: before, to });
  });
  return { columns, links };
}

/** Order each column by the mean place of its neighbours, to and fro, and keep the order with the fewest crossings. */
function order(columns, links) {
  const count = () =>
    links.reduce((sum, some, at) => sum + (columns[at + 1] ? crossings(idsOf(columns[at]), idsOf(columns[at + 1]), some) : 0), 0);
  let best = columns.map((column) => [...column]);
  let fewest = count();
  for (let sweep = 0; sweep < SWEEPS && fewest > 0; sweep += 1) {
    const isForth = sweep % 2 === 0;
    for (let step = 1; step < columns.length; step += 1) {
      const at = isForth ? step : columns.length - 1 - step;
      const beside = columns[isForth ? at - 1 : at + 1];
      const some = links[isForth ? at - 1 : at];
      sortBy(columns[at], neighbours(some, isForth), new Map(beside.map((one, index) => [one.id, index])));
    }
    const now = count();
    if (now < fewest) {
      fewest = now;
      best = columns.map((column) => [...column]);
    }
  }
  best.forEach((column, at) => columns[at].splice(0, Infinity, ...column));
}

const idsOf = (column) => column.map((one) => one.id);

function neighbours(links, isForth) {
  const found = new Map();
  for (const { from, to } of links) {
    const [mine, other] = isForth ? [to, from] : [from, to];
    if (!found.has(mine)) found.set(mine, []);
    found.get(mine).push(other);
  }
  return found;
}

function sortBy(column, near, placeOf) {
  const middles = new Map(
    column.map((one, index) => {
      const found = near.get(one.id);
      return [one.id, found ? found.reduce((sum, id) => sum + placeOf.get(id), 0) / found.length : index];
    }),
  );
  const before = new Map(column.map((one, index) => [one.id, index]));
  column.sort((one, other) => middles.get(one.id) - middles.get(other.id) || before.get(one.id) - before.get(other.id));
}

/** The y of each, as near to the middle of its neighbours as the others let it. */
function heightsOf(columns, links, gap) {
  const ys = new Map();
  const heights = new Map(columns.flat().map((one) => [one.id, one.height]));
  for (const column of columns) {
    let y = 0;
    for (const one of column) {
      ys.set(one.id, y);
      y += one.height + gap;
    }
  }
  const middle = (id) => ys.get(id) + heights.get(id) / 2;
  for (let sweep = 0; sweep < 6; sweep += 1) {
    const isForth = sweep % 2 === 1;
    for (let step = 1; step < columns.length; step += 1) {
      const at = isForth ? step : columns.length - 1 - step;
      const near = neighbours(links[isForth ? at - 1 : at], isForth);
      const wanted = columns[at].map((one) => {
        const found = near.get(one.id);
        return found ? found.reduce((sum, id) => sum + middle(id), 0) / found.length - one.height / 2 : ys.get(one.id);
      });
      const stood = settled(wanted, columns[at].map((one) => one.height), gap);
      columns[at].forEach((one, index) => ys.set(one.id, stood[index]));
    }
  }
  const top = Math.min(...columns.flat().filter((one) => !one.isDummy).map((one) => ys.get(one.id)));
  ys.forEach((y, id) => ys.set(id, Math.round(y - top)));
  return ys;
}

/** Parts side by side in rows, so that all of it is about as wide as `aspect` times its height; lone boxes come last. */
function packed(parts, { gapX, gapY, aspect }) {
  const joined = [...parts.filter((part) => part.boxes.length > 1), ...parts.filter((part) => part.boxes.length === 1)];
  const sized = joined.map(({ boxes, places }) => ({ places, isLone: boxes.length === 1, ...extent(boxes, places) }));
  const area = sized.reduce((sum, one) => sum + (one.width + gapX) * (one.height + 2 * gapY), 0);
  const widest = Math.max(Math.sqrt(area * aspect), ...sized.map((one) => one.width));
  const places = new Map();
  let x = 0;
  let y = 0;
  let tallest = 0;
  for (const one of sized) {
    if (x > 0 && x + one.width > widest) {
      y += tallest + (one.isLone ? gapY : 2 * gapY);
      x = tallest = 0;
    }
    one.places.forEach((place, id) => places.set(id, { x: Math.round(x + place.x), y: Math.round(y + place.y) }));
    x += one.width + gapX;
    tallest = Math.max(tallest, one.height);
  }
  return places;
}

// A layout that goes on from one ------------------------------------------------------------------------------------

function added(graph, given, { gapX, gapY }) {
  const places = new Map();
  for (const id of graph.keys()) if (given.has(id)) places.set(id, { ...given.get(id) });
  for (const id of topological(graph)) if (!places.has(id)) places.set(id, besideOthers(graph, id, places, { gapX, gapY }));
  return apart(graph, places, given, gapY);
}

function topological(graph) {
  const rank = ranks([...graph.keys()], withoutCircles(graph));
  return [...graph.keys()].sort((one, other) => rank.get(one) - rank.get(other));
}

/** Right of what it reads and left of what reads it, where there is room. */
function besideOthers(graph, id, places, { gapX, gapY }) {
  const node = graph.get(id);
  const reads = node.in.filter((one) => places.has(one));
  const readers = node.out.filter((one) => places.has(one));
  const near = [...reads, ...readers];
  const all = [...places].map(([one, place]) => ({ ...place, ...graph.get(one), x: place.x, y: place.y }));
  if (!near.length) {
    const bottom = Math.max(0, ...all.map((one) => one.y + one.height + 2 * gapY));
    const left = all.length ? Math.min(...all.map((one) => one.x)) : 0;
    return { x: left, y: bottom };
  }
  const x = reads.length
    ? Math.max(...reads.map((one) => places.get(one).x + graph.get(one).width)) + gapX
    : Math.min(...readers.map((one) => places.get(one).x)) - gapX - node.width;
  const wanted = near.reduce((sum, one) => sum + places.get(one).y + graph.get(one).height / 2, 0) / near.length - node.height / 2;
  const column = all.filter((one) => one.x < x + node.width + gapX / 2 && x < one.x + one.width + gapX / 2);
  return { x, y: free(column, wanted, node.height, gapY) };
}

/** The y nearest to the one wanted at which a box of this height touches none of a column. */
function free(column, wanted, height, gap) {
  const tries = [wanted, ...column.flatMap((one) => [one.y + one.height + gap, one.y - gap - height])];
  const fits = (y) => column.every((one) => y + height + gap <= one.y || one.y + one.height + gap <= y);
  const found = tries.filter(fits).sort((one, other) => Math.abs(one - wanted) - Math.abs(other - wanted) || one - other);
  return Math.round(found[0]);
}

/** Boxes may have grown: what would be covered moves down, and nothing else moves. */
function apart(graph, places, given, gap) {
  const all = [...places].map(([id, place]) => ({ id, ...place, width: graph.get(id).width, height: graph.get(id).height }));
  all.sort((one, other) => one.y - other.y || one.x - other.x || (one.id < other.id ? -1 : 1));
  const stood = [];
  for (const one of all) {
    for (let isMoved = true; isMoved; ) {
      isMoved = false;
      for (const other of stood) {
        const isBeside = one.x >= other.x + other.width || other.x >= one.x + one.width;
        if (!isBeside && one.y < other.y + other.height + gap && other.y < one.y + one.height + gap) {
          one.y = other.y + other.height + gap;
          isMoved = true;
        }
      }
    }
    stood.push(one);
    places.set(one.id, { x: one.x, y: one.y });
  }
  return places;
}

function extent(boxes, places) {
  let width = 0;
  let height = 0;
  for (const box of boxes) {
    const place = places.get(box.id);
    width = Math.max(width, place.x + box.width);
    height = Math.max(height, place.y + box.height);
  }
  return { width, height };
}
