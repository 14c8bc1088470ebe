// One charm: what it was told, what is computed of it, and its runs.
import { html } from "../lib.js";

export default function Charm({ entity }) {
  const { nodes } = entity.portrait.value;
  return html`<dl>${nodes.map((one) => html`<dt>${one.name} (${one.state})</dt><dd>${JSON.stringify(one.value)} ${one.error}</dd>`)}</dl>`;
}
