/**
 * What a client of a live space holds, and how each frame changes it: pure functions, the same as Python's
 * `weft.server.client_state`, and held to the same fixtures.
 *
 * Knows nothing of connections. Invariant: nothing that is given is changed; a frame that came before changes nothing.
 *
 * @typedef {{position: number, traversal: number, node: string, type: string, content_id: string, by: string,
 *   at: string, preview: string}} Delta  What happened at a position. What is "" may be left out.
 * @typedef {{position: number, traversal: number, type: string, content_id: string, preview: string}} Shown
 *   What a node shows, as of the delta at `position`.
 * @typedef {{position: number, as_of: number, nodes: Object<string, Shown>, open: number[]}} ChannelState
 *   `position`: the newest that was seen; `as_of`: where the newest snapshot was taken; `open`: the traversals that
 *   have begun and are not completed.
 * @typedef {{op: "partial", node: string, position: number, number: number, preview: string,
 *   value: any}} Partial
 * @typedef {{type: string, since: string, why: string, needs: string[]}} NodeState
 *   How a node stands that is not settled, or a run that goes on.
 * @typedef {{channels: Object<string, ChannelState>, partials: Object<string, Partial>,
 *   states: Object<string, {number: number, nodes: Object<string, NodeState>}>,
 *   presence: Object<string, Object<string, [string, any]>>}} ClientState
 */

/** The types of deltas after which a node shows something. */
const SHOWS = new Set(["node.settled", "node.reused", "node.failed"]);

/** @type {ClientState} What a client holds that was told nothing yet. */
export const EMPTY = Object.freeze({ channels: {}, partials: {}, states: {}, presence: {} });

/** Frames before this one were not received: subscribe to the channel again, from `position`. */
export class FrameMissing extends Error {
  constructor(channel, position, after) {
    super(
      `Of ${channel} what is behind position ${position} was not received, and what is behind ${after} was. ` +
        `Subscribe to it again, from ${position}.`,
    );
    this.name = "FrameMissing";
    Object.assign(this, { channel, position, after });
  }
}

/**
 * The state after a frame: the same object where nothing has changed.
 *
 * @param {ClientState} state
 * @param {object} frame  As the server sent it.
 * @returns {ClientState}
 * @throws {FrameMissing}
 */
export function apply(state, frame) {
  switch (frame.op) {
    case "snapshot":
      return takeSnapshot(state, frame);
    case "batch":
      return takeBatch(state, frame);
    case "completed":
      return takeCompleted(state, frame);
    case "partial":
      return takePartial(state, frame);
    case "states":
      return takeStates(state, frame);
    case "presence":
      return { ...state, presence: { ...state.presence, [frame.channel]: frame.there } };
    case "heartbeat":
      return takeHeartbeat(state, frame);
    default:
      return state;
  }
}

/**
 * What of a frame was not known yet: the deltas of a batch, or a completion; null for all else. To be asked before the
 * frame is applied.
 *
 * @param {ClientState} state
 * @returns {Delta[] | object | null}
 */
export function news(state, frame) {
  const known = state.channels[frame.channel];
  if (frame.op === "batch") {
    return frame.deltas.filter((delta) => known === undefined || delta.position > known.position);
  }
  if (frame.op === "completed" && known !== undefined && known.open.includes(frame.traversal)) {
    return frame;
  }
  return null;
}

/**
 * A state without anything of a channel.
 *
 * @param {ClientState} state
 * @returns {ClientState}
 */
export function without(state, channel) {
  const left = { ...state };
  for (const part of ["channels", "states", "presence"]) {
    left[part] = { ...state[part] };
    delete left[part][channel];
  }
  return left;
}

/**
 * Deltas as a frame that follows what a state holds: so what was recorded is applied like what comes live.
 *
 * @param {ClientState} state
 * @param {Delta[]} deltas  Ascending, at least one.
 */
export function batchOf(state, channel, deltas) {
  const from = state.channels[channel]?.position ?? 0;
  return { op: "batch", channel, from, position: deltas[deltas.length - 1].position, deltas };
}

function withChannel(state, channel, known) {
  return { ...state, channels: { ...state.channels, [channel]: known } };
}

function takeSnapshot(state, frame) {
  const known = state.channels[frame.channel];
  if (known !== undefined) {
    if (frame.as_of < Math.max(known.as_of, known.position)) return state;
    if (known.as_of === frame.as_of && known.position >= frame.position) return state;
  }
  const left = Object.entries(state.partials).filter(([, part]) => part.position >= frame.as_of);
  return withChannel({ ...state, partials: Object.fromEntries(left) }, frame.channel, {
    position: frame.position,
    as_of: frame.as_of,
    nodes: frame.nodes,
    open: [...(frame.open ?? [])].sort((one, other) => one - other),
  });
}

function takeBatch(state, frame) {
  const known = state.channels[frame.channel] ?? { position: frame.from, as_of: frame.from, nodes: {}, open: [] };
  if (frame.from > known.position) throw new FrameMissing(frame.channel, known.position, frame.from);
  if (frame.position <= known.position) return state;
  const nodes = { ...known.nodes };
  const open = [...known.open];
  const partials = { ...state.partials };
  for (const delta of frame.deltas) {
    if (delta.position <= known.position) continue;
    if (delta.type === "traversal.started") open.push(delta.position);
    if (delta.position > known.as_of) show(nodes, delta);
    if (partials[delta.node] !== undefined && delta.position > partials[delta.node].position) {
      delete partials[delta.node];
    }
  }
  return withChannel({ ...state, partials }, frame.channel, {
    position: frame.position,
    as_of: known.as_of,
    nodes,
    open,
  });
}

function show(nodes, delta) {
  if (SHOWS.has(delta.type)) {
    const { position, traversal, type, content_id = "", preview = "" } = delta;
    nodes[delta.node] = { position, traversal, type, content_id, preview };
  } else if (delta.type === "node.removed") {
    delete nodes[delta.node];
  }
}

function takeCompleted(state, frame) {
  const known = state.channels[frame.channel];
  if (known === undefined || !known.open.includes(frame.traversal)) return state;
  return withChannel(state, frame.channel, { ...known, open: known.open.filter((one) => one !== frame.traversal) });
}

function takePartial(state, frame) {
  const part = state.partials[frame.node];
  if (part !== undefined && part.number >= frame.number) return state;
  for (const known of Object.values(state.channels)) {
    if (known.nodes[frame.node]?.position > frame.position) return state;
  }
  return { ...state, partials: { ...state.partials, [frame.node]: frame } };
}

function takeStates(state, frame) {
  const known = state.states?.[frame.channel] ?? { number: 0, nodes: {} };
  if (frame.number <= known.number) return state;
  const nodes = frame.is_whole ? {} : { ...known.nodes };
  for (const [node, stands] of Object.entries(frame.nodes)) {
    if (stands === null) delete nodes[node];
    else nodes[node] = stands;
  }
  return { ...state, states: { ...state.states, [frame.channel]: { number: frame.number, nodes } } };
}

function takeHeartbeat(state, frame) {
  for (const [channel, position] of Object.entries(frame.positions ?? {})) {
    const known = state.channels[channel];
    if (known !== undefined && position > known.position) {
      state = withChannel(state, channel, { ...known, position });
    }
  }
  return state;
}
