// The graph of a space arranged: each entity a frame, its nodes within it, frames beside what they read.
//
// A folded entity is a frame without nodes; a folded piece (the nodes that belong to another, by their names: `total/0`
// to `total`) is one node. Edges lead to what is shown in place of what is folded.
// Pure. Knows nothing of states or screens. Invariant: every node of the graph is shown by exactly one thing.

import { layered } from "./layered.js";

export const NODE = { width: 184, height: 46 };
export const PAD = 14;
export const HEAD = 34;
export const FRAME_MIN = 184 + 2 * PAD;

/** ENTITY.NODE */
export const idOf = (entity, node) => `${entity}.${node}`;

/** The node that a piece belongs to: `total` for `total/0`; nothing for what is no part of another. */
export const ownerOf = (node) => (node.includes("/") ? node.slice(0, node.indexOf("/")) : "");

/**
 * What stands where.
 * @param {{entities: object[], nodes: object[], edges: object[]}} graph  as `graph.find` gives it
 * @param {{folded?: Set<string>, unfolded?: Set<string>, given?: {frames: Map, nodes: Map}}} [options]
 *   `folded`: entities shown without nodes; `unfolded`: nodes (ENTITY.NODE) whose pieces are shown; `given`: an
 *   arrangement to go on from
 */
export function arrange(graph, { folded = new Set(), unfolded = new Set(), given } = {}) {
  const shown = shownBy(graph, folded, unfolded);
  const edges = edgesBetween(graph, shown);
  const frames = new Map();
  const nodes = new Map();
  const byEntity = new Map(graph.entities.map((one) => [one.id, []]));
  for (const node of graph.nodes) {
    const id = idOf(node.entity, node.node);
    if (shown.get(id) === id) byEntity.get(node.entity).push({ id, node, ...NODE });
  }
  const inner = groupBy(edges.filter((edge) => !edge.isOuter), (edge) => edge.entity);
  const boxes = graph.entities.map((entity) => {
    const isFolded = folded.has(entity.id);
    const mine = isFolded ? [] : byEntity.get(entity.id);
    const kept = given ? new Map(mine.filter((box) => given.nodes.has(box.id)).map((box) => [box.id, given.nodes.get(box.id)])) : new Map();
    const at = layered(mine, inner.get(entity.id) ?? [], { given: kept, gapX: 40, gapY: 10, aspect: 2.4 });
    mine.forEach((box) => nodes.set(box.id, at.places.get(box.id)));
    const left = Math.min(0, ...mine.map((box) => at.places.get(box.id).x));
    const top = Math.min(0, ...mine.map((box) => at.places.get(box.id).y));
    const width = mine.length ? Math.max(FRAME_MIN, at.width - left + 2 * PAD) : FRAME_MIN;
    const height = HEAD + (mine.length ? at.height - top + PAD : 0);
    return { id: entity.id, entity, isFolded, mine, left, top, width, height };
  });
  const outer = edges.filter((edge) => edge.isOuter).map((edge) => ({ from: edge.fromEntity, to: edge.toEntity }));
  const stood = layered(boxes, outer, { given: given?.frames, gapX: 72, gapY: 28, aspect: 2 });
  const placed = [];
  for (const box of boxes) {
    const place = stood.places.get(box.id);
    frames.set(box.id, { ...place, width: box.width, height: box.height, entity: box.entity, isFolded: box.isFolded });
    for (const { id, node } of box.mine) {
      const at = nodes.get(id);
      placed.push({ id, node, ...NODE, x: place.x + PAD + at.x - box.left, y: place.y + HEAD + at.y - box.top });
    }
  }
  return {
    frames, nodes: new Map(placed.map((one) => [one.id, one])), edges, shown,
    pieces: piecesOf(graph), given: { frames: stood.places, nodes },
  };
}

/** By which id each node is shown: its own, that of the node it is a piece of, or its entity's. */
export function shownBy(graph, folded, unfolded) {
  const there = new Set(graph.nodes.map((node) => idOf(node.entity, node.node)));
  return new Map(
    graph.nodes.map((node) => {
      const id = idOf(node.entity, node.node);
      const owner = ownerOf(node.node) && idOf(node.entity, ownerOf(node.node));
      if (folded.has(node.entity)) return [id, node.entity];
      return [id, owner && there.has(owner) && !unfolded.has(owner) ? owner : id];
    }),
  );
}

/** How many nodes are pieces of which, by ENTITY.NODE. */
export function piecesOf(graph) {
  const there = new Set(graph.nodes.map((node) => idOf(node.entity, node.node)));
  const found = new Map();
  for (const node of graph.nodes) {
    const owner = ownerOf(node.node) && idOf(node.entity, ownerOf(node.node));
    if (owner && there.has(owner)) found.set(owner, (found.get(owner) ?? 0) + 1);
  }
  return found;
}

/** The edges between what is shown, each once: {id, from, to, entity, fromEntity, toEntity, mode, isOuter}. */
export function edgesBetween(graph, shown) {
  const found = new Map();
  for (const edge of graph.edges) {
    const from = edge.read ? shown.get(idOf(edge.from, edge.read)) : edge.from;
    const to = shown.get(idOf(edge.to, edge.reader));
    if (from === undefined || to === undefined || from === to) continue;
    const id = `${from}\n${to}`;
    const isOuter = edge.from !== edge.to;
    const known = found.get(id);
    if (known) {
      if (known.mode === "not taken") known.mode = edge.mode;
      continue;
    }
    found.set(id, { id, from, to, entity: edge.from, fromEntity: edge.from, toEntity: edge.to, mode: edge.mode, isOuter });
  }
  return [...found.values()];
}

function groupBy(things, key) {
  const found = new Map();
  for (const one of things) {
    if (!found.has(key(one))) found.set(key(one), []);
    found.get(key(one)).push(one);
  }
  return found;
}
