// How nodes stand, live: what the server said of each, with the deltas and partials that came since.
//
// Pure. Invariant: what is older than what is known changes nothing.

/** Each state with its words, and the class that gives it its colour. */
export const STATES = {
  told: "told",
  settled: "settled",
  due: "due",
  queued: "queued",
  running: "running",
  streaming: "streaming",
  waiting: "waiting",
  failed: "failed",
  absent: "empty",
};

const OF_DELTA = {
  "node.queued": "queued",
  "node.started": "running",
  "node.settled": "settled",
  "node.reused": "settled",
  "node.failed": "failed",
  "node.waiting": "waiting",
};

/** The places that an activity speaks of: [entity, node, element] each. */
export function placesOf(text) {
  return text.split(", ").map((one) => {
    const found = /^([^.[]+)(?:\.([^[]*)(?:\[(.*)\])?)?$/s.exec(one);
    return found ? [found[1], found[2] ?? "", found[3] ?? ""] : [one, "", ""];
  });
}

/**
 * The graph's nodes after some deltas; the same array where none of them is known.
 * @param {Map<string, object>} nodes  by ENTITY.NODE, as `graph.find` gave them
 */
export function after(nodes, deltas) {
  const found = new Map(nodes);
  let isNew = false;
  for (const delta of deltas) {
    for (const [entity, name, element] of placesOf(delta.node)) {
      const id = `${entity}.${name}`;
      const known = found.get(id);
      if (!known || (known.position ?? -1) >= delta.position) continue;
      const now = taken(known, delta, element);
      if (now !== known) {
        found.set(id, { ...now, position: delta.position });
        isNew = true;
      }
    }
  }
  return isNew ? found : nodes;
}

function taken(known, delta, element) {
  const state = OF_DELTA[delta.type];
  if (!state) return known;
  if (element && !(known.kind === "each" && state !== "failed")) {
    return state === "failed" ? { ...known, state, error: delta.preview } : known;
  }
  if (element) return { ...known, state: state === "settled" && known.state === "failed" ? "due" : known.state };
  const { error: _, ...rest } = known;
  if (state === "failed") return { ...rest, state, error: delta.preview };
  return state === "settled" ? { ...rest, state, preview: delta.preview } : { ...rest, state };
}

/** Whether deltas make it needful to ask for the graph anew: something came, went, or is told otherwise. */
export const isOther = (deltas) =>
  deltas.some((one) => ["traversal.started", "node.removed", "definition", "erased", "entity.erased"].includes(one.type) || one.type.startsWith("run."));

/** What a node says of itself on its second line, and in which state it is: {state, text}. */
export function shownOf(node, partial) {
  if (partial) return { state: "streaming", text: partial.preview };
  const { state } = node;
  if (state === "failed") return { state, text: node.error ?? "failed" };
  if (node.kind === "flow") return { state: node.run ? (FLOW[node.run] ?? "running") : "absent", text: node.run || "not run yet" };
  if (node.elements) return { state, text: listed(node.elements) };
  return { state, text: node.preview ?? STATES[state] ?? state };
}

const FLOW = { done: "settled", ended: "settled", failed: "failed", waiting: "waiting", cancelled: "absent", blocked: "failed" };

function listed({ count, failed, due }) {
  const parts = [count === 1 ? "1 element" : `${count} elements`];
  if (failed) parts.push(`${failed} failed`);
  if (due) parts.push(`${due} due`);
  return parts.join(", ");
}

/** All of it as a sentence, for who cannot see it. */
export function spoken(node, partial, { reads = 0, readers = 0 } = {}) {
  const { state, text } = shownOf(node, partial);
  const words = STATES[state] ?? state;
  return `${node.node}, ${words}${text && text !== words ? `: ${text}` : ""}. Reads ${reads}, read by ${readers}.`;
}

/** What streams, by ENTITY.NODE: of a list whose elements stream, the one that was told last. */
export function byNode(partials) {
  const found = {};
  for (const [place, one] of Object.entries(partials)) {
    const id = place.includes("[") ? place.slice(0, place.indexOf("[")) : place;
    if (!found[id] || found[id].position < one.position) found[id] = one;
  }
  return found;
}
