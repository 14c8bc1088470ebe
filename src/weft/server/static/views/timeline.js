// What happened along the log's positions, and everything as it was at any of them.
// Knows nothing of how the past is read.
import { html, useEffect, useMemo, useRef, useState } from "../lib.js";
import { link } from "../route.js";
import { useAnswer, useCharms } from "../use.js";
import { Branches } from "../parts/branches.js";
import { Fold } from "../parts/fold.js";
import { readable } from "../parts/blob.js";
import { count, Failure, inWords, nameOf, Quiet, Time, typeWords } from "../parts/words.js";
import { thenOf } from "../past/changes.js";
import { placesOf } from "../graph/states.js";
import { along, bars, lanes, stretch } from "../past/lanes.js";
import { Then } from "./compare.js";

const SHOWN = 200;
const LANES = 14;
const CHARMS = 8;
const REST_MS = 160;

export default function Timeline({ space, entity, route }) {
  const head = space.position.value;
  const asked = Number.parseInt(route.query.at, 10);
  const wanted = Number.isFinite(asked) && asked < head ? Math.max(1, asked) : null;
  const [at, setAt] = useState(wanted);
  useEffect(() => setAt(wanted), [route.query]); // a link leads here; what is scrubbed to changes no route
  const now = Math.max(1, head);
  const here = at ?? now;
  const isPast = at !== null && at < head;
  const looked = useRested(here);
  const charms = useCharms(space);
  useEffect(() => {
    const parts = entity ? ["charm", entity.id, "history"] : ["timeline"];
    history.replaceState(history.state, "", link(space.name, ...parts, { at: isPast ? looked : "" }));
  }, [isPast && looked, entity?.id]);
  return html`<section class="stack timeline">
    <div class="row spread">${entity ? html`<h2>History</h2>` : html`<h1>Timeline</h1>`}
      <a class="button plain" href=${link(space.name, "compare", { entity: entity?.id })}>Compare two positions</a></div>
    <${Scrub} space=${space} at=${here} head=${now} isPast=${isPast} setAt=${setAt} looked=${looked} entity=${entity} />
    <${Branches} space=${space} at=${here} isPast=${isPast} then=${entity ? ["charm", entity.id, "history"] : ["timeline"]} />
    <${Lanes} space=${space} charms=${charms} entity=${entity} at=${here} head=${now} setAt=${setAt} />
    ${entity ? html`<${CharmThen} space=${space} id=${entity.id} at=${looked} isPast=${isPast} isAlone />` : html`<${ShelfThen} space=${space} charms=${charms} at=${looked} isPast=${isPast} />`}
  </section>`;
}

/** The value, once it has rested: what is dragged over is not asked for. */
function useRested(value) {
  const [rested, setRested] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setRested(value), REST_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return rested;
}

function Scrub({ space, at, head, isPast, setAt, looked, entity }) {
  const time = useTime(space, looked);
  const to = (position) => setAt(position >= head ? null : Math.max(1, position));
  return html`<div class=${isPast ? "card scrub is-past" : "card scrub"}>
    <div class="scrub-head" role="status">
      ${isPast ? html`<strong>As of ${at}</strong>` : html`<strong>Now</strong><span class="soft">position ${head}</span>`}
      ${time && html`<span class="soft"><${Time} at=${time} /></span>`}
    </div>
    <div class="scrub-bar">
      <button aria-label="One step back" disabled=${at <= 1} onClick=${() => to(at - 1)}>‹</button>
      <input type="range" min="1" max=${head} step="1" value=${at} aria-label="Position" aria-valuetext=${isPast ? `As of ${at} of ${head}` : `Now, ${head}`} onInput=${(event) => to(Number(event.target.value))} />
      <button aria-label="One step on" disabled=${at >= head} onClick=${() => to(at + 1)}>›</button>
    </div>
    ${isPast && html`<div class="row"><button class="main" onClick=${() => setAt(null)}>Back to now</button>
      <a class="button" href=${link(space.name, "compare", { before: at, after: head, entity: entity?.id })}>What changed since</a></div>`}
  </div>`;
}

/** When the event of a position was told; "" until that is known. */
function useTime(space, position) {
  const known = useRef(new Map()).current;
  const [, setTurn] = useState(0);
  useEffect(() => {
    let isOver = false;
    const ask = async () => {
      const entry = await space.call("events.get", { position });
      const told = entry.traversal && entry.traversal !== position ? await space.call("events.get", { position: entry.traversal }) : entry;
      known.set(position, told.said?.time ?? "");
      if (!isOver) setTurn((turn) => turn + 1);
    };
    if (!known.has(position) && position > 0) ask().catch(() => known.set(position, "")); // it is another's, and has no time for this reader
    return () => (isOver = true);
  }, [space, position]);
  return known.get(position) ?? "";
}

// Lanes -------------------------------------------------------------------------------------------------------------

function Lanes({ space, charms, entity, at, head, setAt }) {
  const shown = stretch(at, head, SHOWN);
  const { answer, error, again } = useAnswer(space, "events.find", { from: shown.from, limit: shown.to - shown.from + 1 });
  const runs = useAnswer(space, "runs.find").answer?.runs ?? [];
  const [most, setMost] = useState(LANES);
  const typeOf = useTypes(charms);
  const isFlow = (id, node) => Boolean(space.type(typeOf(id))?.flows.includes(node));
  const events = answer?.events;
  const found = useMemo(() => lanes(events ?? [], { entity: entity?.id, isFlow }), [events, entity?.id, space.types.value, typeOf]);
  if (error && !answer) return html`<${Failure} title="The log could not be read" why=${error} again=${again} />`;
  if (!answer) return html`<${Quiet}>Loading…<//>`;
  const under = bars(runs.filter((run) => !entity || run.entity === entity.id), shown.from, shown.to, answer.events);
  const event = answer.events.find((one) => one.position === at && (!entity || placesIn(one).some(([id]) => id === entity.id)));
  return html`<div class="lanes">
    ${found.slice(0, most).map((lane) => html`<${Lane} key=${lane.id} lane=${lane} name=${entity ? inWords(lane.id) || "Created" : nameOf({ name: space.nameFor(lane.id), type: typeOf(lane.id) || "Charm", id: lane.id })} href=${entity ? undefined : link(space.name, "charm", lane.id, "history")}
      shown=${shown} at=${at} setAt=${(position) => setAt(position >= head ? null : position)} runs=${under.filter((bar) => (entity ? bar.flow === lane.id : bar.entity === lane.id))} />`)}
    ${!found.length && html`<${Quiet}>Nothing happened here between ${shown.from} and ${shown.to}.<//>`}
    ${found.length > most && html`<button class="plain" onClick=${() => setMost(most + 40)}>Show ${Math.min(40, found.length - most)} more of ${found.length}</button>`}
    <div class="lane-scale" aria-hidden="true"><span></span><span class="lane-ends"><span>${shown.from}</span><span>${shown.to}</span></span></div>
    ${shown.from > 1 && html`<div class="row"><button class="plain" onClick=${() => setAt(shown.from - 1)}>Older: before ${shown.from}</button></div>`}
    <p class="lane-said" role="status">${event ? html`<${Said} space=${space} event=${event} entity=${entity} />` : html`<span class="soft">${entity ? `Nothing happened to it at ${at}.` : `Nothing that you may see happened at ${at}.`}</span>`}</p>
    <ul class="lane-legend soft small" aria-hidden="true">${["told", "settled", "failed", "run"].map((kind) => html`<li key=${kind}><svg class="lane-key" width="14" height="14" viewBox="-7 -7 14 14"><${Shape} kind=${kind} /></svg> ${LEGEND[kind]}</li>`)}</ul>
  </div>`;
}

/** What an activity speaks of: [[entity, node], …]. */
const placesIn = (event) => (["definition", "service"].includes(event.type) ? [] : placesOf(event.node));

/** An activity in a sentence: what it was, by whom and when, of which charm, and the beginning of what was said. */
function Said({ space, event, entity }) {
  const places = placesIn(event).filter(([id]) => !entity || id === entity.id);
  const charms = entity ? "" : [...new Set(places.map(([id]) => space.nameFor(id)))].join(", ");
  const nodes = [...new Set(places.map(([, node]) => inWords(node)).filter(Boolean))].join(", ");
  const where = [charms, nodes].filter(Boolean).join(": ") || (places.length ? "" : event.node);
  return html`<strong>${event.position}</strong> ${TYPES[event.type] ?? event.type} ${event.by && html`by ${event.by}`} ${event.at && html`<${Time} at=${event.at} />`} ${where} <span class="soft">${readable(event.preview ?? "")}</span>`;
}

const TYPES = { "traversal.started": "Told", "node.settled": "Settled", "node.reused": "Reused", "node.failed": "Failed", "node.removed": "Removed", definition: "A type was defined" };
const LEGEND = { told: "told", settled: "settled", failed: "failed", run: "run" };

function Lane({ lane, name, href, shown, at, setAt, runs }) {
  const percent = (position) => `${(along(position, shown) * 100).toFixed(3)}%`;
  const click = (event) => {
    const box = event.currentTarget.getBoundingClientRect();
    const wanted = shown.from + Math.floor(((event.clientX - box.x) / box.width) * (shown.to - shown.from + 1));
    const near = lane.marks.reduce((best, mark) => (Math.abs(mark.position - wanted) < Math.abs(best - wanted) ? mark.position : best), lane.marks[0].position);
    setAt(Math.abs(near - wanted) * box.width < 16 * (shown.to - shown.from + 1) ? near : Math.max(shown.from, Math.min(shown.to, wanted)));
  };
  const last = lane.marks.at(-1);
  return html`<div class="lane">
    ${href ? html`<a class="lane-name" href=${href}>${name}</a>` : html`<span class="lane-name">${name}</span>`}
    <svg class="lane-marks" role="img" aria-label=${`${name}: ${count(lane.marks.length, "activity", "activities")}, the last at ${last.position}`} onClick=${click}>
      <line x1="0" x2="100%" y1="50%" y2="50%" class="lane-line" />
      ${runs.map((bar) => html`<line key=${bar.id} x1=${percent(bar.start)} x2=${percent(bar.end)} y1="50%" y2="50%" class=${`lane-run ${bar.stands}`}><title>${bar.flow}: ${bar.stands}</title></line>`)}
      <line x1=${percent(at)} x2=${percent(at)} y1="0" y2="100%" class="lane-at" />
      ${lane.marks.map((mark) => html`<svg key=${mark.position} x=${percent(mark.position)} y="50%" overflow="visible" class=${mark.position > at ? "is-later" : ""}><${Shape} kind=${mark.kind} /></svg>`)}
    </svg>
  </div>`;
}

function Shape({ kind }) {
  if (kind === "settled") return html`<circle r="4.5" class="lane-settled" />`;
  if (kind === "failed") return html`<path d="M0-5.5 5.5 4.5H-5.5Z" class="lane-failed" />`;
  if (kind === "run") return html`<path d="M0-5.5 5.5 0 0 5.5-5.5 0Z" class="lane-flow" />`;
  if (kind === "told") return html`<rect x="-4" y="-4" width="8" height="8" rx="1.5" class="lane-told" />`;
  return html`<path d="M-4-4 4 4M4-4-4 4" class="lane-other" />`;
}

/** The type of a charm by its id. */
function useTypes(charms) {
  return useMemo(() => {
    const types = new Map((charms ?? []).map((one) => [one.id, one.type]));
    return (id) => types.get(id);
  }, [charms]);
}

// What was ----------------------------------------------------------------------------------------------------------

function ShelfThen({ space, charms, at, isPast }) {
  const [most, setMost] = useState(CHARMS);
  if (!charms) return null;
  const there = charms.filter((one) => one.created <= at);
  const shown = there.slice(-most).reverse();
  return html`<section class="stack tight" aria-label=${isPast ? `The shelf as of ${at}` : "The shelf now"}>
    <h2>${isPast ? `The shelf as of ${at}` : "The shelf now"} <span class="soft small">${count(there.length, "charm")}</span></h2>
    ${!there.length && html`<${Quiet}>Nothing was made yet.<//>`}
    <div class="then-shelf">${shown.map((one) => html`<${CharmThen} key=${one.id} space=${space} id=${one.id} name=${one.name} at=${at} isPast=${isPast} />`)}</div>
    ${there.length > most && html`<button onClick=${() => setMost(most + 16)}>Show ${Math.min(16, there.length - most)} more of ${there.length}</button>`}
  </section>`;
}

const NAMING = ["name", "title"];

/** One charm as it was: by the name that it had, else by the one that it has. */
function CharmThen({ space, id, name, at, isPast, isAlone = false }) {
  const [isWhole, setWhole] = useState(isAlone);
  const { answer, error } = useAnswer(space, "entities.at", { entity: id, position: at }, { live: false });
  if (error) return html`<article class="card then"><p class="soft">${error.code === 404 ? `There was nothing of it at ${at} yet.` : error.message}</p></article>`;
  if (!answer) return html`<article class="card then"><p class="soft">Looking…</p></article>`;
  const said = answer.nodes.map((node) => [node.name, thenOf(node), node]).filter(([, then]) => isWhole || !isEmpty(then));
  const had = answer.nodes.find((node) => NAMING.includes(node.name) && typeof node.value === "string")?.value;
  return html`<article class=${isPast ? "card then is-past" : "card then"}>
    <div class="then-head"><h3>${isAlone ? (isPast ? `As of ${answer.position}` : "As it is now") : html`<a href=${link(space.name, "charm", id, "history", { at: isPast ? at : "" })}>${nameOf({ name: had || name, type: answer.type, id })}</a>`}</h3><span class="soft small" title=${answer.type}>${typeWords(answer.type)}</span></div>
    <dl>${said.slice(0, isWhole ? undefined : 6).map(([node, then]) => html`<div key=${node}><dt title=${node}>${inWords(node)}</dt><dd><${Fold} name=${node}><${Then} then=${then} space=${space} entity=${id} /><//></dd></div>`)}</dl>
    ${!isWhole && said.length > 6 && html`<button class="plain" onClick=${() => setWhole(true)}>Show all ${answer.nodes.length}</button>`}
  </article>`;
}

const isEmpty = ({ state, value }) => state === "absent" || (state === "value" && (value === "" || value === null || (Array.isArray(value) && !value.length) || (typeof value === "object" && value !== null && !Object.keys(value).length)));
