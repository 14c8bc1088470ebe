// One charm: what it was told, what is computed of it as it comes, its runs, and what they ask.
import { html, useState } from "../lib.js";
import { link } from "../route.js";
import { useAnswer } from "../use.js";
import { hasView } from "../views.js";
import { Question } from "../parts/question.js";
import { Runs } from "../parts/runs.js";
import { Failed, Standing, Waited, standing, standingWhole } from "../parts/standing.js";
import { Told } from "../parts/told.js";
import { Value, digest } from "../parts/value.js";
import { spelt } from "../parts/words.js";

const ELEMENTS = 30;

export default function Charm({ space, entity: charm }) {
  const portrait = charm.portrait.value;
  const type = space.type(portrait.type);
  const declared = new Map(type?.nodes.map((one) => [one.name, one]) ?? []);
  const isTold = (one) => declared.get(one.name)?.told ?? one.state === "told";
  const told = portrait.nodes.filter((one) => isTold(one) && one.kind !== "flow");
  const computed = portrait.nodes.filter((one) => !isTold(one) && one.kind !== "flow");
  const read = new Set(computed.flatMap((one) => declared.get(one.name)?.reads ?? []));
  const ends = computed.filter((one) => !read.has(one.name));
  const ways = computed.filter((one) => read.has(one.name));
  const flows = portrait.nodes.filter((one) => one.kind === "flow");
  return html`<div class=${computed.length || flows.length ? "charm" : "charm only"}>
    <section class="card told-card" aria-labelledby="told"><h2 id="told">Told</h2>
      ${told.length === 0 && html`<p class="quiet">This charm is told nothing.</p>`}
      ${told.map((one) => html`<${Told} key=${one.name} charm=${charm} node=${one} declared=${declared.get(one.name)} />`)}
    </section>
    <div class="stack">
      <${Asked} charm=${charm} />
      ${flows.length > 0 && html`<${Runs} charm=${charm} flows=${flows} />`}
      ${computed.length > 0 && html`<section class="stack computed" aria-labelledby="computed">
        <div class="row spread"><h2 id="computed">Computed</h2><${Stream} charm=${charm} nodes=${computed} /></div>
        ${ends.map((one) => html`<${Computed} key=${one.name} charm=${charm} node=${one} />`)}
        ${ways.length > 0 && html`<h3 class="soft small">On the way there</h3>
          ${ways.map((one) => html`<${Computed} key=${one.name} charm=${charm} node=${one} isWay=${true} />`)}`}
      </section>`}
    </div>
  </div>`;
}

/** Pause and play, where anything streams, or is paused. */
function Stream({ charm, nodes }) {
  const isPaused = charm.isPaused.value;
  const streams = Object.keys(charm.partials.value).length > 0 || nodes.some((one) => one.state === "due");
  if (!isPaused && !streams) return null;
  return html`<button type="button" onClick=${() => (isPaused ? charm.play() : charm.pause())}>${isPaused ? "Play" : "Pause"}</button>`;
}

/** What runs of this charm ask. */
function Asked({ charm }) {
  const { answer } = useAnswer(charm.space, "questions.find");
  const found = answer?.questions.filter((one) => one.entity === charm.id && !one.answered) ?? [];
  if (!found.length) return null;
  return html`<section class="stack" aria-labelledby="asked"><h2 id="asked">Asked</h2>
    ${found.map((one) => html`<${Question} key=${one.id} space=${charm.space} question=${one} isHere=${true} />`)}</section>`;
}

/** A computed value. One that is only on the way to others is folded, unless it failed. */
function Computed({ charm, node, isWay = false }) {
  const [isOpen, setOpen] = useState(!isWay);
  const partial = charm.partials.value[node.name];
  const { is, words } = standingWhole(node, partial, charm.isPaused.value);
  const stands = node.state === "due" ? charm.stands.value[node.name] : undefined;
  const { space } = charm;
  const isShown = isOpen || is === "failed";
  const body = `value-${node.name}`;
  return html`<article class="card value" data-node=${node.name} data-standing=${is} aria-busy=${is === "running" || is === "partial"}>
    <header class="row spread"><h3 title=${node.name}>${spelt(node.name)}</h3>
      <span class="row">${hasView("why") && html`<a class="small" href=${link(space.name, "charm", charm.id, "why", node.name)} aria-label=${`Why ${spelt(node.name)} is so`}>Why</a>`}${hasView("cast") && space.may("edit") && isList(node) && html`<a class="small" href=${link(space.name, "charm", charm.id, "cast", node.name)} aria-label=${`Cast a spell on an element of ${spelt(node.name)}`}>Cast</a>`}<${Standing} is=${is} stands=${stands} words=${words} />${isWay && html`<button type="button" class="plain small" aria-expanded=${isShown} aria-controls=${body} aria-label=${`${isShown ? "Hide" : "Show"} ${spelt(node.name)}`} onClick=${() => setOpen(!isOpen)}>${isShown ? "Hide" : "Show"}</button>`}</span></header>
    ${!isShown && html`<p class="soft small digest">${digest(node.value ?? node.last)}</p>`}
    <div id=${body} hidden=${!isShown} class=${is === "stale" || is === "paused" ? "value-body old" : "value-body"} aria-live=${is === "partial" ? "off" : "polite"}>
      ${isShown && html`<${Body} charm=${charm} node=${node} partial=${partial} is=${is} />`}
      ${stands?.type === "node.waiting" && html`<${Waited} charm=${charm} stands=${stands} />`}
    </div>
  </article>`;
}

/** Whether there is something in it that a spell can be cast on. */
const isList = (node) => Boolean(node.elements?.length || (Array.isArray(node.value) && node.value.length));

function Body({ charm, node, partial, is }) {
  const given = { space: charm.space, entity: charm.id };
  if (is === "failed" && !node.elements?.length) return html`<${Failed} charm=${charm} node=${node.name} said=${node} />`;
  if (partial && node.state === "due") return html`<${Value} ...${given} value=${partial.value ?? partial.preview} />`;
  const isUneven = node.elements?.some((one) => one.state !== "settled");
  if (node.elements?.length && (isUneven || node.value === undefined)) return html`<${Elements} charm=${charm} node=${node} />`;
  if (node.value !== undefined) return html`<${Value} ...${given} value=${node.value} />`;
  if (node.last !== undefined) return html`<p class="soft small">Last good value</p><${Value} ...${given} value=${node.last} />`;
  if (is === "absent") return html`<span class="soft">There is none</span>`;
  return html`<span class="soft">Not there yet</span>`;
}

/** Elements that stand differently, each by itself. */
function Elements({ charm, node }) {
  const [most, setMost] = useState(ELEMENTS);
  return html`<ul class="stack tight">${node.elements.slice(0, most).map((one) => {
    const partial = charm.partials.value[`${node.name}[${one.id}]`];
    const is = standing(one, partial, charm.isPaused.value);
    return html`<li key=${one.id} class="element" data-standing=${is}><${Standing} is=${is} />
      <div>${is === "failed" ? html`<${Failed} charm=${charm} node=${node.name} element=${one.id} said=${one} />` : html`<${Body} charm=${charm} node=${{ ...one, name: node.name, elements: null }} partial=${partial} is=${is} />`}</div></li>`;
  })}</ul>
  ${node.elements.length > most && html`<button type="button" class="plain" onClick=${() => setMost(most * 4)}>Show more of ${node.elements.length}</button>`}`;
}
