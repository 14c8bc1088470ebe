// Values, as people read them: text, numbers, tables, pictures, links, and what is nested in them.
// Knows nothing of how they came to be. Invariant: a value is only ever shown, never run, and what is long is cut until
// it is asked for.
import { html, useEffect, useState } from "../lib.js";
import { link } from "../route.js";
import { BlobShown, isBlob, sentName } from "./blob.js";
import { Markdown, Out, isMarkdown, safeAddress } from "./markdown.js";
import { count, size, spelt } from "./words.js";

const CHARACTERS = 3000;
const ROWS = 30;
const COLUMNS = 8;
const DEPTH_MAX = 6;
const DIGEST = 90;
const ID = /^b[a-z2-7]{58}$/;
const THING = /^[a-z2-7]{26}$/;

/** `space` and `entity` are where it is from: pictures are fetched for that. */
export function Value({ value, space, entity, depth = 0 }) {
  const given = { space, entity, depth: depth + 1 };
  if (value === null || value === undefined) return html`<span class="soft">Nothing</span>`;
  if (typeof value === "boolean") return html`<span>${value ? "Yes" : "No"}</span>`;
  if (typeof value === "number") return html`<span class="figure" title=${String(value)}>${figure(value)}</span>`;
  if (typeof value === "string") return html`<${Text} text=${value} isInner=${depth > 0} />`;
  if (depth > DEPTH_MAX) return html`<code>${JSON.stringify(value).slice(0, 500)}</code>`;
  if (Array.isArray(value)) return html`<${List} value=${value} given=${given} />`;
  if (isBlob(value)) return html`<${BlobShown} space=${space} entity=${entity} blob=${value} isSmall=${depth > 0} />`;
  if (typeof value["/"] === "string") return html`<${Id} id=${value["/"]} />`;
  if (typeof value["/"]?.bytes === "string") return html`<span class="soft">${size(Math.floor((value["/"].bytes.length * 3) / 4))}</span>`;
  if (isReference(value)) return html`<${ReferenceShown} value=${value} space=${space} />`;
  return html`<${Record} value=${value} given=${given} />`;
}

/** A content id, which nobody reads whole. */
const Id = ({ id }) => (sentName(id) ? html`<span title=${id}>${sentName(id)}</span>` : html`<code class="id" title=${id}>${id.slice(0, 8)}…${id.slice(-6)}</code>`);

const REFERENCE = new Set(["entity", "node", "element"]);

/** Whether a value is a reference, as the server writes one. */
export const isReference = (value) => typeof value?.entity === "string" && Object.keys(value).every((name) => REFERENCE.has(name)) && "node" in value;

/** What it leads to: a charm, or an element, which is called by its own name, with the charm that it is of. */
function ReferenceShown({ value: { entity, node, element }, space }) {
  const [named, setNamed] = useState("");
  useEffect(() => {
    let isOver = false;
    const take = (found) => isOver || setNamed(digest(found.value));
    if (element) space.call("values.get", { entity, node, element }).then(take, () => {}); // it may not be read, or is gone
    return () => (isOver = true);
  }, [space, entity, node, element, element && space.tick.value]);
  const from = html`<a href=${link(space.name, "charm", entity)}>${space.nameFor(entity)}${node ? ` · ${spelt(node)}` : ""}${element && !named ? ` (${element.slice(0, 8)})` : ""}</a>`;
  return named ? html`<span><a href=${link(space.name, "charm", entity, "why", node, { element })}>${named}</a> <span class="soft small">of ${from}</span></span>` : from;
}

function figure(number) {
  if (Number.isInteger(number)) return Math.abs(number) < 1e15 ? number.toLocaleString("en-GB") : String(number);
  const isPlain = Math.abs(number) < 1e9 && Math.abs(number) >= 1e-4;
  return isPlain ? number.toLocaleString("en-GB", { maximumSignificantDigits: 8 }) : String(Number(number.toPrecision(8)));
}

function Text({ text, isInner }) {
  const [isWhole, setWhole] = useState(false);
  if (text === "") return html`<span class="soft">Empty</span>`;
  const isLong = text.length > CHARACTERS && !isWhole;
  const shown = isLong ? text.slice(0, CHARACTERS) : text;
  const more = isLong && html`<button type="button" class="plain" onClick=${() => setWhole(true)}>Show all ${text.length.toLocaleString("en-GB")} characters</button>`;
  if (/^https?:\/\/\S+$/.test(text) && safeAddress(text)) return html`<${Out} to=${text}>${shown}<//>${more}`;
  if (ID.test(text)) return html`<${Id} id=${text} />`;
  if (isInner && THING.test(text) && /\d/.test(text)) return html`<code class="id" title=${text}>${text.slice(0, 8)}…</code>`;
  if (!isInner && isMarkdown(shown)) return html`<${Markdown} text=${shown} />${more}`;
  return html`<span class="text">${shown}</span>${more}`;
}

const isPlainRecord = (one) => typeof one === "object" && one !== null && !Array.isArray(one) && !isBlob(one) && !("/" in one) && !isReference(one);

function List({ value, given }) {
  const [most, setMost] = useState(ROWS);
  if (value.length === 0) return html`<span class="soft">An empty list</span>`;
  const shown = value.slice(0, most);
  const more = value.length > most && html`<button type="button" class="plain" onClick=${() => setMost(most * 4)}>Show more of ${value.length.toLocaleString("en-GB")}</button>`;
  if (value.every(isBlob)) return html`<ul class="gallery">${shown.map((one, at) => html`<li key=${at}><${BlobShown} ...${given} blob=${one} isSmall=${true} place=${at + 1} /></li>`)}</ul>${more}`;
  if (value.every(isPlainRecord) && given.depth < 4) return html`<${Table} rows=${shown} given=${given} />${more}`;
  const isShort = value.every((one) => typeof one !== "object" && String(one).length < 40);
  return html`<ul class=${isShort ? "words" : "bullets"}>${shown.map((one, at) => html`<li key=${at}><${Value} ...${given} value=${one} /></li>`)}</ul>${more}`;
}

function Table({ rows, given }) {
  const columns = [...new Set(rows.flatMap((one) => Object.keys(one)))].filter((one) => one !== "$" || new Set(rows.map((row) => row.$)).size > 1);
  if (columns.length > COLUMNS) return html`<ul class="stack">${rows.map((one, at) => html`<li key=${at}><${Record} value=${one} given=${given} /></li>`)}</ul>`;
  return html`<div class="wide" tabindex="0" role="group" aria-label=${`Table of ${count(rows.length, "row")}`}><table>
    <thead><tr>${columns.map((one) => html`<th key=${one} scope="col" class=${rows.every((row) => !(one in row) || typeof row[one] === "number") ? "right" : ""}>${one === "$" ? "Kind" : spelt(one)}</th>`)}</tr></thead>
    <tbody>${rows.map((row, at) => html`<tr key=${at}>${columns.map((one) => html`<td key=${one} class=${typeof row[one] === "number" ? "right" : ""}>${one in row && html`<${Cell} given=${given} value=${row[one]} />`}</td>`)}</tr>`)}</tbody>
  </table></div>`;
}

const isNested = (value) => (Array.isArray(value) ? value.some((one) => typeof one === "object" && one !== null) : isPlainRecord(value));

/** A value in a table: what is nested in it is told in a line, and shown where that is asked for. */
function Cell({ given, value }) {
  const [isOpen, setOpen] = useState(false);
  if (!value || !isNested(value) || (Array.isArray(value) && value.every(isBlob))) return html`<${Value} ...${given} value=${value} />`;
  return html`<details class="nested" open=${isOpen} onToggle=${(event) => setOpen(event.currentTarget.open)}>
    <summary>${digest(value)}</summary>${isOpen && html`<${Value} ...${given} value=${value} />`}</details>`;
}

/** What a value is about, in a few words. */
export function digest(value) {
  if (value === null || value === undefined) return "";
  if (Array.isArray(value)) {
    if (value.length === 0) return "none";
    const named = value.slice(0, 12).map(digest).filter(Boolean).join(" · ");
    return cut(`${value.length === 1 ? "" : `${value.length}: `}${named}`);
  }
  if (typeof value !== "object") return ID.test(value) ? "" : cut(typeof value === "number" ? figure(value) : String(value));
  const names = Object.keys(value).filter((one) => one !== "$");
  const told = NAMING.find((one) => typeof value[one] === "string") ?? names.find((one) => isNested(value[one]) && digest(value[one]));
  return digest(value[told ?? names.find((one) => digest(value[one]))]);
}

const NAMING = ["name", "title", "label", "text", "subject"];
const cut = (text) => (text.length > DIGEST ? `${text.slice(0, DIGEST - 1).trimEnd()}…` : text);

function Record({ value, given }) {
  const names = Object.keys(value).filter((one) => one !== "$");
  if (names.length === 0) return html`<span class="soft">${value.$ ?? "Empty"}</span>`;
  return html`<dl class="record">${value.$ !== undefined && html`<dt>Kind</dt><dd>${String(value.$)}</dd>`}
    ${names.map((one) => html`<dt key=${`${one} name`}>${spelt(one)}</dt><dd key=${one}><${given.depth > 1 ? Cell : Value} ...${given} given=${given} value=${value[one]} /></dd>`)}</dl>`;
}
