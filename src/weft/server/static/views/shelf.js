// The shelf: all charms of the space, page by page, as they change; and the making of new ones.
import { html } from "../lib.js";
import { link } from "../route.js";
import { useAnswer } from "../use.js";
import { Failure, Quiet, nameOf } from "../parts/words.js";

export default function Shelf({ space }) {
  const { answer, error, again } = useAnswer(space, "entities.find", {});
  if (!answer) return error ? html`<${Failure} title="The shelf could not be read" why=${error} again=${again} />` : html`<${Quiet}>Loading…<//>`;
  return html`<h1>Shelf</h1><ul>${answer.entities.map((one) => html`<li key=${one.id}>
    <a href=${link(space.name, "charm", one.id)}>${nameOf(one)}</a> ${one.preview}</li>`)}</ul>`;
}
