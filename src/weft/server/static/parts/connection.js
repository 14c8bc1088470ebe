// How the connection stands, always in view, and the wish that it be tried now.
// Knows nothing of sockets.
import { html } from "../lib.js";
import { useClock } from "../use.js";

const WORDS = { open: "Live", connecting: "Connecting…", waiting: "Offline", over: "Ended" };

export function Connection({ space }) {
  const { status, retryAtMs, reason } = space.connection.value;
  const now = useClock(status === "waiting");
  const seconds = Math.max(0, Math.ceil(((retryAtMs ?? now) - now) / 1000));
  const isDown = status === "waiting" || status === "over";
  return html`<div class="connection" data-status=${status} title=${reason || undefined}>
    <span class="dot" aria-hidden="true"></span>
    <span role="status">${WORDS[status] ?? status}</span>
    ${status === "waiting" && html`<span class="soft" aria-hidden="true">again in ${seconds} s</span>`}
    ${status === "over" && reason && html`<span class="soft">${reason}</span>`}
    ${isDown && html`<button onClick=${() => space.live.reconnectNow()}>Reconnect now</button>`}
  </div>`;
}
