// The log: what happened, newest first.
import { html } from "../lib.js";
import { useAnswer } from "../use.js";

export default function Log({ space }) {
  const { answer } = useAnswer(space, "events.find");
  return html`<h1>Log</h1><ol>${answer?.events.map((one) => html`<li key=${one.position}>${one.position} ${one.type} ${one.node} ${one.preview}</li>`)}</ol>`;
}
