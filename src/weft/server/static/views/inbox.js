// The inbox: what runs have asked, and nobody has answered.
import { html } from "../lib.js";
import { useAnswer } from "../use.js";
import { Question } from "../parts/question.js";
import { Failure, Quiet, count } from "../parts/words.js";

export default function Inbox({ space }) {
  const { answer, error, again } = useAnswer(space, "questions.find");
  const questions = answer?.questions.filter((one) => !one.answered) ?? [];
  return html`<div class="page-head"><h1>Inbox</h1></div>
    ${error && html`<${Failure} title="The inbox could not be read" why=${error} again=${again} />`}
    ${!answer && !error && html`<${Quiet}>Loading…<//>`}
    <p class="unseen" role="status">${answer ? count(questions.length, "open question") : ""}</p>
    ${answer && questions.length === 0 && html`<div class="card empty"><h2>Nothing is asked</h2><p class="soft">When a run needs an answer or an approval, it shows here.</p></div>`}
    <div class="stack inbox">${questions.map((one) => html`<${Question} key=${one.id} space=${space} question=${one} />`)}</div>`;
}
