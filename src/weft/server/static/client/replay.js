/**
 * Replays: what happened, told again from what was recorded, with the values as they were.
 *
 * Nothing is computed for it, and no operation is called. Knows nothing of who listens. Invariant: activities ascend by
 * position, each once.
 */

const PAGE = 1000;
const STARTED = "traversal.started";
/** The types of activities that come with a value. */
const WITH_VALUE = new Set(["node.settled", "node.reused", "node.superseded"]);

/**
 * What happened in a space, in order: each activity as a delta has it, with what was recorded of it then: the whole
 * `value` of what settled (left out where it was not kept), and the `intents` of what was told, each
 * `[entity, node, verb, ...]`: of a run those say what its steps came to.
 *
 * `apply(state, batchOf(state, channel, [activity]))` makes of them what a live client holds at that position.
 *
 * @param {import("./calls.js").Weft} weft
 * @param {string} space
 * @param {object} [which]
 * @param {number} [which.traversal]  Only what one event led to: that at this position.
 * @param {string} [which.run]  Only what one run of a flow did: by its id.
 * @param {number} [which.from]  From this position on; by default where that began.
 * @param {number} [which.to]  Up to this position; by default all that there is when it begins.
 * @param {string} [which.channel]  "space", or "entity:ID" for what is about that entity.
 * @param {boolean} [which.values]  Whether what was recorded is fetched: else a replay is quick, and has previews.
 * @param {AbortSignal} [which.signal]
 * @returns {AsyncGenerator<import("./state.js").Delta & {value?: any, intents?: any[][]}>}
 */
export async function* replay(
  weft,
  space,
  { traversal, run, from, to, channel = "space", values = true, signal } = {},
) {
  const recorded = new Recorded(weft, space, signal);
  const lived = run === undefined ? null : await weft.call("runs.get", { space, run }, { signal });
  const entity = channel.startsWith("entity:") ? channel.slice("entity:".length) : null;
  const isMeant = (activity) =>
    (traversal === undefined || activity.traversal === traversal) &&
    (entity === null || isAbout(activity, entity)) &&
    (lived === null || (activity.type === STARTED && isAbout(activity, `${lived.entity}.${lived.flow}`)));
  let next = from ?? traversal ?? lived?.fired ?? 1;
  to ??= lived?.ended || undefined;
  while (next !== null && (to === undefined || next <= to)) {
    const page = await weft.call("events.find", { space, from: next, limit: PAGE }, { signal });
    to ??= page.position;
    for (const activity of page.events) {
      if (activity.position > to) return;
      if (!isMeant(activity)) continue;
      if (lived !== null) {
        const intents = (await recorded.intents(activity)).filter((intent) => intent[3] === run);
        if (intents.length > 0) yield { ...activity, intents };
      } else yield values ? await recorded.whole(activity) : activity;
    }
    next = page.next;
  }
}

/** Whether it is about an entity, or about this one node. */
function isAbout(activity, place) {
  return activity.node.split(", ").some((node) => node === place || node.startsWith(`${place}.`));
}

/** What was recorded of nodes, read a page of a node's history at a time, as it is asked for. */
class Recorded {
  #pages = new Map(); // by node: {byPosition, next}

  constructor(weft, space, signal) {
    Object.assign(this, { weft, space, signal });
  }

  /** An activity with what was recorded of it. */
  async whole(activity) {
    if (activity.type === STARTED) return { ...activity, intents: await this.intents(activity) };
    if (!WITH_VALUE.has(activity.type)) return activity;
    const shown = await this.#shown(activity);
    return shown !== undefined && "value" in shown ? { ...activity, value: shown.value } : activity;
  }

  /** What an event said. */
  async intents({ position }) {
    const { said } = await this.#call("events.get", { space: this.space, position }, { said: {} });
    return said.intents ?? [];
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
    const { moments, next } = await this.#call("values.history", given, { moments: [], next: null });
    const own = element ? moments : moments.filter((moment) => !moment.element);
    return { byPosition: new Map(own.map((moment) => [moment.position, moment.shown])), next };
  }

  /** What is answered; else this, where that was erased since, or is not for this reader. */
  async #call(title, given, otherwise) {
    try {
      return await this.weft.call(title, given, { signal: this.signal });
    } catch (error) {
      if (![403, 404, 410].includes(error.code)) throw error;
      return otherwise;
    }
  }
}
