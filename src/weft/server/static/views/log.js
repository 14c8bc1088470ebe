// The log: what happened, newest first, as it happens; further back on demand; and what was superseded.
import { html, useEffect, useRef, useState } from "../lib.js";
import { link } from "../route.js";
import { entitiesOf, soon } from "../space.js";
import { placeOf } from "../parts/standing.js";
import { Value } from "../parts/value.js";
import { readable } from "../parts/blob.js";
import { Failure, Quiet, Time, count, spelt, text } from "../parts/words.js";

const PAGE = 100;
const HELD_MAX = 2000;
const WHEN_MS = 1000;
const WORDS = {
  "traversal.started": "Told", "node.settled": "Settled", "node.reused": "Reused", "node.superseded": "Superseded", "node.failed": "Failed",
  "node.removed": "Removed", "event.refused": "Refused", definition: "Definition", service: "Service", "node.impure": "Impure", erased: "Erased",
};
const STANDING = {
  "traversal.started": "told", "node.settled": "settled", "node.reused": "settled", "node.superseded": "stale", "node.failed": "failed",
  "event.refused": "failed", "node.impure": "failed",
};
const KINDS = [
  ["", "All", () => true],
  ["told", "Told", (one) => one === "traversal.started" || one === "event.refused"],
  ["results", "Results", (one) => ["node.settled", "node.reused", "node.removed"].includes(one)],
  ["failures", "Failures", (one) => ["node.failed", "event.refused", "node.impure"].includes(one)],
  ["superseded", "Superseded", (one) => one === "node.superseded"],
];

export default function Log({ space, route }) {
  const { events, oldest, error, more, isBusy } = useLog(space);
  const [kind, , fits] = KINDS.find(([one]) => one === (route.query.show ?? "")) ?? KINDS[0];
  const shown = events.filter((one) => fits(one.type));
  return html`<div class="page-head"><h1>Log</h1><span class="soft">At position ${space.position.value.toLocaleString("en-GB")}</span></div>
    <nav class="chips" aria-label="What is shown">${KINDS.map(([one, words]) => html`<a key=${one} href=${link(space.name, "log", { show: one })} aria-current=${one === kind ? "true" : undefined}>${words}</a>`)}</nav>
    ${error && html`<${Failure} title="The log could not be read" why=${error} again=${more} />`}
    ${events.length === 0 && !error && html`<${Quiet}>${isBusy ? "Loading…" : "Nothing has happened yet."}<//>`}
    ${events.length > 0 && shown.length === 0 && html`<${Quiet}>None among the newest ${count(events.length, "entry", "entries")}.<//>`}
    <ol class="log card">${shown.map((one) => html`<${Row} key=${one.position} space=${space} one=${one} />`)}</ol>
    ${oldest > 1 && html`<div class="row center"><button disabled=${isBusy} onClick=${more}>${isBusy ? "Loading…" : "Show older"}</button></div>`}`;
}

/** The entries from `oldest` on, newest first. What happens meanwhile comes as deltas, each once. */
function useLog(space) {
  const [found, setFound] = useState({ events: [], oldest: space.position.peek() + 1, error: null, isBusy: true });
  const state = useRef({ isOver: false, oldest: space.position.peek() + 1, byPosition: new Map() }).current;
  const show = (said = {}) => {
    if (state.isOver) return;
    const events = [...state.byPosition.values()].sort((one, other) => other.position - one.position);
    setFound((before) => ({ ...before, events, oldest: state.oldest, ...said }));
  };
  const more = async () => {
    show({ isBusy: true, error: null });
    try {
      const from = Math.max(1, state.oldest - PAGE);
      // Of what a reader may not see nothing is given: so a page may be short, and is read by positions.
      for (let at = from; at !== null && at < state.oldest; ) {
        const { events, next } = await space.call("events.find", { from: at, limit: PAGE });
        for (const one of events) if (!state.byPosition.has(one.position)) state.byPosition.set(one.position, one);
        at = next;
      }
      state.oldest = from;
      show({ isBusy: false });
    } catch (error) {
      show({ isBusy: false, error });
    }
  };
  /** What comes by itself does not say when it was: that is asked for, where the server can say it. */
  const when = (position) => {
    state.untimed = Math.min(state.untimed ?? position, position);
    state.timing ??= soon(async () => {
      const from = state.untimed;
      state.untimed = undefined;
      try {
        const { events } = await space.call("events.find", { from, limit: PAGE });
        for (const one of events) if (state.byPosition.has(one.position)) state.byPosition.set(one.position, one);
        show();
      } catch {
        // It is shown without its time.
      }
    }, WHEN_MS);
    state.timing();
  };
  /** The older half, which can be had again. */
  const forget = () => {
    const positions = [...state.byPosition.keys()].sort((one, other) => one - other);
    for (const one of positions.slice(0, HELD_MAX / 2)) state.byPosition.delete(one);
    state.oldest = positions[HELD_MAX / 2];
  };
  useEffect(() => {
    let timer = null;
    const off = space.onDelta((delta) => {
      state.byPosition.set(delta.position, delta);
      if (delta.at === undefined && [...state.byPosition.values()].some((one) => one.at)) when(delta.position);
      if (state.byPosition.size > HELD_MAX) forget();
      timer ??= requestAnimationFrame(() => ((timer = null), show()));
    });
    more();
    return () => {
      state.isOver = true;
      state.timing?.cancel();
      cancelAnimationFrame(timer);
      off();
    };
  }, [space]);
  return { ...found, more };
}

function Row({ space, one }) {
  const [isOpen, setOpen] = useState(false);
  const parts = entitiesOf(one.node);
  const places = one.node.split(", ").map(placeOf).filter(Boolean);
  const nodes = [...new Set(places.map((each) => spelt(each.node)))];
  const isEntity = !["definition", "service"].includes(one.type);
  return html`<li class="entry" data-type=${one.type}>
    <span class="figure soft entry-at">${one.position}</span>
    <span class="standing" data-standing=${STANDING[one.type] ?? "absent"}>${WORDS[one.type] ?? one.type}</span>
    <div class="entry-body">
      <p>${isEntity ? parts.slice(0, 3).map((id, at) => html`${at > 0 && ", "}<a key=${id} href=${link(space.name, "charm", id)}>${space.nameFor(id)}</a>`) : one.node}
        ${nodes.length > 0 && html` <span class="soft">${nodes.slice(0, 4).join(", ")}${nodes.length > 4 ? "…" : ""}</span>`}
        ${one.by && html` <span class="soft small">by ${one.by}</span>`}${one.at && html` <span class="soft small"><${Time} at=${one.at} /></span>`}</p>
      ${one.preview && html`<p class=${one.type === "node.superseded" ? "small superseded" : "soft small"}>${readable(one.preview)}</p>`}
      ${isOpen && html`<${Details} space=${space} position=${one.position} />`}
    </div>
    <button class="plain entry-more" aria-expanded=${isOpen} aria-label=${`Details of entry ${one.position}`} onClick=${() => setOpen(!isOpen)}>${isOpen ? "Less" : "More"}</button>
  </li>`;
}

function Details({ space, position }) {
  const [found, setFound] = useState(null);
  useEffect(() => {
    let isOver = false;
    space.call("events.get", { position }).then((answer) => isOver || setFound({ answer }), (error) => isOver || setFound({ error }));
    return () => (isOver = true);
  }, [position]);
  if (!found) return html`<p class="soft small">Loading…</p>`;
  if (found.error) return html`<p class="wrong-text">${text(found.error)}</p>`;
  return html`<div class="details"><${Value} value=${found.answer.said} space=${space} depth=${1} /></div>`;
}
