// Picking another charm, or one thing in a list of it.
// Knows nothing of what a reference is for.
import { html, useEffect, useId, useState } from "../lib.js";
import { useAnswer } from "../use.js";
import { nameOf, text } from "./words.js";

const MOST = 1000;

export function Reference({ value, onChange, space, target = "", label }) {
  const [sought, setSought] = useState("");
  const type = space.type(target) ? target : undefined;
  const { answer, error } = useAnswer(space, "entities.find", { type, limit: MOST });
  const id = useId();
  if (error && !answer) return html`<p class="wrong-text">${text(error)}</p>`;
  const fits = (one) => !sought || `${one.name} ${one.type} ${one.id}`.toLowerCase().includes(sought.toLowerCase());
  const all = answer?.entities ?? [];
  const found = all.filter((one) => fits(one) || one.id === value?.entity);
  const choose = (entity) => onChange(entity ? { entity } : undefined);
  return html`
    ${all.length > 12 && html`<label class="soft small" for=${`${id}s`}>Find<input id=${`${id}s`} type="search" value=${sought} onInput=${(event) => setSought(event.target.value)} /></label>`}
    <select aria-label=${`${label || "Reference"}: charm`} value=${value?.entity ?? ""} onChange=${(event) => choose(event.target.value)}>
      <option value="">${answer ? "Choose a charm…" : "Loading…"}</option>
      ${found.map((one) => html`<option key=${one.id} value=${one.id} selected=${one.id === value?.entity}>${nameOf(one)}${type ? "" : ` (${one.type})`}</option>`)}
    </select>
    ${value?.entity && !type && html`<${Inner} space=${space} value=${value} onChange=${onChange} />`}`;
}

/** Of a charm that was chosen: which node of it, and which element. */
function Inner({ space, value, onChange }) {
  const { answer } = useAnswer(space, "entities.get", { entity: value.entity }, { live: false });
  const [elements, setElements] = useState([]);
  useEffect(() => {
    let isOver = false;
    setElements([]);
    if (value.node) {
      space.call("values.elements", { entity: value.entity, node: value.node, limit: 200 }).then(
        (found) => isOver || setElements(found.elements),
        () => {}, // it has none
      );
    }
    return () => (isOver = true);
  }, [value.entity, value.node]);
  const { entity, node } = value;
  return html`
    <select aria-label="Value" value=${node ?? ""} onChange=${(event) => onChange(event.target.value ? { entity, node: event.target.value } : { entity })}>
      <option value="">The charm itself</option>
      ${(answer?.nodes ?? []).filter((one) => one.kind !== "flow").map((one) => html`<option key=${one.name} value=${one.name} selected=${one.name === node}>${one.name}</option>`)}
    </select>
    ${elements.length > 0 && html`<select aria-label="Element" value=${value.element ?? ""} onChange=${(event) => onChange(event.target.value ? { entity, node, element: event.target.value } : { entity, node })}>
      <option value="">All of it</option>
      ${elements.map((one) => html`<option key=${one.element} value=${one.element} selected=${one.element === value.element}>${labelOf(one)}</option>`)}
    </select>`}`;
}

function labelOf({ element, value }) {
  const said = typeof value === "object" && value !== null ? (value.title ?? value.name ?? JSON.stringify(value)) : value;
  return String(typeof said === "object" ? JSON.stringify(said) : (said ?? element)).slice(0, 80);
}
