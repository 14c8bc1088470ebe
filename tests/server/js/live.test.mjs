import assert from "node:assert/strict";
import test, { beforeEach } from "node:test";
import { Live } from "../../../src/weft/server/static/weft.js";
import { FakeClock, FakeSocket, settled } from "./clock.mjs";

const snapshot = { op: "snapshot", channel: "space", position: 3, as_of: 3, nodes: {}, open: [2] };
const begun = { position: 4, traversal: 4, node: "e.n", type: "traversal.started" };
const batch = { op: "batch", channel: "space", from: 3, position: 5, deltas: [begun] };
let clock;

beforeEach(() => {
  FakeSocket.made = [];
  clock = new FakeClock();
});

async function begins(options = {}) {
  const live = new Live("ws://x/live/home", { WebSocket: FakeSocket, clock, ...options });
  live.told = [];
  for (const type of ["delta", "completed", "refused", "connection", "state", "partial", "presence"]) {
    live.addEventListener(type, (event) => live.told.push([type, event.detail]));
  }
  await settled();
  return live;
}

const told = (live, type) => live.told.filter(([one]) => one === type).map(([, detail]) => detail);

test("it comes again without an end, at times left to chance below a bound that doubles to half a minute", async () => {
  for (const chance of [1, 0.5]) {
    clock = new FakeClock({ random: chance });
    const live = await begins();
    const waits = [];
    for (let each = 0; each < 200; each++) {
      const made = FakeSocket.made.length;
      FakeSocket.newest.ends(1006);
      assert.equal(live.connection.status, "waiting");
      const ms = live.connection.retryAtMs - clock.now();
      waits.push(ms);
      await clock.pass(ms - 1);
      assert.equal(FakeSocket.made.length, made, "not before its time");
      await clock.pass(1);
      assert.equal(FakeSocket.made.length, made + 1);
    }
    const bounds = [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000];
    assert.deepEqual(waits.slice(0, 8), bounds.map((ms) => ms * chance));
    assert.ok(waits.slice(8).every((ms) => ms === 30000 * chance));
    assert.equal(live.connection.attempt, 200);
    live.stop();
  }
});

test("what ends as soon as it is open is tried ever more seldom, and what lasted is tried at once", async () => {
  const live = await begins();
  const waits = [];
  for (const lastsMs of [100, 100, 100, 60_000, 100]) {
    FakeSocket.newest.opens();
    assert.equal(live.connection.attempt, 0);
    const socket = FakeSocket.newest;
    for (let ms = 0; ms < lastsMs; ms += 10_000) {
      await clock.pass(Math.min(lastsMs, 10_000));
      socket.tells({ op: "heartbeat", positions: {} });
    }
    socket.ends();
    waits.push(live.connection.retryAtMs - clock.now());
    await clock.pass(waits[waits.length - 1]);
  }
  assert.deepEqual(waits, [500, 1000, 2000, 500, 1000]);
  live.stop();
});

test("somebody who cannot wait tries at once, also where it was told not to come again", async () => {
  const live = await begins();
  FakeSocket.newest.ends();
  live.reconnectNow();
  assert.equal(live.connection.status, "connecting");
  assert.equal(FakeSocket.made.length, 2);
  await clock.pass(14_000);
  assert.equal(FakeSocket.made.length, 2, "the try that was to come does not");

  FakeSocket.newest.opens();
  FakeSocket.newest.ends(4401, "nobody is known by this");
  assert.deepEqual([live.connection.status, live.connection.reason], ["over", "nobody is known by this"]);
  await clock.pass(3_600_000);
  assert.equal(FakeSocket.made.length, 2);
  live.reconnectNow();
  assert.equal(FakeSocket.made.length, 3);
  FakeSocket.newest.opens();
  assert.equal(live.connection.status, "open");
  live.stop();
});

for (const code of [4401, 4403, 4404]) {
  test(`it is over with ${code}, and what may not be seen any more is held no more`, async () => {
    const live = await begins();
    live.subscribe("space");
    FakeSocket.newest.opens();
    FakeSocket.newest.tells(snapshot);
    FakeSocket.newest.ends(code);
    assert.equal(live.connection.status, "over");
    assert.equal(live.connection.retryAtMs, null);
    assert.equal("space" in live.state.channels, code !== 4403);
    live.stop();
  });
}

for (const code of [1000, 1001, 1006, 1012, 4408, 4429, 4430]) {
  test(`it comes again after ${code}`, async () => {
    const live = await begins();
    FakeSocket.newest.opens();
    FakeSocket.newest.ends(code);
    assert.equal(live.connection.status, "waiting");
    live.stop();
  });
}

test("it goes on behind what it has seen, opens what it looks at first, and asks about what was open", async () => {
  const live = await begins();
  live.open("e");
  live.open("e");
  live.subscribe("space");
  live.subscribe("entity:e", { from: 0 });
  FakeSocket.newest.opens();
  assert.deepEqual(FakeSocket.newest.said, [
    { op: "open", entity: "e" },
    { op: "sub", channel: "space" },
    { op: "sub", channel: "entity:e", from: 0 },
  ]);
  FakeSocket.newest.tells(snapshot);
  FakeSocket.newest.tells(batch);
  live.pause("space");
  live.show("space", { at: "e.n" });
  FakeSocket.newest.ends();
  await clock.pass(500);
  FakeSocket.newest.opens();
  assert.deepEqual(FakeSocket.newest.said, [
    { op: "sub", channel: "space", from: 5, open: [2, 4] },
    { op: "pause", channel: "space" },
    { op: "presence", channel: "space", shown: { at: "e.n" } },
    { op: "open", entity: "e" },
    { op: "sub", channel: "entity:e", from: 0 },
  ]);
  live.close("e");
  assert.equal(FakeSocket.newest.said.length, 5, "it was opened twice");
  live.close("e");
  live.close("e");
  live.play("space");
  live.unsubscribe("space");
  assert.deepEqual(FakeSocket.newest.said.slice(5), [
    { op: "close", entity: "e" },
    { op: "play", channel: "space" },
    { op: "unsub", channel: "space" },
  ]);
  assert.deepEqual(live.state.channels, {});
  live.stop();
});

test("what comes twice is told once, and what somebody does when it opens is said once", async () => {
  const live = await begins();
  live.addEventListener("connection", () => live.connection.status === "open" && live.open("late"), { once: false });
  live.subscribe("space");
  FakeSocket.newest.opens();
  for (const frame of [snapshot, batch, batch, { ...batch, from: 2 }]) FakeSocket.newest.tells(frame);
  const completed = { op: "completed", channel: "space", traversal: 4, position: 5, nodes: {}, failed: {} };
  for (const frame of [completed, completed]) FakeSocket.newest.tells(frame);
  assert.deepEqual(told(live, "delta"), [{ channel: "space", delta: begun }]);
  assert.deepEqual(told(live, "completed"), [completed]);
  assert.equal(FakeSocket.newest.ops.filter((op) => op === "open").length, 1);
  live.stop();
});

test("changes of what is held are told together", async () => {
  const live = await begins();
  live.subscribe("space");
  FakeSocket.newest.opens();
  const before = live.state;
  FakeSocket.newest.tells(snapshot);
  FakeSocket.newest.tells(batch);
  assert.notEqual(live.state, before);
  assert.equal(told(live, "state").length, 0);
  await settled();
  assert.deepEqual(told(live, "state"), [live.state]);
  live.stop();
});

test("frames that are missing are asked for again", async () => {
  const live = await begins();
  live.subscribe("space");
  FakeSocket.newest.opens();
  FakeSocket.newest.tells(snapshot);
  FakeSocket.newest.tells({ ...batch, from: 4 });
  assert.deepEqual(FakeSocket.newest.said[1], { op: "sub", channel: "space", from: 3, open: [2] });
  assert.deepEqual(told(live, "delta"), []);
  FakeSocket.newest.tells(batch);
  assert.equal(told(live, "delta").length, 1);
  live.stop();
});

test("a log that ends before what was seen is begun with anew", async () => {
  const live = await begins();
  live.subscribe("space");
  FakeSocket.newest.opens();
  FakeSocket.newest.tells(snapshot);
  FakeSocket.newest.tells({ op: "error", error: "WrongPosition", message: "…", about: "space" });
  assert.deepEqual(FakeSocket.newest.said[1], { op: "sub", channel: "space" });
  assert.deepEqual(live.state.channels, {});
  FakeSocket.newest.tells({ ...snapshot, position: 1, as_of: 1 });
  assert.equal(live.state.channels.space.position, 1);
  assert.equal(told(live, "refused").length, 1);
  live.stop();
});

test("what is refused is told, and not asked for again", async () => {
  const live = await begins();
  live.subscribe("entity:no");
  live.open("no");
  FakeSocket.newest.opens();
  FakeSocket.newest.tells({ op: "error", error: "UnknownChannel", message: "…", about: "entity:no" });
  FakeSocket.newest.tells({ op: "error", error: "UnknownChannel", message: "…", about: "no" });
  assert.deepEqual(told(live, "refused").map((one) => one.about), ["entity:no", "no"]);
  FakeSocket.newest.ends();
  await clock.pass(500);
  FakeSocket.newest.opens();
  assert.deepEqual(FakeSocket.newest.said, []);
  live.stop();
});

test("with more open than it may ask about it begins with a snapshot", async () => {
  const live = await begins({
    state: { channels: { space: { position: 9, as_of: 0, nodes: {}, open: Array.from({ length: 1001 }, (_, n) => n) } }, partials: {}, presence: {} },
  });
  live.subscribe("space");
  FakeSocket.newest.opens();
  assert.deepEqual(FakeSocket.newest.said, [{ op: "sub", channel: "space" }]);
  live.stop();
});

test("it says no more at once than the server takes, and all of it", async () => {
  const live = await begins();
  for (let each = 0; each < 200; each++) live.open(`e${each}`);
  live.subscribe("space");
  FakeSocket.newest.opens();
  assert.equal(FakeSocket.newest.said.length, 60);
  for (let each = 0; each < 20; each++) {
    const before = FakeSocket.newest.said.length;
    await clock.pass(1000);
    assert.ok(FakeSocket.newest.said.length - before <= 16);
    FakeSocket.newest.tells({ op: "heartbeat", positions: {} });
  }
  const said = FakeSocket.newest.said.filter((one) => one.op !== "ping");
  assert.equal(said.length, 201);
  assert.equal(said[200].op, "sub", "what is looked at comes first");
  live.stop();
});

test("each heartbeat is answered, and a server that is told nothing else hears of it", async () => {
  const live = await begins();
  FakeSocket.newest.opens();
  FakeSocket.newest.tells({ op: "heartbeat", positions: {} });
  assert.deepEqual(FakeSocket.newest.said, [{ op: "ping" }]);
  // A server that has much to tell sends no heartbeats.
  for (let each = 0; each < 10; each++) {
    await clock.pass(9_000);
    FakeSocket.newest.tells({ op: "partial", node: "e.n", position: 1, number: each, preview: "" });
  }
  const pings = FakeSocket.newest.ops.filter((op) => op === "ping");
  assert.ok(pings.length >= 4 && pings.length <= 6, `${pings.length}`);
  live.stop();
});

test("a socket that is heard nothing of is asked, and given up where no answer comes", async () => {
  const live = await begins();
  FakeSocket.newest.opens();
  await clock.pass(20_000);
  assert.deepEqual(FakeSocket.newest.said, [{ op: "ping", is_asking: true }]);
  FakeSocket.newest.tells({ op: "heartbeat", positions: {} });
  await clock.pass(20_000);
  assert.equal(live.connection.status, "open");
  const socket = FakeSocket.newest;
  await clock.pass(10_000);
  assert.ok(socket.isClosed);
  assert.equal(live.connection.status, "waiting");
  assert.match(live.connection.reason, /says nothing/);
  socket.tells(snapshot);
  assert.deepEqual(live.state.channels, {}, "what a socket says that was given up counts no more");
  live.stop();
});

test("a socket that does not open is given up", async () => {
  const live = await begins();
  await clock.pass(15_000);
  assert.equal(live.connection.status, "waiting");
  assert.ok(FakeSocket.made[0].isClosed);
  live.stop();
});

test("a page that comes back to its network, or to somebody's eyes, does not wait", async () => {
  const page = Object.assign(new EventTarget(), { visibilityState: "visible" });
  const network = new EventTarget();
  globalThis.document = page;
  globalThis.window = network;
  try {
    const live = await begins();
    FakeSocket.newest.ends();
    page.visibilityState = "hidden";
    page.dispatchEvent(new Event("visibilitychange"));
    assert.equal(FakeSocket.made.length, 1);
    page.visibilityState = "visible";
    page.dispatchEvent(new Event("visibilitychange"));
    assert.equal(FakeSocket.made.length, 2);
    FakeSocket.newest.ends();
    network.dispatchEvent(new Event("online"));
    assert.equal(FakeSocket.made.length, 3);
    FakeSocket.newest.opens();
    // It slept: the socket looks open, and nobody is at its other end.
    network.dispatchEvent(new Event("online"));
    assert.deepEqual(FakeSocket.newest.said, [{ op: "ping", is_asking: true }]);
    await clock.pass(15_000);
    assert.notEqual(FakeSocket.newest, FakeSocket.made[2]);
    live.stop();
    const made = FakeSocket.made.length;
    network.dispatchEvent(new Event("online"));
    await clock.pass(60_000);
    assert.equal(FakeSocket.made.length, made, "what was stopped stays so");
    assert.deepEqual([live.connection.status, live.connection.reason], ["over", "stopped"]);
  } finally {
    delete globalThis.document;
    delete globalThis.window;
  }
});
