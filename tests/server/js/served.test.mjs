/** Against a real server: `WEFT_BASE` is its address behind a wire that is cut as these tests ask for. */
import assert from "node:assert/strict";
import test, { after } from "node:test";
import { EMPTY, Weft, apply, batchOf, news, replay } from "../../../src/weft/server/static/weft.js";
import { CLOCK } from "../../../src/weft/server/static/client/clock.js";

const base = process.env.WEFT_BASE;
const straight = process.env.WEFT_STRAIGHT;
const HOME = { space: "home" };
const LIMIT_MS = 30_000;
/** Those who come back are in no doubt when: at once. */
const soon = { ...CLOCK, random: () => 0 };
const weft = new Weft({ base, token: "key of ann", clock: soon });
const others = new Weft({ base: straight, token: "key of ben" });
const lives = [];
after(() => lives.forEach((live) => live.stop()));

async function ask(what, said = {}) {
  const headers = { "content-type": "application/json" };
  const answer = await fetch(`${straight}/test/${what}`, { method: "POST", headers, body: JSON.stringify(said) });
  return await answer.json();
}

/** A live client that notes what it is told. */
function follow(options, by = weft) {
  const live = by.live("home", options);
  live.deltas = [];
  live.completed = [];
  live.opened = 0;
  live.addEventListener("connection", ({ detail }) => (live.opened += detail.status === "open"));
  live.addEventListener("delta", ({ detail }) => live.deltas.push(detail));
  live.addEventListener("completed", ({ detail }) => live.completed.push(detail));
  lives.push(live);
  return live;
}

/** Once it is so: asked whenever something is told. */
function until(live, isSo) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`it does not come to that: ${isSo}`)), LIMIT_MS);
    const look = () => {
      if (!isSo()) return;
      clearTimeout(timer);
      types.forEach((type) => live.removeEventListener(type, look));
      resolve();
    };
    const types = ["state", "delta", "completed", "connection", "refused", "partial", "presence"];
    types.forEach((type) => live.addEventListener(type, look));
    look();
  });
}

const create = (fields = {}) => others.call("entities.create", { ...HOME, type: "Counted", fields });
const set = (entity, fields) => others.call("entities.patch", { ...HOME, entity, set: fields });
const positions = (live, channel = "space") =>
  live.deltas.filter((one) => one.channel === channel).map(({ delta }) => delta.position);
const head = async () => (await others.call("spaces.get", HOME)).position;

/** What the log says, from one position to another: what each client is to be told, each once. */
async function recorded(from, to) {
  const { events } = await others.call("events.find", { ...HOME, from: from + 1, limit: 1000 });
  return events.map((one) => one.position).filter((position) => position <= to);
}

test("a snapshot first, and then what follows", async () => {
  const made = await create({ number: 3 });
  await others.call("values.get", { ...HOME, entity: made.id, node: "doubled", wait_s: 30 });
  const live = follow();
  live.open(made.id);
  live.subscribe("space");
  live.subscribe(`entity:${made.id}`);
  await until(live, () => live.state.channels.space?.nodes[`${made.id}.doubled`]?.preview === "6");
  const begin = live.state.channels.space.as_of;
  const { told } = await set(made.id, { number: 4 });
  await until(live, () => live.completed.filter((one) => one.traversal === told).length === 2);
  assert.equal(live.state.channels.space.nodes[`${made.id}.doubled`].preview, "8");
  assert.deepEqual(live.state.channels.space.open, []);
  const end = live.state.channels.space.position;
  assert.deepEqual(positions(live).filter((one) => one > begin), await recorded(begin, end));
  const [, own] = live.completed.map((one) => one.channel).sort().reverse();
  assert.equal(own, `entity:${made.id}`);
  live.stop();
});

test("each delta once, and in order, wherever the connection is cut", async () => {
  const made = await create({ number: 5 });
  for (const is_half of [false, true]) {
    for (let frames = 0; frames < 6; frames++) {
      const began = await head();
      const live = follow({ state: { ...EMPTY, channels: { space: { position: began, as_of: began, nodes: {}, open: [] } } } });
      const { cuts } = await ask("wire", { frames, is_half });
      live.open(made.id);
      live.subscribe("space");
      const told = [];
      for (let each = 0; each < 3 || (await ask("wire")).cuts === cuts; each++) {
        told.push((await set(made.id, { number: 1000 + 100 * frames + 2 * each + (is_half ? 1 : 0) })).told);
        await others.call("values.get", { ...HOME, entity: made.id, node: "digits", wait_s: 30 });
      }
      await until(live, () => told.every((one) => live.completed.some(({ traversal }) => traversal === one)));
      const end = live.state.channels.space.position;
      assert.deepEqual(positions(live), await recorded(began, end), `cut behind ${frames} frames`);
      const mine = live.completed.map((one) => one.traversal).filter((one) => told.includes(one));
      assert.deepEqual(mine, told, "each was completed once");
      live.stop();
    }
  }
});

test("each delta once, where each connection lives for no more than one frame", async () => {
  const made = await create({ number: 6 });
  await ask("wire", { each: 1 });
  const live = follow();
  live.open(made.id);
  live.subscribe("space", { from: 0 });
  const told = [];
  for (let each = 0; each < 4; each++) told.push((await set(made.id, { number: 60 + each })).told);
  await until(live, () => told.every((one) => live.completed.some(({ traversal }) => traversal === one)));
  await ask("wire", { each: null });
  assert.ok(live.opened > 4);
  assert.deepEqual(positions(live), await recorded(0, live.state.channels.space.position));
  const traversals = live.completed.map((one) => one.traversal);
  assert.equal(new Set(traversals).size, traversals.length, "each was completed once");
  live.stop();
});

test("what is held after many cuts is what a snapshot says", async () => {
  const made = await create({ number: 7 });
  const live = follow();
  live.open(made.id);
  live.subscribe("space", { from: 0 });
  for (let each = 0; each < 6; each++) {
    const { told } = await set(made.id, { number: 20 + each });
    await ask("wire", { cut: true });
    await until(live, () => live.completed.some((one) => one.traversal === told));
  }
  const anew = follow({}, others);
  anew.subscribe("space");
  await until(anew, () => anew.state.channels.space !== undefined);
  await until(live, () => live.state.channels.space.position >= anew.state.channels.space.as_of);
  assert.deepEqual(live.state.channels.space.nodes, anew.state.channels.space.nodes);
  assert.deepEqual(positions(live), await recorded(0, live.state.channels.space.position));
  for (const one of [live, anew]) one.stop();
});

test("views are opened anew, so that what is looked at goes on to be computed", async () => {
  const made = await create({ number: 8 });
  const live = follow();
  live.open(made.id);
  live.subscribe("space");
  await until(live, () => live.state.channels.space?.nodes[`${made.id}.doubled`] !== undefined);
  const before = (await ask("look")).came;
  await ask("wire", { cut: true });
  await until(live, () => live.opened === 2);
  const { told } = await set(made.id, { number: 9 });
  await until(live, () => live.state.channels.space.nodes[`${made.id}.doubled`].preview === "18");
  await until(live, () => live.completed.some((one) => one.traversal === told));
  const { came, open } = await ask("look");
  assert.ok(came > before);
  assert.ok(open.includes(made.id));
  live.close(made.id);
  live.stop();
});

test("a server that is away is waited for, and its return is noticed at once by somebody who cannot wait", async () => {
  const patient = new Weft({ base, token: "key of ann", clock: { ...CLOCK, random: () => 1 } });
  const live = follow({}, patient);
  live.subscribe("space");
  await until(live, () => live.state.channels.space !== undefined);
  await ask("wire", { is_down: true, cut: true });
  await until(live, () => live.connection.attempt === 2);
  const { position } = live.state.channels.space;
  const made = await create({ number: 1 });
  await ask("wire", { is_down: false });
  const waits = live.connection.retryAtMs;
  live.reconnectNow();
  await until(live, () => live.connection.status === "open");
  assert.ok(waits === null || Date.now() < waits || waits <= Date.now());
  await until(live, () => positions(live).some((one) => one > position));
  assert.ok(live.deltas.some(({ delta }) => delta.node.includes(made.id)));
  live.stop();
});

test("who is let in no longer is told so, and is not asked again", async () => {
  await ask("let in", { user: "carol" });
  const carol = new Weft({ base, token: "key of carol", clock: soon });
  const live = follow({}, carol);
  live.subscribe("space");
  await until(live, () => live.state.channels.space !== undefined);
  await ask("revoke", { user: "carol" });
  await until(live, () => live.connection.status === "over");
  assert.match(live.connection.reason, /nobody has this key/);
  const { came } = await ask("look");
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal((await ask("look")).came, came);
  await assert.rejects(carol.call("spaces.find"), { code: 401 });
  assert.equal(await carol.whoami(), null);

  await ask("let in", { user: "carol" });
  live.reconnectNow();
  await until(live, () => live.connection.status === "open");
  live.stop();
});

test("what was said over a wire that was cut is done once", async () => {
  await weft.call("spaces.find"); // the description is there
  const began = await head();
  await ask("wire", { lost: 1 });
  const made = await weft.call("entities.create", { ...HOME, type: "Counted", fields: { number: 6 } });
  await ask("wire", { lost: 2 });
  await weft.call("entities.patch", { ...HOME, entity: made.id, set: { number: 66 } });
  const { events } = await others.call("events.find", { ...HOME, from: began + 1 });
  assert.equal(events.filter((one) => one.type === "traversal.started").length, 2);
  assert.equal((await ask("wire")).lost, 0);
});

test("content goes there and back, and what is computed of it is right", async () => {
  const content = new Uint8Array(100_000).map((_, index) => index % 251);
  const blob = await weft.upload("home", content, { mediaType: "image/png" });
  const made = await create({ number: 1 });
  await weft.call("entities.patch", { ...HOME, entity: made.id, add: { photos: [blob] }, wait_s: 30 });
  const sizes = await weft.call("values.get", { ...HOME, entity: made.id, node: "sizes", wait_s: 30 });
  assert.deepEqual(sizes.value, [100_000]);
  const address = blob.blob["/"];
  const back = await weft.call("blobs.get", { ...HOME, blob: address });
  assert.deepEqual(new Uint8Array(await back.arrayBuffer()), content);
  const fetched = await fetch(weft.blobUrl("home", address), { headers: { authorization: "Bearer key of ann" } });
  assert.equal((await fetched.arrayBuffer()).byteLength, 100_000);
});

test("a replay tells every value that was recorded, and calls nothing", async () => {
  const made = await create({ number: 11 });
  const live = follow();
  live.open(made.id);
  live.subscribe("space");
  await until(live, () => live.state.channels.space?.nodes[`${made.id}.doubled`] !== undefined);
  const asked = [];
  for (const number of [12, -1, 13]) {
    asked.push((await set(made.id, { number })).told);
    await until(live, () => live.completed.some((one) => one.traversal === asked[asked.length - 1]));
  }
  live.stop();
  const calls = await ask("calls");

  const console_ = [];
  for await (const one of replay(weft, "home", { channel: `entity:${made.id}` })) console_.push(one);
  const values = (node) => console_.filter((one) => one.node === `${made.id}.${node}` && "value" in one).map((one) => one.value);
  assert.deepEqual(values("doubled"), [22, 24, 26]);
  assert.deepEqual(values("digits"), [["22"], ["22", "44"], ["22", "66"]]);
  const lengths = console_.filter((one) => one.node.startsWith(`${made.id}.lengths[`));
  const shown = lengths.filter((one) => one.type !== "node.removed");
  assert.ok(shown.length >= 3);
  assert.ok(shown.every((one) => one.value === 2));
  assert.equal(console_.filter((one) => one.type === "node.failed").length > 0, true);
  const told = console_.filter((one) => one.type === "traversal.started");
  assert.deepEqual(told.slice(-1)[0].intents, [[made.id, "number", "set", 13]]);
  assert.deepEqual(console_.map((one) => one.position), [...console_.map((one) => one.position)].sort((one, other) => one - other));

  const one = [];
  for await (const activity of replay(weft, "home", { traversal: asked[0] })) one.push(activity);
  assert.ok(one.every((activity) => activity.traversal === asked[0]));
  assert.deepEqual(one.find((activity) => activity.node === `${made.id}.doubled`).value, 24);
  assert.deepEqual(one[0].intents, [[made.id, "number", "set", 12]]);

  // The same `apply` makes of it what was there live.
  let state = EMPTY;
  for await (const activity of replay(weft, "home", { values: false })) state = apply(state, batchOf(state, "space", [activity]));
  const anew = follow({}, others);
  anew.subscribe("space");
  await until(anew, () => anew.state.channels.space !== undefined);
  assert.deepEqual(state.channels.space.nodes, anew.state.channels.space.nodes);
  anew.stop();
  assert.deepEqual(await ask("calls"), calls, "nothing was called for it");
});

test("a run is replayed by what its steps came to", async () => {
  const made = await create({ number: 5, state: "submitted" });
  const find = async () => (await weft.call("questions.find", HOME)).questions.find((one) => one.entity === made.id);
  const live = follow();
  live.subscribe("space", { from: 0 });
  let question;
  await until(live, () => {
    find().then((found) => (question ??= found) && live.dispatchEvent(new Event("state")));
    return question !== undefined;
  });
  await weft.call("questions.answer", { ...HOME, question: question.id, answer: { yes: true } });
  await until(live, () => live.deltas.some(({ delta }) => delta.node === `${made.id}.approve` && delta.preview.includes("returned")));
  live.stop();

  const told = [];
  for await (const one of replay(weft, "home", { run: question.run })) told.push(...one.intents.map((intent) => intent.slice(2)));
  assert.deepEqual(told.map(([verb]) => verb), ["fire", "begin", "step", "answer", "done", "end"]);
  assert.deepEqual(told[5].slice(-1), ["approved"]);
});

test("somebody is seen by the others on a channel, also after a cut", async () => {
  const [ann, ben] = [follow(), follow({}, others)];
  for (const live of [ann, ben]) live.subscribe("space");
  ann.show("space", { at: "the shelf" });
  const seen = () => Object.values(ben.state.presence.space ?? {}).map(([user, shown]) => [user, shown.at]);
  await until(ben, () => seen().length === 1);
  assert.deepEqual(seen(), [["ann", "the shelf"]]);
  const [before] = Object.keys(ben.state.presence.space);
  await ask("wire", { cut: true });
  await until(ann, () => ann.opened === 2);
  await until(ben, () => seen().length === 1 && !(before in ben.state.presence.space));
  ann.stop();
  await until(ben, () => seen().length === 0);
  ben.stop();
});
