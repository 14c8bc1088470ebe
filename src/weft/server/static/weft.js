/**
 * Weft from JavaScript: calls of a server's methods, its spaces live, and replays of what was recorded.
 *
 * Works in browsers and in node, and needs no other package. See docs/reference/weft-js.md.
 *
 *     import { Weft } from "/static/weft.js";
 *     const weft = new Weft();
 *     const made = await weft.call("entities.create", { space: "home", type: "Sum", fields: { n: 4 } });
 *     const live = weft.live("home");
 *     live.addEventListener("state", () => console.log(live.state.channels.space.nodes));
 *     live.open(made.id);
 *     live.subscribe("space");
 *
 * @module weft
 */
export { Weft, WeftError } from "./client/calls.js";
export { Live } from "./client/live.js";
export { EMPTY, FrameMissing, apply, batchOf, news } from "./client/state.js";
export { replay } from "./client/replay.js";
