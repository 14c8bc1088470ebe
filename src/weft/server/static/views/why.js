// Why a value is what it is: what it was made from, by what and by whom, and each of those in turn.
// Knows nothing of how reasons are found.
import { html, useEffect, useRef, useState } from "../lib.js";
import { link } from "../route.js";
import { useAnswer } from "../use.js";
import { readable } from "../parts/blob.js";
import { count, Failure, inWords, nameOf, Quiet, Time } from "../parts/words.js";
import { Value } from "../parts/value.js";
import { Mark } from "../graph/mark.js";
import { shownOf } from "../graph/states.js";
import { linesOf, placeOf, treeOf } from "../past/reasons.js";

const INPUTS = 12;
const DEEPEST = 60;
const STATES = { value: "settled", failed: "failed", absent: "absent", elements: "settled" };

export default function Why({ space, entity, route }) {
  const { node } = route.params;
  if (!node) return html`<${Choice} space=${space} charm=${entity} />`;
  return html`<${Reasons} key=${`${node}/${route.query.element ?? ""}`} space=${space} charm=${entity} node=${node} element=${route.query.element ?? ""} />`;
}

/** Which value is asked about. */
function Choice({ space, charm }) {
  const { nodes } = charm.portrait.value;
  return html`<section class="stack"><h2>Why is it so?</h2>
    <p class="soft">Choose a value to see what it was made from.</p>
    <ul class="why-choice">${nodes.map((one) => {
      const { state } = shownOf(one);
      return html`<li key=${one.name}><a class="button plain" href=${link(space.name, "charm", charm.id, "why", one.name)}><${Mark} state=${state} /> <span title=${one.name}>${inWords(one.name)}</span></a></li>`;
    })}</ul></section>`;
}

function Reasons({ space, charm, node, element }) {
  const given = { entity: charm.id, node, ...(element ? { element } : {}) };
  const { answer, error, again } = useAnswer(space, "values.why", given);
  const heading = useRef(null);
  useEffect(() => heading.current?.focus({ preventScroll: true }), []);
  if (error && !answer) return html`<${Failure} title="It could not be asked why" why=${error} again=${again} />`;
  if (!answer) return html`<${Quiet}>Asking why…<//>`;
  const tree = treeOf(answer);
  const { state } = tree.find(tree.root) ?? {};
  return html`<section class="stack why">
    <div><p class="crumbs"><a href=${link(space.name, "charm", charm.id, "why")}>All values</a>${element && html`<span aria-hidden="true">/</span><a href=${link(space.name, "charm", charm.id, "why", node)}>${node}</a>`}</p>
      <h2 tabindex="-1" ref=${heading}>Why is ${element ? `an element of ${inWords(node)}` : inWords(node)} so?</h2></div>
    <ul class="why-tree"><${Reason} id=${tree.root} tree=${tree} space=${space} charm=${charm} above=${[]} isOpen=${true} /></ul>
    ${answer.more > 0 && html`<p class="soft">${count(answer.more, "further value")} stand behind these. Ask why of a part to go on.</p>`}
    ${(state === "elements" || !element) && html`<${Elements} space=${space} charm=${charm} node=${node} />`}
  </section>`;
}

function Reason({ id, tree, space, charm, above, isOpen: isFirst = false }) {
  const [isOpen, setOpen] = useState(isFirst);
  const [most, setMost] = useState(INPUTS);
  const reason = tree.find(id);
  const [entity, node, element] = placeOf(id);
  const place = link(space.name, "charm", entity, "why", node, { element });
  if (!reason || above.includes(id) || above.length > DEEPEST) {
    return html`<li class="why-part is-cut"><div class="why-head"><span class="why-name" title=${node}>${inWords(node)}${element && html` <span class="soft">element</span>`}</span><a class="button plain" href=${place}>Why?</a></div></li>`;
  }
  const inputs = tree.inputs(id);
  const isHere = entity === charm.id;
  return html`<li class="why-part">
    <div class="why-head">
      ${inputs.length > 0
        ? html`<button class="plain" aria-expanded=${isOpen} onClick=${() => setOpen(!isOpen)}><span class="turn" aria-hidden="true"></span><${Mark} state=${STATES[reason.state] ?? "absent"} /><span class="why-name" title=${node}>${inWords(node)}</span></button>`
        : html`<span class="why-leaf"><${Mark} state=${reason.kind === "told" && reason.state === "value" ? "told" : (STATES[reason.state] ?? "absent")} /><span class="why-name" title=${node}>${inWords(node)}</span></span>`}
      <span class="soft">${element ? "an element, " : ""}${isHere ? reason.kind : html`${reason.kind}, of <a href=${link(space.name, "charm", entity)}>${nameOf({ name: space.nameFor(entity), type: reason.type, id: entity })}</a>`}</span>
      ${above.length > 0 && html`<a class="button plain why-ask" href=${place}>Why?<span class="unseen"> ${node}</span></a>`}
    </div>
    ${reason.state !== "failed" && html`<div class="why-value">${reason.value !== undefined ? html`<${Value} value=${reason.value} space=${space} entity=${entity} depth=${2} />` : reason.text}</div>`}
    <dl class="why-lines">${linesOf(reason).map((line, at) => html`<div key=${at} class=${line.label === "Failed" ? "wrong-text" : ""}><dt>${line.label}</dt><dd>${readable(namedIn(line.text, space))}${line.at && html` <span class="soft"><${Time} at=${line.at} /></span>`}</dd></div>`)}</dl>
    ${isOpen && inputs.length > 0 && html`<p class="why-of soft">Made from ${count(inputs.length + (reason.inputs_more ?? 0), "value")}</p>
      <ul class="why-tree">${inputs.slice(0, most).map((input) => html`<${Reason} key=${input.id} id=${input.id} tree=${tree} space=${space} charm=${charm} above=${[...above, id]} isOpen=${above.length < 1 && inputs.length <= 4} />`)}</ul>
      ${inputs.length > most && html`<button onClick=${() => setMost(most + 4 * INPUTS)}>Show more of ${inputs.length}</button>`}
      ${reason.inputs_more > 0 && html`<p class="soft">and ${count(reason.inputs_more, "more value")}, not listed here</p>`}`}
  </li>`;
}

/** A line in which charms are called by their names. */
const namedIn = (text, space) => text.replace(/\b[a-z2-7]{26}\b/g, (id) => space.nameFor(id));

/** Of a list: its elements, each with a why of its own. */
function Elements({ space, charm, node }) {
  const [most, setMost] = useState(20);
  const { answer } = useAnswer(space, "values.elements", { entity: charm.id, node, limit: most });
  if (!answer?.elements.length) return null;
  return html`<div class="stack tight"><h3>Its elements</h3>
    <ul class="why-elements">${answer.elements.map((one) => html`<li key=${one.element}>
      <div class="why-value"><${Value} value=${one.value} space=${space} entity=${charm.id} depth=${2} />${one.error && html`<p class="wrong-text">${one.error}</p>`}</div>
      <a class="button plain" href=${link(space.name, "charm", charm.id, "why", node, { element: one.element })}>Why?</a></li>`)}</ul>
    ${answer.next && html`<button onClick=${() => setMost(Math.min(1000, most + 80))}>Show more of ${answer.count}</button>`}</div>`;
}
