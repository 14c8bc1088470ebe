// What happened, along positions: a lane for each charm, or for each node of one, with a mark for each activity.
//
// Pure. Invariant: marks ascend by position, and each activity has a mark in every lane that it speaks of.
import { placesOf } from "../graph/states.js";

const KINDS = { "node.settled": "settled", "node.reused": "settled", "node.failed": "failed", "traversal.started": "told", "node.removed": "removed", definition: "definition" };

/** What kind of mark an activity has. `isFlow(entity, node)` says whether a node is a flow. */
export function kindOf(event, entity, node, isFlow = () => false) {
  if (isFlow(entity, node) || event.type.startsWith("run.")) return "run";
  return KINDS[event.type] ?? "other";
}

/**
 * Lanes in the order in which they are first spoken of: [{id, marks: [{position, kind, event}]}].
 * @param {{position: number, type: string, node: string}[]} events
 * @param {{entity?: string, isFlow?: (entity: string, node: string) => boolean}} [options]  `entity`: its nodes alone
 */
export function lanes(events, { entity = "", isFlow } = {}) {
  const found = new Map();
  for (const event of events) {
    if (event.type === "definition" || event.type === "service") continue;
    const places = placesOf(event.node).filter(([one]) => !entity || one === entity);
    const ids = new Map(places.map(([one, node]) => [entity ? node : one, [one, node]]));
    if (entity && ids.size > 1) ids.delete(""); // of what is created, its fields say more
    for (const [id, place] of ids) {
      if (!id && !entity) continue;
      if (!found.has(id)) found.set(id, { id, marks: [] });
      const marks = found.get(id).marks;
      const kind = kindOf(event, ...place, isFlow);
      if (marks.at(-1)?.position !== event.position) marks.push({ position: event.position, kind, event });
    }
  }
  return [...found.values()];
}

/** Bars of runs within a stretch: [{id, entity, flow, start, end, stands}]. Where a run does not say when it was fired,
 * the last of these events that fired it does. */
export function bars(runs, from, to, events = []) {
  const fired = (run) => events.findLast((event) => event.node === `${run.entity}.${run.flow}` && / fire$/.test(event.preview ?? ""))?.position;
  return runs
    .map((run) => ({ id: run.run, entity: run.entity, flow: run.flow, start: run.fired ?? fired(run) ?? from, end: run.ended || to, stands: run.stands }))
    .filter((bar) => bar.end >= from && bar.start <= to)
    .map((bar) => ({ ...bar, start: Math.max(from, bar.start), end: Math.min(to, bar.end) }));
}

/** The stretch of positions that is shown: about `size` of them, with `at` within; it moves in halves, not at each step. */
export function stretch(at, head, size) {
  if (head <= size) return { from: 1, to: Math.max(1, head) };
  const half = Math.floor(size / 2);
  const from = Math.max(1, Math.min(Math.floor((at - half / 2) / half) * half + 1, head - size + 1));
  return { from, to: from + size - 1 };
}

/** Where in a stretch a position is, from 0 to 1, in the middle of its step. */
export const along = (position, { from, to }) => (position - from + 0.5) / (to - from + 1);
