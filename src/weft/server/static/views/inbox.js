// The inbox: what runs have asked.
import { html } from "../lib.js";
import { useAnswer } from "../use.js";

export default function Inbox({ space }) {
  const { answer } = useAnswer(space, "questions.find");
  return html`<h1>Inbox</h1><ul>${answer?.questions.map((one) => html`<li key=${one.id}>${one.name}</li>`)}</ul>`;
}
