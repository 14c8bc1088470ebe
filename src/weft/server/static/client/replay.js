/**
 * Replays: what happened, told again from what was recorded, with the values as they were.
 *
 * Nothing is computed for it, and no operation is called. Knows nothing of who listens. Invariant: activities ascend by
 * position, each once.
 */

const PAGE = 1000;
/** The types of activities that come with a value. */
const WITH_VALUE = new Set(["node.settled", "node.reused", "node.superseded"]);

/**
 * What happened in a space, in order: each activity as a delta has it, those of values with the whole `value` that was
 * recorded then (left out where it was not kept).
 *
 * `apply(state, batchOf(state, channel, [activity]))` makes of them what a live client holds at that position.
 *
 * @param {import("./calls.js").Weft} weft
 * @param {string} space
 * @param {object} [which]
 * @param {number} [which.traversal]  Only what one event led to: that at this position.
 * @param {number} [which.from]  From this position on; by default from the event's, or from the beginning.
 * @param {number} [which.to]  Up to this position; by default all that there is when it begins.
 * @param {string} [which.channel]  "space", or "entity:ID" for what is about that entity.
 * @param {boolean} [which.values]  Whether values are fetched: without them a replay is quick, and has previews.
 * @param {AbortSignal} [which.signal]
 * @returns {AsyncGenerator<import("./state.js").Delta & {value?: any}>}
 */
export async function* replay(
  weft,
  space,
  { traversal, from = traversal ?? 1, to, channel = "space", values = true, signal } = {},
) {
  const recorded = new Recorded(weft, space, signal);
  const entity = channel.startsWith("entity:") ? channel.slice("entity:".length) : null;
  let next = from;
  while (next !== null && (to === undefined || next <= to)) {
    const page = await weft.call("events.find", { space, from: next, limit: PAGE }, { signal });
    to ??= page.position;
    for (const activity of page.events) {
      if (activity.position > to) return;
      if (traversal !== undefined && activity.traversal !== traversal) continue;
      if (entity !== null && !isAbout(activity, entity)) continue;
      yield values && WITH_VALUE.has(activity.type) ? await recorded.withValue(activity) : activity;
    }
    next = page.next;
  }
}

function isAbout(activity, entity) {
  return activity.node.split(", ").some((node) => node === entity || node.startsWith(`${entity}.`));
}

/** What was recorded of nodes, read a page of a node's history at a time, as it is asked for. */
class Recorded {
  #pages = new Map(); // by node: {byPosition, next}

  constructor(weft, space, signal) {
    Object.assign(this, { weft, space, signal });
  }

  /** An activity with its value, where that is kept. */
  async withValue(activity) {
    const shown = await this.#shown(activity);
    return shown !== undefined && "value" in shown ? { ...activity, value: shown.value } : activity;
  }

  async #shown({ node, position }) {
    let known = this.#pages.get(node) ?? { byPosition: new Map(), next: position };
    while (!known.byPosition.has(position) && known.next !== null && known.next <= position) {
      known = await this.#page(node, known.next);
      this.#pages.set(node, known);
    }
    return known.byPosition.get(position);
  }

  async #page(node, from) {
    const [, entity, name, element] = /^([^.]*)\.([^[]*)(?:\[(.*)\])?$/s.exec(node);
    const given = { space: this.space, entity, node: name, element: element || undefined, from, limit: 100 };
    const { moments, next } = await this.#history(given);
    const own = moments.filter((moment) => (moment.element ?? "") === (element ?? ""));
    return { byPosition: new Map(own.map((moment) => [moment.position, moment.shown])), next };
  }

  async #history(given) {
    try {
      return await this.weft.call("values.history", given, { signal: this.signal });
    } catch (error) {
      if (![403, 404, 410].includes(error.code)) throw error;
      return { moments: [], next: null }; // it was erased since, or is not for this reader
    }
  }
}
