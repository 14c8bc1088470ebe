// Going through a graph by keys and by search: along its edges, and among those side by side.
//
// Pure. Invariant: a step leads to something that is shown, or nowhere; a step right and then left comes back where the
// first leads along the only edge.

/**
 * Where a key leads from a thing.
 * @param {{boxes: Map<string, {x: number, y: number, width: number, height: number}>, edges: {from: string, to: string}[]}} graph
 * @param {string} from
 * @param {"left"|"right"|"up"|"down"} way  left: to what it reads; right: to what reads it; up and down: side by side
 * @returns {string}  "" where there is nothing
 */
export function step(graph, from, way) {
  const here = graph.boxes.get(from);
  if (!here) return first(graph);
  if (way === "left" || way === "right") {
    const ends = way === "right" ? graph.edges.filter((one) => one.from === from).map((one) => one.to) : graph.edges.filter((one) => one.to === from).map((one) => one.from);
    return nearest(graph, here, ends, (box) => Math.abs(middle(box).y - middle(here).y) * 4 + Math.abs(middle(box).x - middle(here).x));
  }
  const sign = way === "down" ? 1 : -1;
  const there = [...graph.boxes.keys()].filter((id) => id !== from && sign * (middle(graph.boxes.get(id)).y - middle(here).y) > 1);
  return nearest(graph, here, there, (box) => Math.abs(middle(box).y - middle(here).y) + 3 * Math.max(0, Math.abs(middle(box).x - middle(here).x) - here.width / 2));
}

/** The first thing, from the upper left. */
export function first(graph) {
  return nearest(graph, { x: 0, y: 0, width: 0, height: 0 }, [...graph.boxes.keys()], (box) => box.x + box.y);
}

/**
 * The ids of those whose words hold all words of a query, those that begin with it first.
 * @param {{id: string, words: string}[]} things
 */
export function search(things, query) {
  const wanted = query.toLowerCase().split(/\s+/).filter(Boolean);
  if (!wanted.length) return [];
  const found = things.filter((one) => wanted.every((word) => one.words.toLowerCase().includes(word)));
  const begins = (one) => (one.words.toLowerCase().startsWith(wanted[0]) ? 0 : 1);
  return found.map((one, index) => [begins(one), index, one.id]).sort((one, other) => one[0] - other[0] || one[1] - other[1]).map((one) => one[2]);
}

const middle = (box) => ({ x: box.x + box.width / 2, y: box.y + box.height / 2 });

function nearest(graph, here, ids, far) {
  let best = "";
  let least = Infinity;
  for (const id of ids) {
    const box = graph.boxes.get(id);
    const away = box ? far(box) : Infinity;
    if (away < least || (away === least && id < best)) [best, least] = [id, away];
  }
  return best;
}
