// What differs between two positions, by charm: what was and what is, what came and went.
// Knows nothing of how the past is read.
import { html, useState } from "../lib.js";
import { link } from "../route.js";
import { useAnswer } from "../use.js";
import { readable } from "../parts/blob.js";
import { count, Failure, nameOf, Quiet } from "../parts/words.js";
import { Value } from "../parts/value.js";
import { folded, grouped, keyed, parted, thenOf } from "../past/changes.js";

const BACK = 20;

export default function Compare({ space, route }) {
  const head = space.position.value;
  const asked = (name, else_) => {
    const found = Number.parseInt(route.query[name], 10);
    return Number.isFinite(found) ? Math.max(0, Math.min(found, head)) : else_;
  };
  const before = asked("before", Math.max(0, head - BACK));
  const after = asked("after", head);
  const go = (given) => void (location.hash = link(space.name, "compare", { before, after, entity: route.query.entity, ...given }));
  return html`<section class="stack compare"><div class="page-head"><h1>Compare</h1></div>
    <${Ends} key=${`${before}/${after}`} before=${before} after=${after} head=${head} go=${go} />
    <${Found} space=${space} before=${before} after=${after} entity=${route.query.entity} go=${go} />
  </section>`;
}

function Ends({ before, after, head, go }) {
  const [one, setOne] = useState(String(before));
  const [other, setOther] = useState(String(after));
  const submit = (event) => {
    event.preventDefault();
    go({ before: one, after: other });
  };
  const Recent = ({ by, children }) => html`<button type="button" onClick=${() => go({ before: Math.max(0, head - by), after: head })}>${children}</button>`;
  return html`<form class="card compare-ends" onSubmit=${submit}>
    <label>Before<input type="number" inputmode="numeric" min="0" max=${head} required value=${one} onInput=${(event) => setOne(event.target.value)} /></label>
    <label>After<input type="number" inputmode="numeric" min="0" max=${head} required value=${other} onInput=${(event) => setOther(event.target.value)} /></label>
    <button class="main">Compare</button>
    <div class="row"><${Recent} by=${1}>The last step<//><${Recent} by=${10}>The last 10<//><${Recent} by=${100}>The last 100<//></div>
  </form>`;
}

function Found({ space, before, after, entity, go }) {
  const { answer, error, again } = useAnswer(space, "diff.find", { before, after, limit: 500 }, { live: false });
  if (error) return html`<${Failure} title="They could not be compared" why=${error} again=${again} />`;
  if (!answer) return html`<${Quiet}>Comparing…<//>`;
  const groups = grouped(answer.differences).filter((one) => !entity || one.entity === entity);
  return html`<p role="status" class="soft">${groups.length ? `${count(groups.length, "charm differs", "charms differ")} between ${before} and ${after}.` : `Nothing differs between ${before} and ${after}.`}
      ${entity && html` <button class="plain" onClick=${() => go({ entity: "" })}>Show all charms</button>`}
      ${answer.more && " There is more than is shown: take positions that are nearer to each other."}</p>
    ${groups.map((group) => html`<${Group} key=${group.entity} group=${group} space=${space} />`)}`;
}

function Group({ group, space }) {
  const { entity, type, isNew } = group;
  if (!entity) {
    return html`<section class="card compare-group"><h2>Types and services</h2>
      <ul>${group.changes.map((one, at) => html`<li key=${at}>${one.kind === "definition" ? "The type" : "The service"} ${one.node}, at ${one.position}</li>`)}</ul></section>`;
  }
  const isErased = group.changes.some((one) => one.kind === "erased");
  return html`<section class="card compare-group">
    <h2>${isErased ? `${type || "A charm"} ${entity.slice(0, 6)}` : html`<a href=${link(space.name, "charm", entity)}>${nameOf({ name: space.nameFor(entity), type, id: entity })}</a>`}
      <span class="soft small"> ${type}</span> ${isNew && html`<span class="tag came">New</span>`} ${isErased && html`<span class="tag went">Erased</span>`}</h2>
    <ul class="compare-changes">${folded(group.changes).filter((one) => one.kind !== "erased").map((one, at) => html`<${Change} key=${at} change=${one} space=${space} />`)}</ul>
  </section>`;
}

function Change({ change, space }) {
  const { entity, node, position, entered, left, elements } = change;
  return html`<li><div class="compare-name"><strong>${node}</strong> <span class="soft small">at ${position}</span>
      <a class="button plain" href=${link(space.name, "charm", entity, "why", node)}>Why?<span class="unseen"> ${node}</span></a></div>
    ${elements ? html`<p>${count(elements.length, "element")} changed</p><ul class="compare-changes">${elements.slice(0, 10).map((one) => html`<li key=${one.element}><${Sides} change=${one} space=${space} /></li>`)}</ul>`
    : entered || left ? html`<${Elements} change=${change} space=${space} />` : html`<${Sides} change=${change} space=${space} />`}</li>`;
}

/** Of a map: which keys came, went and changed, each with what it holds. */
function Keys({ change, pairs, space }) {
  const shown = pairs.slice(0, 40);
  const List = ({ sign, tag, words, of, found }) => found.length > 0 && html`<div><p class=${`tag ${tag}`}>${sign} ${count(found.length, "entry", "entries")} ${words}</p>
    <ul class="compare-elements">${found.map((one) => html`<li key=${one.key}><strong>${one.key}:</strong> <${Value} value=${one[of]} space=${space} entity=${change.entity} depth=${2} /></li>`)}</ul></div>`;
  const both = shown.filter((one) => one.before !== undefined && one.after !== undefined);
  return html`<div class="stack tight"><${List} sign="+" tag="came" words="came" of="after" found=${shown.filter((one) => one.before === undefined)} />
    <${List} sign="−" tag="went" words="went" of="before" found=${shown.filter((one) => one.after === undefined)} />
    ${both.length > 0 && html`<ul class="compare-changes">${both.map((one) => html`<li key=${one.key}><strong>${one.key}</strong><${Sides} space=${space} change=${{ entity: change.entity, before: { state: "value", value: one.before }, after: { state: "value", value: one.after } }} /></li>`)}</ul>`}
    ${pairs.length > shown.length && html`<p class="soft">and ${pairs.length - shown.length} more</p>`}</div>`;
}

function Elements({ change, space }) {
  const isMap = space.type(change.type)?.nodes.find((one) => one.name === change.node)?.kind === "entries";
  const pairs = keyed(change, isMap);
  if (pairs?.length) return html`<${Keys} change=${change} pairs=${pairs} space=${space} />`;
  const List = ({ sign, tag, words, ids }) => ids?.length > 0 && html`<div><p class=${`tag ${tag}`}>${sign} ${count(ids.length, "element")} ${words}</p>
    <ul class="compare-elements">${ids.slice(0, 20).map((one) => html`<li key=${one.id}><${Value} value=${one.value} space=${space} entity=${change.entity} depth=${2} /></li>`)}
    ${ids.length > 20 && html`<li class="soft">and ${ids.length - 20} more</li>`}</ul></div>`;
  return html`<div class="stack tight"><${List} sign="+" tag="came" words="came" ids=${change.entered} /><${List} sign="−" tag="went" words="went" ids=${change.left} /></div>`;
}

function Sides({ change, space }) {
  const [was, now] = [thenOf(change.before), thenOf(change.after)];
  const isText = typeof was.value === "string" && typeof now.value === "string";
  const found = isText ? parted(was.value, now.value) : null;
  return html`<div class="sides">
    <div class="side"><span class="soft small">Before</span><div>${found ? html`${tail(found.start)}<del>${found.was}</del>${top(found.end)}` : html`<${Then} then=${was} space=${space} entity=${change.entity} />`}</div></div>
    <div class="side"><span class="soft small">After</span><div>${found ? html`${tail(found.start)}<ins>${found.now}</ins>${top(found.end)}` : html`<${Then} then=${now} space=${space} entity=${change.entity} />`}</div></div>
  </div>`;
}

const tail = (text) => (text.length > 200 ? `…${text.slice(-200)}` : text);
const top = (text) => (text.length > 200 ? `${text.slice(0, 200)}…` : text);

/** What a place came to then. */
export function Then({ then, space, entity }) {
  const { state, text, value, note } = then;
  return html`${text ? html`<span class=${state === "failed" ? "wrong-text" : "soft"}>${readable(text)}</span>` : html`<${Value} value=${value} space=${space} entity=${entity} depth=${1} />`}
    ${note && html`<p class="soft small">${note}</p>`}`;
}
