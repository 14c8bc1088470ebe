/**
 * A live connection to a space: what the space shows, held as of now, over as many sockets as that takes.
 *
 * What was seen is never asked for again, and nothing is left out: each socket goes on where the one before ended. It
 * comes again for as long as it is not told that it may not. Knows nothing of pages. Invariant: a delta, and that a
 * traversal is completed, are told once, however often the server says them.
 */
import { CLOCK, jittered } from "./clock.js";
import { EMPTY, FrameMissing, apply, news, without } from "./state.js";

/** Nobody is known by what this brings; their rights have shrunk; there is no such space: to come again is in vain. */
const NOT_AGAIN = new Set([4401, 4403, 4404]);
const DENIED = 4403;
const RETRY_MS = 500;
const RETRY_MS_MAX = 30_000;
/** A connection that lasted for less does not count as one: what ends at once, each time, is tried ever more seldom. */
const LASTED_MS = 10_000;
/** A socket that opens for longer than this is given up. */
const OPENING_MS = 15_000;
/** After so long without a word from the server it is asked for one, and then has as long as `ANSWER_MS` for it. */
const SILENT_MS = 20_000;
const ANSWER_MS = 10_000;
/** The server closes a socket that it hears nothing of for a minute. */
const PING_MS = 20_000;
/** What may be said at once, and in a second, stays below what the server takes. */
const SAID_AT_ONCE = 60;
const SAID_PER_S = 15;
/** About so many traversals a client that comes back may ask; one that has more open begins with a snapshot. */
const OPEN_MAX = 1000;
/** Frames of the present, which are told as they are. */
const VOLATILE = new Set(["partial", "states", "presence"]);
/** Errors of a subscription that saying it again would not mend. */
const FOR_GOOD = new Set(["Denied", "UnknownChannel", "SnapshotTooLarge", "TooMany"]);

/**
 * Events, each with what it is about as `detail`:
 *
 * - `state`: the state has changed; once for all changes of a frame of the screen.
 * - `connection`: `{status, attempt, retryAtMs, reason, latest}`, as in `connection`.
 * - `delta`: `{channel, delta}`, once for each that was not known.
 * - `completed`: `{channel, traversal, position, nodes, failed}`, once each.
 * - `states`: how what is not settled stands otherwise now.
 * - `partial`: the newest that a node streams; `presence`: `{channel, there}`.
 * - `refused`: `{error, message, about}`: what was asked for cannot be done.
 */
export class Live extends EventTarget {
  #url;
  #options;
  #clock;
  #socket = null;
  #wishes = new Map(); // by channel: {from, isPaused, shown}
  #views = new Map(); // by entity: how often it was opened
  #tries = 0; // since a connection lasted
  #openedMs = 0;
  #timer = null; // of the next try, or, while a socket is there, of the next look at it
  #heardMs = 0;
  #saidMs = 0;
  #askedMs = null;
  #outbox = [];
  #tokens = SAID_AT_ONCE;
  #tokensMs = 0;
  #outboxTimer = null;
  #isTelling = false;
  #isStopped = false;
  #leave = () => {};

  /**
   * @param {string} url  Of the socket.
   * @param {object} options
   * @param {typeof WebSocket} options.WebSocket
   * @param {object | null} [options.headers]  Sent with the socket, where it can: no browser's can.
   * @param {import("./state.js").ClientState} [options.state]  What an earlier connection held: goes on from there.
   * @param {import("./clock.js").Clock} [options.clock]
   */
  constructor(url, { WebSocket, headers = null, state = EMPTY, clock = CLOCK }) {
    super();
    if (WebSocket === undefined) {
      throw new TypeError("There is no WebSocket here: give one, as new Weft({ WebSocket }).");
    }
    this.#url = url;
    this.#options = { WebSocket, headers };
    this.#clock = clock;
    /** What is held now. Each change makes a new object. */
    this.state = state;
    /** How the connection stands. `latest`: when the server was last heard. */
    this.connection = { status: "connecting", attempt: 0, retryAtMs: null, reason: "", latest: null };
    this.#followThePage();
    queueMicrotask(() => this.#isStopped || this.#socket || this.#connect());
  }

  // ---- what is looked at ----

  /**
   * Be told what happens on a channel, "space" or "entity:ID": a snapshot, and what follows; or, `from` a position on,
   * each delta behind it (0: all that there is). Harmless where it is subscribed to already.
   */
  subscribe(channel, { from } = {}) {
    if (this.#wishes.has(channel)) return;
    this.#wishes.set(channel, { from, isPaused: false, shown: null });
    this.#say(this.#subscription(channel));
  }

  /** Be told of a channel no longer, and hold nothing of it. */
  unsubscribe(channel) {
    if (!this.#wishes.delete(channel)) return;
    this.#forget(channel);
    this.#say({ op: "unsub", channel });
  }

  /** Look at an entity: what it shows is computed for as long as somebody looks. Closed as often as it was opened. */
  open(entity) {
    const count = (this.#views.get(entity) ?? 0) + 1;
    this.#views.set(entity, count);
    if (count === 1) this.#say({ op: "open", entity });
  }

  /** Look at an entity no longer. */
  close(entity) {
    const count = (this.#views.get(entity) ?? 0) - 1;
    if (count > 0) this.#views.set(entity, count);
    else if (this.#views.delete(entity)) this.#say({ op: "close", entity });
  }

  /** Be told nothing of a channel until it plays again, and have nothing streamed for it; nothing is lost. */
  pause(channel) {
    this.#wish(channel).isPaused = true;
    this.#say({ op: "pause", channel });
  }

  /** Go on with a paused channel where it was. */
  play(channel) {
    this.#wish(channel).isPaused = false;
    this.#say({ op: "play", channel });
  }

  /** Show others on a channel where one is, or what one does; null to be seen no longer. */
  show(channel, value) {
    this.#wish(channel).shown = value;
    this.#say({ op: "presence", channel, shown: value });
  }

  // ---- its life ----

  /** Try now, also where it was told not to come again. */
  reconnectNow() {
    if (this.#isStopped) return;
    this.#tries = 0;
    if (this.connection.status === "open") {
      this.#ask();
      return;
    }
    this.#drop();
    this.#connect();
  }

  /** End it for good. */
  stop() {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#leave();
    const socket = this.#socket;
    this.#drop();
    socket?.close(1000);
    this.#stand({ status: "over", retryAtMs: null, reason: "stopped" });
  }

  #connect() {
    this.#clock.clear(this.#timer);
    this.#stand({ status: "connecting", retryAtMs: null });
    const { WebSocket, headers } = this.#options;
    let socket;
    try {
      socket = headers === null ? new WebSocket(this.#url) : new WebSocket(this.#url, { headers });
    } catch (error) {
      this.#retry(String(error.message ?? error));
      return;
    }
    this.#socket = socket;
    const ifMine = (act) => (event) => this.#socket === socket && act(event);
    socket.onopen = ifMine(() => this.#opened());
    socket.onmessage = ifMine((event) => this.#heard(event.data));
    socket.onclose = ifMine((event) => this.#closed(event.code, event.reason));
    // What was open is closed next, with more of a reason; what never opened not every socket says that it closes.
    const isOpening = () => this.connection.status === "connecting";
    socket.onerror = ifMine(() => isOpening() && this.#closed(1006, "it cannot be reached"));
    this.#timer = this.#clock.set(() => this.#giveUp("no answer"), OPENING_MS);
  }

  #opened() {
    this.#clock.clear(this.#timer);
    this.#openedMs = this.#heardMs = this.#saidMs = this.#tokensMs = this.#clock.now();
    this.#askedMs = null;
    this.#tokens = SAID_AT_ONCE;
    const latest = new Date(this.#heardMs);
    this.connection = { ...this.connection, status: "open", attempt: 0, reason: "", latest };
    // What is looked at comes before what is told: a traversal is completed as of what is demanded. Only what is paused
    // comes first, so that nothing is called for it. All is said before anybody is told, who may wish for more then.
    const wishes = [...this.#wishes];
    for (const [channel, wish] of wishes) if (wish.isPaused) this.#sayWish(channel, wish);
    for (const entity of this.#views.keys()) this.#say({ op: "open", entity });
    for (const [channel, wish] of wishes) if (!wish.isPaused) this.#sayWish(channel, wish);
    this.#tell("connection", this.connection);
    this.#look();
  }

  #sayWish(channel, wish) {
    this.#say(this.#subscription(channel));
    if (wish.isPaused) this.#say({ op: "pause", channel });
    if (wish.shown !== null) this.#say({ op: "presence", channel, shown: wish.shown });
  }

  #closed(code, reason) {
    this.#drop();
    if (code === DENIED) this.#forgetAll(); // what may not be seen any more is held no more
    if (NOT_AGAIN.has(code)) this.#stand({ status: "over", retryAtMs: null, reason: reason || `closed with ${code}` });
    else this.#retry(reason || `closed with ${code}`);
  }

  #giveUp(reason) {
    const socket = this.#socket;
    this.#drop();
    socket?.close();
    this.#retry(reason);
  }

  #drop() {
    const wasOpen = this.connection.status === "open";
    if (wasOpen && this.#clock.now() - this.#openedMs >= LASTED_MS) this.#tries = 0;
    this.#clock.clear(this.#timer);
    this.#clock.clear(this.#outboxTimer);
    this.#outboxTimer = null;
    this.#socket = null;
    this.#outbox = [];
  }

  #retry(reason) {
    const ms = jittered(this.#clock, this.#tries, RETRY_MS, RETRY_MS_MAX);
    this.#tries += 1;
    this.#stand({ status: "waiting", attempt: this.#tries, retryAtMs: this.#clock.now() + ms, reason });
    this.#timer = this.#clock.set(() => this.#connect(), ms);
  }

  #stand(said) {
    this.connection = { ...this.connection, ...said };
    this.#tell("connection", this.connection);
  }

  /** A page that comes back to a network, or to the eyes of somebody, does not wait. */
  #followThePage() {
    const page = globalThis.document;
    const network = globalThis.window;
    const come = () => {
      if (page?.visibilityState === "hidden") return;
      if (this.connection.status === "waiting") this.reconnectNow();
      else if (this.connection.status === "open") this.#ask();
      this.#tellState(); // one that was to be drawn while nobody looked
    };
    page?.addEventListener("visibilitychange", come);
    network?.addEventListener?.("online", come);
    this.#leave = () => {
      page?.removeEventListener("visibilitychange", come);
      network?.removeEventListener?.("online", come);
    };
  }

  // ---- what is said ----

  #subscription(channel) {
    const known = this.state.channels[channel];
    const { from } = this.#wishes.get(channel);
    if (known === undefined) return from === undefined ? { op: "sub", channel } : { op: "sub", channel, from };
    if (known.open.length > OPEN_MAX) {
      this.#forget(channel);
      return { op: "sub", channel };
    }
    return { op: "sub", channel, from: known.position, open: known.open };
  }

  #say(frame) {
    if (this.connection.status !== "open") return; // it is said once there is a socket, as all that is wished for
    this.#outbox.push(frame);
    if (this.#outboxTimer === null) this.#post();
  }

  /** Send what is to be said, no faster than the server takes it. */
  #post() {
    const nowMs = this.#clock.now();
    this.#tokens = Math.min(SAID_AT_ONCE, this.#tokens + ((nowMs - this.#tokensMs) / 1000) * SAID_PER_S);
    this.#tokensMs = nowMs;
    this.#outboxTimer = null;
    while (this.#outbox.length > 0 && this.#tokens >= 1) {
      this.#tokens -= 1;
      this.#saidMs = nowMs;
      this.#socket.send(JSON.stringify(this.#outbox.shift()));
    }
    if (this.#outbox.length > 0) this.#outboxTimer = this.#clock.set(() => this.#post(), 1000 / SAID_PER_S);
  }

  /** Look whether the server is there, and have it know that this is; and again later. */
  #look() {
    const nowMs = this.#clock.now();
    if (this.#askedMs !== null && nowMs - this.#askedMs >= ANSWER_MS) {
      this.#giveUp("the server says nothing");
      return;
    }
    if (this.#askedMs === null && nowMs - this.#heardMs >= SILENT_MS) this.#ask();
    else if (this.#isSilent()) this.#say({ op: "ping" });
    this.#timer = this.#clock.set(() => this.#look(), 5000);
  }

  #isSilent() {
    return this.#clock.now() - this.#saidMs >= PING_MS;
  }

  #ask() {
    if (this.#askedMs !== null) return;
    this.#askedMs = this.#clock.now();
    this.#say({ op: "ping", is_asking: true });
  }

  // ---- what is heard ----

  #heard(text) {
    const frame = JSON.parse(text);
    this.#heardMs = this.#clock.now();
    const isAnswer = this.#askedMs !== null;
    this.#askedMs = null;
    this.connection = { ...this.connection, latest: new Date(this.#heardMs) };
    // Said here, and not by a timer alone: the timers of a page that nobody sees come late.
    if ((frame.op === "heartbeat" && !isAnswer) || this.#isSilent()) this.#say({ op: "ping" });
    if (frame.op === "error") this.#refused(frame);
    if (frame.channel === undefined || this.#wishes.has(frame.channel)) this.#take(frame);
  }

  #take(frame) {
    const told = news(this.state, frame);
    const before = this.state;
    try {
      this.state = apply(this.state, frame);
    } catch (error) {
      if (!(error instanceof FrameMissing)) throw error;
      this.#say(this.#subscription(frame.channel));
      return;
    }
    if (this.state !== before) this.#tellState();
    if (Array.isArray(told)) {
      for (const delta of told) this.#tell("delta", { channel: frame.channel, delta });
    } else if (told !== null) this.#tell("completed", told);
    else if (this.state !== before && VOLATILE.has(frame.op)) this.#tell(frame.op, frame);
  }

  #refused({ error, message, about }) {
    if (error === "WrongPosition" && this.#wishes.has(about)) {
      // The server's log is not the one that this went by: a copy of before was put in its place.
      this.#wishes.get(about).from = undefined;
      this.#forget(about);
      this.#say(this.#subscription(about));
    } else if (FOR_GOOD.has(error)) {
      if (this.#wishes.delete(about)) this.#forget(about);
      else this.#views.delete(about);
    }
    this.#tell("refused", { error, message, about });
  }

  #wish(channel) {
    const found = this.#wishes.get(channel);
    if (found === undefined) throw new TypeError(`${channel} is not subscribed to: subscribe first.`);
    return found;
  }

  #forget(channel) {
    this.state = without(this.state, channel);
    this.#tellState();
  }

  #forgetAll() {
    this.state = EMPTY;
    this.#tellState();
  }

  #tellState() {
    if (this.#isTelling) return;
    this.#isTelling = true;
    const tell = () => {
      this.#isTelling = false;
      this.#tell("state", this.state);
    };
    const isShown = globalThis.document?.visibilityState === "visible";
    if (isShown && globalThis.requestAnimationFrame) globalThis.requestAnimationFrame(tell);
    else queueMicrotask(tell);
  }

  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
