import assert from "node:assert/strict";
import test from "node:test";
import { Weft, WeftError } from "../../../src/weft/server/static/weft.js";
import { FakeClock, settled } from "./clock.mjs";

const ONCE = { name: "Idempotency-Key", in: "header" };
const BODY = { content: { "application/json": {} } };
const description = {
  paths: {
    "/api/spaces/{space}/things": {
      get: { operationId: "things.find", parameters: [{ name: "limit", in: "query" }] },
      post: { operationId: "things.create", parameters: [ONCE], requestBody: BODY },
    },
    "/api/spaces/{space}/things/{thing}": { delete: { operationId: "things.remove", parameters: [] } },
    "/api/spaces/{space}/blobs": { post: { operationId: "blobs.create", parameters: [] } },
  },
};
const json = (body, status = 200, headers = {}) =>
  new Response(JSON.stringify(body), { status, headers: { "content-type": "application/json", ...headers } });
const refused = {
  name: "NotFound", message: "no", code: 404, className: "not-found", data: { error: "X" }, errors: {},
};

/** A client of a server that answers so, one after another; what is a function is called. */
function client(...answers) {
  const asked = [];
  const clock = new FakeClock();
  const fetch = async (url, request) => {
    if (url.endsWith("/openapi.json")) return json(description);
    asked.push({ url, ...request, body: typeof request.body === "string" ? JSON.parse(request.body) : request.body });
    const answer = answers.length > 1 ? answers.shift() : answers[0];
    return await (typeof answer === "function" ? answer(request) : answer.clone());
  };
  const weft = new Weft({ base: "http://x/", token: "t", fetch, clock });
  return { weft, asked, clock };
}
const fails = () => Promise.reject(new TypeError("fetch failed"));

test("what is given goes where the server's description says", async () => {
  const { weft, asked } = client(json({ done: true }));
  await weft.call("things.find", { space: "a b/c", limit: 3, after: undefined });
  await weft.call("things.create", { space: "home", name: "n", once: "mine" });
  await weft.call("things.remove", { space: "home", thing: "t", why: "no more" });
  const said = asked.map(({ url, method, body, headers }) => [method, url, body, headers["Weft-Request"]]);
  assert.deepEqual(said, [
    ["GET", "http://x/api/spaces/a%20b%2Fc/things?limit=3", undefined, "1"],
    ["POST", "http://x/api/spaces/home/things", { name: "n", once: "mine" }, "1"],
    ["DELETE", "http://x/api/spaces/home/things/t?why=no+more", undefined, "1"],
  ]);
  assert.equal(asked[0].headers.Authorization, "Bearer t");
});

test("what is no method, and a path with a gap in it, are refused before anything is sent", async () => {
  const { weft, asked } = client(json({}));
  await assert.rejects(weft.call("things.burn"), /no method things.burn. It has things.find/);
  for (const space of [undefined, "", "..", null]) {
    await assert.rejects(weft.call("things.find", { space }), /things.find needs space/);
  }
  assert.deepEqual(asked, []);
});

test("what changes something is said again under one name, and what has none is not", async () => {
  const { weft, asked, clock } = client(fails, fails, json({ done: true }));
  const made = weft.call("things.create", { space: "home" });
  await clock.pass(60_000);
  assert.deepEqual(await made, { done: true });
  assert.equal(asked.length, 3);
  assert.equal(new Set(asked.map(({ body }) => body.once)).size, 1);
  assert.match(asked[0].body.once, /^[0-9a-f]{32}$/);

  const other = client(fails);
  await assert.rejects(other.weft.call("things.remove", { space: "home", thing: "t" }), (error) => {
    return error instanceof WeftError && error.code === 0 && error.name === "Unreachable";
  });
  assert.equal(other.asked.length, 1, "nobody knows whether it was done");
});

test("it gives up in the end, and waits longer each time", async () => {
  const { weft, asked, clock } = client(fails);
  const failed = assert.rejects(weft.call("things.find", { space: "home" }), /gave no answer \(fetch failed\)/);
  await clock.pass(120_000);
  await failed;
  assert.equal(asked.length, 6);
  assert.deepEqual(clock.waits.filter((ms) => ms !== 30_000), [300, 600, 1200, 2400, 4800]);
});

test("what the server refuses is an error of its own, and is not said again", async () => {
  const { weft, asked } = client(json(refused, 404));
  await assert.rejects(weft.call("things.create", { space: "home" }), (error) => {
    assert.ok(error instanceof WeftError);
    const { name, message, code, className, data, errors } = error;
    assert.deepEqual({ name, message, code, className, data, errors }, refused);
    return true;
  });
  assert.equal(asked.length, 1);
});

test("too many calls wait as long as they are told, and what stands between is no answer", async () => {
  const many = json({ ...refused, code: 429, name: "TooManyRequests" }, 429, { "retry-after": "7" });
  const between = new Response("<html>", { status: 502, headers: { "content-type": "text/html" } });
  const { weft, asked, clock } = client(many, between, json({ done: true }));
  const made = weft.call("things.create", { space: "home" });
  await clock.pass(6_999);
  assert.equal(asked.length, 1);
  await clock.pass(10_000);
  assert.deepEqual(await made, { done: true });

  const always = client(many);
  const failed = assert.rejects(always.weft.call("things.find", { space: "home" }), { code: 429 });
  await always.clock.pass(60_000);
  await failed;
});

test("a call that never comes back is given up, later where it was told to wait", async () => {
  const hangs = ({ signal }) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
  for (const [wait_s, ms] of [[undefined, 30_000], [60, 90_000]]) {
    const { weft, asked, clock } = client(hangs, json({ done: true }));
    const made = weft.call("things.create", { space: "home", wait_s });
    await clock.pass(ms - 1);
    assert.equal(asked.length, 1);
    await clock.pass(1000);
    assert.deepEqual(await made, { done: true });
  }
});

test("somebody who stops a call is told so at once", async () => {
  const { weft, asked, clock } = client(fails);
  const stopped = new AbortController();
  const failed = assert.rejects(weft.call("things.find", { space: "home" }, { signal: stopped.signal }), /enough/);
  await settled();
  stopped.abort(new Error("enough"));
  await failed;
  await clock.pass(60_000);
  assert.equal(asked.length, 1);
});

test("who stops a call stops no other that waits for the same description", async () => {
  let answer;
  const described = new Promise((resolve) => (answer = resolve));
  const fetch = async (url) => (url.endsWith("/openapi.json") ? (await described).clone() : json({ done: true }));
  const weft = new Weft({ base: "http://x", fetch, clock: new FakeClock() });
  const stopped = new AbortController();
  const failed = assert.rejects(weft.call("things.find", { space: "home" }, { signal: stopped.signal }), /enough/);
  const made = weft.call("things.find", { space: "home" });
  stopped.abort(new Error("enough"));
  await failed;
  answer(json(description));
  assert.deepEqual(await made, { done: true });
});

test("a description that could not be had is asked for again", async () => {
  let times = 0;
  const fetch = async () => {
    times += 1;
    return times === 1 ? json({ ...refused, code: 401, name: "NotAuthenticated" }, 401) : json(description);
  };
  const weft = new Weft({ base: "http://x", fetch, clock: new FakeClock() });
  await assert.rejects(weft.call("things.find", { space: "home" }), { code: 401 });
  assert.ok(await weft.call("things.find", { space: "home" }));
});

test("who is known is what the server says, and nobody where it knows nobody", async () => {
  const whoami = { "/api/whoami": { get: { operationId: "users.whoami", parameters: [] } } };
  const said = { user: "ann", capabilities: ["read"] };
  for (const [status, paths, found] of [
    [200, { ...description.paths, ...whoami }, said],
    [200, description.paths, { user: null, capabilities: null }],
    [401, {}, null],
  ]) {
    const described = json(status === 401 ? { ...refused, code: 401 } : { paths }, status);
    const fetch = async (url) => (url.endsWith("/openapi.json") ? described : json(said));
    assert.deepEqual(await new Weft({ base: "http://x", fetch, clock: new FakeClock() }).whoami(), found);
  }
});

test("what is uploaded is told what it is, and how far it is", async () => {
  const { weft, asked } = client(json({ cid: "b" }));
  const told = [];
  const blob = new Blob(["abc"], { type: "image/png" });
  await weft.upload("home", blob, { entity: "e", onProgress: (...said) => told.push(said) });
  assert.equal(asked[0].url, "http://x/api/spaces/home/blobs?entity=e&media_type=image%2Fpng");
  assert.equal(asked[0].headers["Content-Type"], "application/octet-stream");
  assert.deepEqual(told, [[3, 3]]);
  assert.equal(weft.blobUrl("home", "b", "e"), "http://x/api/spaces/home/blobs/b?entity=e");
});
