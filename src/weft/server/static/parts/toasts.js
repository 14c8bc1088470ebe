// Short notes at the edge of the page: what failed, and what was done. They are read aloud, and errors stay until closed.
// Knows nothing of who says them.
import { html, signal, useEffect } from "../lib.js";
import { text } from "./words.js";

const STAYS_MS = 6000;
const MOST = 4;
const toasts = signal([]);
let number = 0;

/** Say something; `{act, label}` offers a way back. Errors stay until they are closed. */
export function say(message, { isError = false, act = null, label = "" } = {}) {
  const last = toasts.peek().at(-1);
  if (last && last.message === message && !act) return;
  toasts.value = [...toasts.peek().slice(1 - MOST), { id: (number += 1), message, isError, act, label }];
}

/** Say that something failed. */
export const told = (why) => say(text(why), { isError: true });

const close = (id) => (toasts.value = toasts.peek().filter((one) => one.id !== id));

export function Toasts() {
  return html`<div class="toasts" role="region" aria-label="Messages">
    <div role="status" aria-live="polite">${toasts.value.filter((one) => !one.isError).map((one) => html`<${Toast} key=${one.id} ...${one} />`)}</div>
    <div role="alert">${toasts.value.filter((one) => one.isError).map((one) => html`<${Toast} key=${one.id} ...${one} />`)}</div>
  </div>`;
}

function Toast({ id, message, isError, act, label }) {
  useEffect(() => {
    if (isError || act) return undefined;
    const timer = setTimeout(() => close(id), STAYS_MS);
    return () => clearTimeout(timer);
  }, []);
  return html`<div class=${isError ? "toast wrong" : "toast"}>
    <p>${message}</p>
    ${act && html`<button class="plain" onClick=${() => (close(id), act())}>${label}</button>`}
    <button class="plain" aria-label="Close this message" onClick=${() => close(id)}>Close</button>
  </div>`;
}
