// Small things that are said in many places: failures, quiet lines, times, names.
// Knows nothing of spaces.
import { html } from "../lib.js";
import { inWords, kindOf, typeWords } from "./naming.js";

export { inWords, kindOf, typeWords };

/** A line that says that there is nothing, or not yet. */
export const Quiet = ({ children }) => html`<p class="quiet">${children}</p>`;

/** What failed, why, and a way to try again. */
export function Failure({ title, why, again }) {
  return html`<div class="failure" role="alert">
    <strong>${title}</strong>
    <p>${text(why)}</p>
    ${again && html`<button onClick=${again}>Try again</button>`}
  </div>`;
}

/** An error in words. */
export const text = (why) => String(why?.message || why || "It is not known why.");

/** An entity in words: its name, else its type and the first letters of its id. */
export const nameOf = ({ name, type, id }) => name || `${typeWords(String(type))} ${String(id).slice(0, 6)}`;

/** `birth_year` as people write it. */
export function spelt(name) {
  const words = String(name).replace(/_/g, " ").trim();
  return words ? words[0].toUpperCase() + words.slice(1) : "";
}

/** 1 photo, 2 photos. */
export const count = (number, one, many = `${one}s`) => `${number.toLocaleString("en-GB")} ${number === 1 ? one : many}`;

/** A size in words. */
export function size(bytes) {
  if (bytes < 1000) return count(bytes, "byte");
  const [unit, per] = bytes < 1e6 ? ["kB", 1e3] : bytes < 1e9 ? ["MB", 1e6] : ["GB", 1e9];
  const found = bytes / per;
  return `${found < 10 ? found.toFixed(1) : Math.round(found)} ${unit}`;
}

/** A moment of the server (ISO 8601) as the reader's clock has it. */
export function moment(said) {
  const when = new Date(said);
  if (Number.isNaN(when.getTime())) return String(said ?? "");
  return when.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
}

/** When something was, by the reader's clock, day and time. Nothing where it is not known. */
export function Time({ at }) {
  const when = at ? new Date(at) : null;
  if (!when || Number.isNaN(when.getTime())) return null;
  const whole = when.toLocaleString("en-GB", { dateStyle: "full", timeStyle: "long" });
  return html`<time datetime=${when.toISOString()} title=${whole}>${when.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "medium" })}</time>`;
}
