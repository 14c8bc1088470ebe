import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";
import { EMPTY, FrameMissing, apply, batchOf, news } from "../../../src/weft/server/static/weft.js";

const said = JSON.parse(readFileSync(new URL("../fixtures/client_state.json", import.meta.url), "utf8"));

for (const { rule, steps } of [{ rule: "a real run", steps: said.steps }, ...said.rules]) {
  test(`as the server's own client holds it: ${rule}`, () => {
    let state = EMPTY;
    for (const { frame, news: known, missing, state: after } of steps) {
      const before = structuredClone(state);
      assert.deepEqual(news(state, frame), known);
      if (missing === undefined) {
        const next = apply(state, frame);
        assert.deepEqual(state, before, "what was given is not changed");
        state = next;
      } else {
        assert.throws(() => apply(state, frame), (error) => error instanceof FrameMissing && error.position === missing);
      }
      assert.deepEqual(JSON.parse(JSON.stringify(state)), { ...EMPTY, ...after });
    }
  });
}

test("how nodes stand that are not settled is the newest that was said", () => {
  const said = (number, nodes, is_whole = false) => ({ op: "states", channel: "space", number, nodes, is_whole });
  const [queued, started] = ["node.queued", "node.started"].map((type) => ({ type, since: "", why: "", needs: [] }));
  let state = apply(EMPTY, said(4, { "e.n": queued, "e.m": queued }, true));
  state = apply(state, said(6, { "e.n": started, "e.m": null, "e.k": null }));
  assert.deepEqual(state.states, { space: { number: 6, nodes: { "e.n": started } } });
  assert.equal(apply(state, said(5, {}, true)), state);
  assert.deepEqual(apply(state, said(7, { "e.k": queued }, true)).states.space.nodes, { "e.k": queued });
});

test("what was recorded is applied like what comes live", () => {
  const batch = said.steps.find(({ frame }) => frame.op === "batch" && frame.from === 0).frame;
  const whole = apply(EMPTY, batch);
  let state = EMPTY;
  for (const delta of batch.deltas) state = apply(state, batchOf(state, batch.channel, [delta]));
  assert.deepEqual(state.channels[batch.channel].nodes, whole.channels[batch.channel].nodes);
});

test("frames of a kind that only a newer server knows change nothing", () => {
  assert.equal(apply(EMPTY, { op: "weather", channel: "space", at: "sunny" }), EMPTY);
});
