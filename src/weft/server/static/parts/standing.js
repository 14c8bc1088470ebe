// How a value stands, in a word and a colour; and what failed, with its cause, what was right before, and a way to retry.
// Knows nothing of where values are shown.
import { html, useState } from "../lib.js";
import { link } from "../route.js";
import { readable } from "./blob.js";
import { told } from "./toasts.js";
import { Value } from "./value.js";
import { spelt } from "./words.js";

export const WORDS = {
  told: "Told", settled: "Settled", failed: "Failed", absent: "Absent",
  running: "Being computed", partial: "Streaming", stale: "Being computed anew", paused: "Paused",
};

/** How a node, or an element, stands: `said` is what the server says of it, `partial` what streams now. */
export function standing(said, partial, isPaused = false) {
  if (said.state !== "due") return said.state;
  if (isPaused) return "paused";
  if (partial) return "partial";
  return said.value !== undefined || said.last !== undefined ? "stale" : "running";
}

/** How a node stands as a whole, and in which words: a list of which elements failed has failed, whatever it shows. */
export function standingWhole(node, partial, isPaused = false) {
  const is = standing(node, partial, isPaused);
  const failed = node.elements?.filter((one) => one.state === "failed").length ?? 0;
  if (!failed || !["settled", "failed"].includes(is)) return { is, words: "" };
  return { is: "failed", words: failed < node.elements.length ? `${failed} of ${node.elements.length} failed` : "" };
}

/** What is said in place of that, where the server says how it waits. */
const WAITS = { "node.queued": "Waits to begin", "node.waiting": "Waits" };

export const Standing = ({ is, stands, words }) => html`<span class="standing" data-standing=${is}>${words || (is === "running" && WAITS[stands?.type]) || (WORDS[is] ?? spelt(is))}</span>`;

/** What it waits for, where it does. */
export function Waited({ charm, stands }) {
  const needs = (stands?.needs ?? []).map(placeOf).filter(Boolean);
  const words = needs.map(({ entity, node }) => (entity === charm.id ? spelt(node) : `${spelt(node)} of ${charm.space.nameFor(entity)}`));
  const said = [words.length > 0 && `Waits for ${[...new Set(words)].join(", ")}`, stands?.why].filter(Boolean).join(". ");
  return said && html`<p class="soft small">${said}</p>`;
}

/** What failed: `said` has `error`, and perhaps `origin` and `last`. */
export function Failed({ charm, node, element, said }) {
  const [isBusy, setBusy] = useState(false);
  const { space } = charm;
  const retry = async () => {
    setBusy(true);
    try {
      await space.call("values.retry", { entity: charm.id, node, element });
      charm.read();
    } catch (why) {
      told(why);
    }
    setBusy(false);
  };
  const [kind, ...words] = String(said.error).split(": ");
  const cause = words.join(": ");
  const at = placeOf(said.origin);
  return html`<div class="failure">
    <p><strong>${readable(cause || kind)}</strong>${cause && html` <span class="soft small">${kind}</span>`}</p>
    ${at && html`<p class="small">It began in <a href=${link(space.name, "charm", at.entity)}>${spelt(at.node)} of ${space.nameFor(at.entity)}</a></p>`}
    ${space.may("operate") && html`<button type="button" disabled=${isBusy} onClick=${retry}>${isBusy ? "Trying again…" : "Try again"}</button>`}
  </div>
  ${said.last !== undefined && html`<div class="last"><p class="soft small">Last good value</p><${Value} value=${said.last} space=${space} entity=${charm.id} /></div>`}`;
}

/** ENTITY.NODE[ELEMENT] in its parts; null for what is none. */
export function placeOf(text) {
  const found = /^([^.]+)\.([^.[\]]+)(?:\[([\s\S]*)\])?$/.exec(text ?? "");
  return found && { entity: found[1], node: found[2], element: found[3] ?? "" };
}
