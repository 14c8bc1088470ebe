// Forms that are made from JSON Schemas: a control for each thing that a schema can ask for.
//
// A control is given `{schema, root, value, onChange, place, errors, label, isNeeded, space, charm}`: `root` has the
// `$defs`; `place` is where the value stands in the whole, as the server names it, and `errors` are words by place.
// Knows nothing of what is done with a value. Invariant: what was typed is kept, also where it does not fit.
import { html, useId, useRef, useState } from "../lib.js";
import { blank, branchName, branchOf, fieldPlace, itemPlace, misfits, only, resolved } from "./schema.js";
import { Reference } from "./reference.js";
import { Uploads, useUploads } from "./upload.js";
import { BlobShown } from "./blob.js";
import { spelt } from "./words.js";

/** The control that fits a schema, with its name, its description and what is wrong. */
export function Control(given) {
  const schema = resolved(given.schema, given.root);
  if (only(schema)) return null;
  const inner = { ...given, schema };
  if (schema.format === "blob") return html`<${Group} ...${inner}><${BlobInput} ...${inner} /><//>`;
  if (schema.format === "reference") return html`<${Group} ...${inner}><${Reference} ...${inner} /><//>`;
  if (schema.anyOf) return html`<${OneOf} ...${inner} />`;
  if (schema.type === "array") return html`<${Group} ...${inner}>${schema.prefixItems ? html`<${Places} ...${inner} />` : html`<${List} ...${inner} />`}<//>`;
  if (schema.type === "object" && !schema.properties) return html`<${Group} ...${inner}><${Entries} ...${inner} /><//>`;
  if (schema.type === "object") return html`<${Group} ...${inner}><${Fields} ...${inner} /><//>`;
  if (schema.type === "boolean") return html`<${Check} ...${inner} />`;
  return html`<${Labelled} ...${inner}>${(more) => html`<${Atom} ...${inner} ...${more} />`}<//>`;
}

/** All properties of an object, a control each. */
export function Fields({ schema, root, value, onChange, place, ...more }) {
  const needed = new Set(schema.required ?? []);
  const said = typeof value === "object" && value !== null ? value : {};
  return Object.entries(schema.properties ?? {}).map(([name, one]) => html`<${Control} key=${name} ...${more}
    schema=${one} root=${root} value=${said[name]} label=${resolved(one, root).title || spelt(name)} isNeeded=${needed.has(name)}
    place=${fieldPlace(place, name)} onChange=${(next) => onChange(with_(said, name, next))} />`);
}

function with_(said, name, next) {
  const { [name]: _, ...others } = said;
  return next === undefined ? others : { ...said, [name]: next };
}

const wrong = (errors, place) => errors?.[place];

/** What is wrong with a control: as it was found, until the value is another; then as that is. */
function useWrong({ schema, root, value, place, errors, isNeeded }) {
  const found = useRef(null);
  if (found.current?.errors !== errors) found.current = { errors, value };
  const why = wrong(errors, place);
  return why && value !== found.current.value ? misfits(schema, root, value, place, isNeeded)[place] : why;
}

/** A name, and what is said of it, above one control: `children` is a function of its attributes. */
function Labelled({ label, children, ...given }) {
  const { schema, isNeeded } = given;
  const id = useId();
  const why = useWrong(given);
  const hint = schema.description && schema.description !== label;
  return html`<div class="field">
    ${label && html`<label for=${id}>${label}${!isNeeded && html` <span class="soft small">optional</span>`}</label>`}
    ${hint && html`<p class="soft small" id=${`${id}h`}>${schema.description}</p>`}
    ${children({ id, "aria-invalid": why ? "true" : undefined, "aria-describedby": [hint && `${id}h`, why && `${id}e`].filter(Boolean).join(" ") || undefined, "aria-required": isNeeded ? "true" : undefined })}
    ${why && html`<p class="wrong-text" id=${`${id}e`} role="alert">${why}</p>`}
  </div>`;
}

/** The same, of what has several controls. */
function Group({ schema, label, place, errors, isNeeded, children }) {
  const why = wrong(errors, place);
  const inner = html`${schema.description && schema.description !== label && html`<p class="soft small">${schema.description}</p>`}
    <div class="stack fields">${children}</div>
    ${why && html`<p class="wrong-text" role="alert">${why}</p>`}`;
  if (!label) return html`<div class="field">${inner}</div>`;
  return html`<fieldset class="field group"><legend>${label}${!isNeeded && html` <span class="soft small">optional</span>`}</legend>${inner}</fieldset>`;
}

function Check({ schema, label, value, onChange, place, errors }) {
  const id = useId();
  const why = wrong(errors, place);
  return html`<div class="field check">
    <label for=${id}><input id=${id} type="checkbox" checked=${value === true} onChange=${(event) => onChange(event.target.checked)}
      aria-invalid=${why ? "true" : undefined} /><span>${label || "Yes"}</span></label>
    ${schema.description && html`<p class="soft small">${schema.description}</p>`}
    ${why && html`<p class="wrong-text" role="alert">${why}</p>`}
  </div>`;
}

const INPUTS = { date: "date", "date-time": "datetime-local", time: "time", password: "password" };

/** One control for text, numbers, moments and choices. */
export function Atom({ schema, value, onChange, isNeeded, space, charm, root, place, errors, label, ...attributes }) {
  if (schema.enum) {
    return html`<select ...${attributes} value=${value === undefined ? "" : JSON.stringify(value)} onChange=${(event) => onChange(event.target.value === "" ? undefined : JSON.parse(event.target.value))}>
      ${(value === undefined || !isNeeded) && html`<option value="">Choose…</option>`}
      ${schema.enum.map((one) => html`<option key=${one} value=${JSON.stringify(one)} selected=${one === value}>${spelt(String(one))}</option>`)}
    </select>`;
  }
  if (schema.type === "integer" || schema.type === "number") return html`<${NumberInput} schema=${schema} value=${value} onChange=${onChange} attributes=${attributes} />`;
  if (schema.type !== "string") return html`<${Anything} value=${value} onChange=${onChange} attributes=${attributes} />`;
  const kind = INPUTS[schema.format];
  if (kind) {
    const shown = kind === "datetime-local" ? String(value ?? "").slice(0, 16) : (value ?? "");
    return html`<input ...${attributes} type=${kind} value=${shown} autocomplete=${kind === "password" ? "new-password" : "off"}
      onInput=${(event) => onChange(event.target.value || undefined)} />`;
  }
  const hint = { duration: "PT90S, P1DT12H", decimal: "1.50", uuid: "00000000-0000-0000-0000-000000000000" }[schema.format];
  return html`<textarea ...${attributes} class="line" rows="1" placeholder=${hint} value=${value ?? ""} onKeyDown=${submitOnEnter}
    onInput=${(event) => onChange(event.target.value === "" && !isNeeded ? (schema.default === undefined ? undefined : "") : event.target.value)}></textarea>`;
}

/** Enter says it, and Shift with Enter begins a line. */
function submitOnEnter(event) {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing || !event.target.form) return;
  event.preventDefault();
  event.target.form.requestSubmit();
}

function NumberInput({ schema, value, onChange, attributes }) {
  const [typed, setTyped] = useState(null);
  const shown = typed !== null && meant(typed) === value ? typed : (value ?? "");
  return html`<input ...${attributes} class="number" inputmode=${schema.type === "integer" && schema.minimum >= 0 ? "numeric" : "text"} autocomplete="off" value=${shown}
    onInput=${(event) => (setTyped(event.target.value), onChange(meant(event.target.value)))} />`;
}

/** A number, as it was typed; what is none stays as it is, so that it can be mended. */
function meant(typed) {
  const said = typed.trim();
  if (said === "") return undefined;
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(said) && Number.isFinite(Number(said)) ? Number(said) : typed;
}

function Anything({ value, onChange, attributes }) {
  const [typed, setTyped] = useState(value === undefined ? "" : JSON.stringify(value, null, 1));
  const said = (next) => {
    setTyped(next);
    try {
      onChange(next.trim() === "" ? undefined : JSON.parse(next));
    } catch {
      onChange(next); // text, as it stands
    }
  };
  return html`<textarea ...${attributes} class="mono" rows="3" placeholder="Text, or JSON" value=${typed} onInput=${(event) => said(event.target.value)}></textarea>`;
}

const SIMPLE = new Set(["integer", "number"]);

/** One of several: nothing beside a simple thing is an empty control; else the kind is chosen first. */
function OneOf({ schema, root, value, onChange, ...more }) {
  const branches = schema.anyOf.map((one) => resolved(one, root));
  const others = branches.filter((one) => one.type !== "null");
  const nothing = branches.length > others.length;
  const { title, description } = schema;
  if (nothing && others.length === 1) {
    const [inner] = others;
    if (SIMPLE.has(inner.type) || inner.enum || INPUTS[inner.format]) {
      return html`<${Control} ...${more} schema=${{ ...inner, title, description }} root=${root} value=${value ?? undefined} isNeeded=${false}
        onChange=${(next) => onChange(next === undefined ? null : next)} />`;
    }
  }
  return html`<${Chosen} ...${more} schema=${schema} root=${root} branches=${branches} value=${value} onChange=${onChange} />`;
}

function Chosen({ schema, root, branches, value, onChange, label, isNeeded, ...more }) {
  const [at, setAt] = useState(() => (value === undefined ? -1 : branchOf(schema, root, value)));
  const id = useId();
  const choose = (next) => {
    setAt(next);
    onChange(next < 0 ? undefined : blank(branches[next], root));
  };
  const found = value === undefined && at < 0 ? -1 : at;
  return html`<${Group} ...${more} schema=${{ description: schema.description }} label=${label} isNeeded=${isNeeded}>
    <select id=${id} aria-label=${`Kind of ${label || "this"}`} value=${String(found)} onChange=${(event) => choose(Number(event.target.value))}>
      ${found < 0 && html`<option value="-1">Choose…</option>`}
      ${branches.map((one, number) => html`<option key=${number} value=${String(number)} selected=${number === found}>${branchName(one)}</option>`)}
    </select>
    ${found >= 0 && branches[found].type !== "null" && html`<${Control} key=${found} ...${more} schema=${{ ...branches[found], title: undefined, description: undefined }} root=${root}
      value=${value} onChange=${onChange} label="" isNeeded=${true} />`}
  <//>`;
}

function Places({ schema, root, value, onChange, place, ...more }) {
  const said = Array.isArray(value) ? value : [];
  const put = (at, next) => onChange(schema.prefixItems.map((_, number) => (number === at ? next : (said[number] ?? null))));
  return schema.prefixItems.map((one, at) => html`<${Control} key=${at} ...${more} schema=${one} root=${root} value=${said[at]} label=${resolved(one, root).title || `Part ${at + 1}`}
    isNeeded=${true} place=${itemPlace(place, at)} onChange=${(next) => put(at, next)} />`);
}

function List({ schema, root, value, onChange, place, label, ...more }) {
  const said = Array.isArray(value) ? value : [];
  const inner = resolved(schema.items ?? {}, root);
  const what = (inner.title || label || "item").toLowerCase();
  if (inner.format === "blob") return html`<${BlobList} ...${more} value=${said} onChange=${onChange} label=${label} />`;
  const move = (at, by) => {
    const next = [...said];
    [next[at], next[at + by]] = [next[at + by], next[at]];
    onChange(next);
  };
  return html`
    ${said.map((one, at) => html`<div class="list-item" key=${at}>
      <${Control} ...${more} schema=${{ ...inner, title: undefined, default: undefined }} root=${root} value=${one ?? undefined} isNeeded=${true} label=${`${spelt(inner.title || "Item")} ${at + 1}`} place=${itemPlace(place, at)}
        onChange=${(next) => onChange(said.map((other, number) => (number === at ? (next ?? null) : other)))} />
      <div class="row end">
        ${at > 0 && html`<button type="button" class="plain" onClick=${() => move(at, -1)} aria-label=${`Move item ${at + 1} up`}>Up</button>`}
        ${at < said.length - 1 && html`<button type="button" class="plain" onClick=${() => move(at, 1)} aria-label=${`Move item ${at + 1} down`}>Down</button>`}
        <button type="button" class="plain" onClick=${() => onChange(said.filter((_, number) => number !== at))} aria-label=${`Remove item ${at + 1}`}>Remove</button>
      </div>
    </div>`)}
    <div><button type="button" onClick=${() => onChange([...said, blank(inner, root) ?? (inner.type === "string" ? "" : null)])}>Add ${what}</button></div>`;
}

/** An object of any names: rows of name and value. A row without a name is not said. */
function Entries({ schema, root, value, onChange, place, label, ...more }) {
  const [rows, setRows] = useState(() => Object.entries(value ?? {}));
  const inner = resolved(typeof schema.additionalProperties === "object" ? schema.additionalProperties : {}, root);
  const put = (next) => {
    setRows(next);
    onChange(Object.fromEntries(next.filter(([name]) => name !== "")));
  };
  return html`
    ${rows.map(([name, one], at) => html`<div class="list-item" key=${at}>
      <label>Name<input value=${name} autocomplete="off" onInput=${(event) => put(rows.map((row, number) => (number === at ? [event.target.value, row[1]] : row)))} /></label>
      <${Control} ...${more} schema=${{ ...inner, title: undefined }} root=${root} value=${one ?? undefined} isNeeded=${true} label="Value" place=${fieldPlace(place, name)}
        onChange=${(next) => put(rows.map((row, number) => (number === at ? [row[0], next] : row)))} />
      <div class="row end"><button type="button" class="plain" onClick=${() => put(rows.filter((_, number) => number !== at))} aria-label=${`Remove ${name || "this entry"}`}>Remove</button></div>
    </div>`)}
    <div><button type="button" onClick=${() => put([...rows, ["", blank(inner, root)]])}>Add an entry</button></div>`;
}

function BlobInput({ space, charm, value, onChange, label }) {
  const uploads = useUploads(space, charm?.id, onChange);
  if (value?.blob) {
    return html`<div class="row"><${BlobShown} space=${space} blob=${value} isSmall=${true} />
      <button type="button" onClick=${() => onChange(undefined)}>Take it away</button></div>`;
  }
  return html`<${Uploads} uploads=${uploads} label=${label} isMany=${false} />`;
}

function BlobList({ space, charm, value, onChange, label }) {
  const latest = useRef(null);
  latest.current = { value, onChange }; // more may have come, or gone, while one was sent
  const uploads = useUploads(space, charm?.id, (said) => latest.current.onChange([...latest.current.value, said]));
  return html`
    ${value.length > 0 && html`<ul class="gallery">${value.map((one, at) => html`<li key=${at}>
      <${BlobShown} space=${space} blob=${one} isSmall=${true} place=${at + 1} />
      <button type="button" class="plain" onClick=${() => onChange(value.filter((_, number) => number !== at))}>Remove</button></li>`)}</ul>`}
    <${Uploads} uploads=${uploads} label=${label} />`;
}
