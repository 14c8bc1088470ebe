// One space as the page holds it: what it is asked, what it says by itself, and who is looked at.
//
// `Space` has signals of its types, its connection and its position, and `tick`, which grows (not too often) when
// anything happened; `ask` in use.js asks anew then. A `Charm` is one entity that somebody looks at: it is opened on the
// connection, so that it is computed, and read anew whenever a delta names it.
//
// Knows nothing of what is shown. Invariant: what a charm holds is what the server said last, never older than before.
import { batch, signal } from "./lib.js";
import { nameOf } from "./parts/words.js";

const TICK_MS = 250;
const READ_MS = 60;
const NAMES_MS = 2000;
const NAMES_MAX = 1000;

/** The ids of the entities that a delta speaks of: its `node` is ENTITY.NODE[ELEMENT], or several with commas between. */
export function entitiesOf(node) {
  return [...new Set(node.split(", ").map((one) => one.split(".", 1)[0]).filter(Boolean))];
}

/** Runs `act` soon, once for however often it is asked, and never twice within `rest` milliseconds. */
export function soon(act, rest) {
  let timer = null;
  let last = -Infinity;
  const run = () => {
    timer = null;
    last = performance.now();
    act();
  };
  const ask = () => {
    timer ??= setTimeout(run, Math.max(0, last + rest - performance.now()));
  };
  ask.cancel = () => clearTimeout(timer);
  return ask;
}

export class Space {
  /** `weft`: the client; `position`: how far the space is; `me`: `{user, capabilities}`; `onStranger` is called when
   * nobody is known any more, `onSpaces` when more spaces are served than were. */
  constructor(weft, name, position, me, onStranger = () => {}, onSpaces = async () => {}) {
    Object.assign(this, { weft, name, me, onStranger, onSpaces });
    this.types = signal(null);
    this.position = signal(position);
    this.tick = signal(0);
    this.connection = signal({ status: "connecting", attempt: 0, retryAtMs: null, reason: "" });
    this.presence = signal({});
    this.live = weft.live(name);
    this.charms = new Map();
    this.asOf = null;
    this.hearers = new Set();
    this.names = signal(new Map());
    this.unnamed = new Set();
    this.readNames = soon(() => this.readNamesNow(), NAMES_MS);
    this.ticked = soon(() => (this.tick.value += 1), TICK_MS);
    this.listen();
  }

  listen() {
    const { live } = this;
    live.addEventListener("connection", () => this.noteConnection());
    live.addEventListener("delta", (event) => this.hear(event.detail));
    live.addEventListener("completed", () => this.ticked());
    live.addEventListener("state", () => this.noteState());
    live.addEventListener("presence", () => (this.presence.value = live.state.presence));
    this.noteConnection();
    // From where it is now: a snapshot of all nodes is not needed, and may be larger than the server gives.
    live.subscribe("space", { from: this.position.peek() });
    this.readTypes();
  }

  /** Whether the reader may do this: "read", "edit", "answer", "operate" or "administer". */
  may(capability) {
    return !this.me.capabilities || [...this.me.capabilities].includes(capability);
  }

  /** Any method of the server's table, of this space. */
  async call(title, given = {}, options = {}) {
    try {
      return await this.weft.call(title, { space: this.name, ...given }, options);
    } catch (why) {
      if (why.code === 401) this.onStranger();
      throw why;
    }
  }

  async readTypes() {
    try {
      this.types.value = (await this.call("types.find")).types;
    } catch (why) {
      if (why.code !== 401) setTimeout(() => this.types.value || this.isOver || this.readTypes(), 2000);
    }
  }

  /** The type of this name; undefined until types are known. */
  type(name) {
    return this.types.value?.find((one) => one.name === name);
  }

  /** What an entity is called; the first letters of its id until that is known. Looked at while rendering. */
  nameFor(id) {
    const found = this.names.value.get(id);
    if (found === undefined) {
      this.unnamed.add(id);
      this.readNames();
    }
    return found || id.slice(0, 8);
  }

  /** The names of the first entities; others stay known by their ids. */
  async readNamesNow() {
    try {
      const { entities } = await this.call("entities.find", { limit: NAMES_MAX });
      const others = [...this.unnamed].map((id) => [id, id.slice(0, 8)]);
      this.unnamed.clear();
      this.names.value = new Map([...this.names.peek(), ...others, ...entities.map((one) => [one.id, nameOf(one)])]);
    } catch {
      // Ids stand for names until there is an answer.
    }
  }

  /** Calls `act` with every delta of the space, once each; gives what ends that. */
  onDelta(act) {
    this.hearers.add(act);
    return () => this.hearers.delete(act);
  }

  hear({ channel, delta }) {
    if (channel !== "space") return;
    if (delta.position > this.position.peek()) this.position.value = delta.position;
    for (const id of entitiesOf(delta.node)) {
      this.charms.get(id)?.note(delta);
      if (delta.type === "traversal.started") this.names.peek().delete(id); // it may be called otherwise now
    }
    for (const act of this.hearers) act(delta);
    if (delta.type === "definition") this.readTypes();
    this.ticked();
  }

  noteConnection() {
    const before = this.connection.peek().status;
    this.connection.value = { ...this.live.connection };
    const { status, reason } = this.connection.peek();
    if (status === "open" && before !== "open") {
      this.ticked();
      for (const charm of this.charms.values()) charm.read();
    }
    if (status === "over" && /4401|STRANGER|Nobody/i.test(String(reason))) this.onStranger();
  }

  noteState() {
    const { channels, partials, states } = this.live.state;
    const position = channels.space?.position ?? 0;
    const asOf = channels.space?.as_of ?? null;
    if (asOf !== null && this.asOf !== null && asOf > this.asOf) {
      // It was away for too long to be told each thing: all that is shown is asked for anew.
      this.ticked();
      for (const charm of this.charms.values()) charm.read();
    }
    this.asOf = asOf ?? this.asOf;
    batch(() => {
      if (position > this.position.peek()) this.position.value = position;
      for (const charm of this.charms.values()) {
        charm.notePartials(partials);
        charm.noteStates(states?.[charm.channel]?.nodes);
      }
    });
  }

  /** One entity, opened until `charm.leave()` was called as often as this was. */
  look(id) {
    let charm = this.charms.get(id);
    if (!charm) this.charms.set(id, (charm = new Charm(this, id)));
    charm.enter();
    return charm;
  }

  stop() {
    this.isOver = true;
    this.ticked.cancel();
    this.readNames.cancel();
    this.live.stop();
  }
}

/** One entity that somebody looks at. `portrait` is what `entities.get` gives, null at first; `error`, why not. */
export class Charm {
  constructor(space, id) {
    this.space = space;
    this.id = id;
    this.portrait = signal(null);
    this.error = signal(null);
    /** What streams now: by `NODE` or `NODE[ELEMENT]`, the newest partial. */
    this.partials = signal({});
    /** How what is not settled stands, where the server says so: `{type, since, why, needs}` by the same names. */
    this.stands = signal({});
    this.isPaused = signal(false);
    this.viewers = 0;
    this.read = soon(() => this.readNow(), READ_MS);
  }

  get channel() {
    return `entity:${this.id}`;
  }

  /** A node of the portrait by its name. */
  node(name) {
    return this.portrait.value?.nodes.find((one) => one.name === name);
  }

  enter() {
    this.viewers += 1;
    if (this.viewers > 1) return;
    this.space.live.open(this.id);
    this.space.live.subscribe(this.channel);
    this.readNow();
  }

  leave() {
    this.viewers -= 1;
    if (this.viewers > 0) return;
    this.read.cancel();
    this.space.live.unsubscribe(this.channel);
    this.space.live.close(this.id);
    if (this.space.charms.get(this.id) === this) this.space.charms.delete(this.id);
  }

  /** Nothing more is shown of what streams, nor computed for it, until `play`. */
  pause() {
    this.isPaused.value = true;
    this.space.live.pause(this.channel);
  }

  play() {
    this.isPaused.value = false;
    this.space.live.play(this.channel);
    this.read();
  }

  note(delta) {
    if (!this.isPaused.peek() && delta.position > (this.portrait.peek()?.position ?? 0)) this.read();
  }

  notePartials(all) {
    if (this.isPaused.peek()) return;
    const found = {};
    for (const [place, one] of Object.entries(all)) {
      if (place.startsWith(`${this.id}.`)) found[place.slice(this.id.length + 1)] = one;
    }
    const before = this.partials.peek();
    const places = Object.keys(found);
    const isSame = places.length === Object.keys(before).length && places.every((one) => before[one] === found[one]);
    if (!isSame) this.partials.value = found;
  }

  noteStates(nodes) {
    if (nodes === undefined || nodes === this.heard) return;
    this.heard = nodes;
    const ours = Object.entries(nodes).filter(([place]) => place.startsWith(`${this.id}.`));
    this.stands.value = Object.fromEntries(ours.map(([place, one]) => [place.slice(this.id.length + 1), one]));
  }

  async readNow() {
    if (this.isReading) return void (this.isAskedAgain = true);
    this.isReading = true;
    try {
      this.take(await this.space.call("entities.get", { entity: this.id }));
      this.error.value = null;
    } catch (why) {
      this.error.value = why;
    }
    this.isReading = false;
    if (this.isAskedAgain) {
      this.isAskedAgain = false;
      this.read();
    }
  }

  /** Take a portrait, as an answer gave it, unless a newer one is held. */
  take(portrait) {
    if (portrait.position >= (this.portrait.peek()?.position ?? 0)) this.portrait.value = portrait;
  }

  /** Tell it something: `{set: {name: value}}` and the other verbs; gives the answer, whose portrait is taken. */
  async tell(said, options) {
    const answer = await this.space.call("entities.patch", { entity: this.id, ...said }, options);
    this.take(answer);
    return answer;
  }
}
