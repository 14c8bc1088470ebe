// One question, as a form that is made from what fits as its answer. It goes away by itself once it is answered.
// Knows nothing of who asks.
import { html, useId, useState } from "../lib.js";
import { link } from "../route.js";
import { useDraft } from "./draft.js";
import { Control, Fields } from "./form.js";
import { blank, isSecret, misfits, only, resolved } from "./schema.js";
import { say, told } from "./toasts.js";
import { Value } from "./value.js";
import { count, moment, spelt, text } from "./words.js";

export function Question({ space, question, isHere = false }) {
  const { schema } = question;
  const id = useId();
  const key = `${space.name} question ${question.id}`;
  const [draft, setDraft, forget] = useDraft(key, blank(schema, schema), { isKept: !isSecret(schema) });
  const [errors, setErrors] = useState({});
  const [isBusy, setBusy] = useState(false);
  const may = space.may("answer") && (!question.by?.length || !space.me.user || question.by.includes(space.me.user));
  const answer = async (value) => {
    const found = misfits(schema, schema, value);
    setErrors(found);
    if (Object.keys(found).length) return;
    setBusy(true);
    try {
      await space.call("questions.answer", { question: question.id, answer: value });
      forget();
      say("Answered");
      space.ticked();
    } catch (why) {
      if (why.code === 404) told(why); // somebody else was first
      else setErrors({ ...why.errors, "": text(why) });
      setBusy(false);
      space.ticked();
    }
  };
  const submit = (event) => (event.preventDefault(), answer(draft));
  const yesNo = choice(schema);
  return html`<article class="card question" aria-labelledby=${id} data-question=${question.id}>
    <h3 id=${id}>${question.name}</h3>
    <p class="soft small">${!isHere && html`<a href=${link(space.name, "charm", question.entity)}>${space.nameFor(question.entity)}</a>, `}${spelt(question.flow)}${question.reminders > 0 && `, reminded ${count(question.reminders, "time")}`}${question.expires && `, until ${moment(question.expires)}`}</p>
    ${question.doubt && html`<p class="doubt">${question.doubt}</p>`}
    ${question.refused && html`<p class="wrong-text">The last answer did not fit: ${question.refused}</p>`}
    ${question.about !== null && question.about !== undefined && html`<div class="about"><${Value} value=${unwrapped(question.about)} space=${space} entity=${question.entity} /></div>`}
    ${!may && html`<p class="soft">${question.by?.length ? `For ${question.by.join(", ")} to answer.` : "You may not answer this."}</p>`}
    ${may && html`<form class="stack" onSubmit=${submit} novalidate>
      ${yesNo
        ? html`<div class="row"><button type="button" class="main" disabled=${isBusy} onClick=${() => answer(yesNo.make(true))}>${yesNo.yes}</button>
            <button type="button" disabled=${isBusy} onClick=${() => answer(yesNo.make(false))}>${yesNo.no}</button></div>`
        : html`${resolved(schema, schema).properties
            ? html`<${Fields} schema=${resolved(schema, schema)} root=${schema} value=${draft} onChange=${setDraft} place="" errors=${errors} space=${space} />`
            : html`<${Control} schema=${schema} root=${schema} value=${draft} onChange=${setDraft} place="" label="Answer" isNeeded=${true} errors=${errors} space=${space} />`}
          <div class="row"><button class="main" disabled=${isBusy}>${isBusy ? "Answering…" : "Answer"}</button></div>`}
      ${errors[""] && html`<p class="wrong-text" role="alert">${errors[""]}</p>`}
    </form>`}
  </article>`;
}

/** What a question is about is said under `value` where it is no record. */
const unwrapped = (about) => (about && typeof about === "object" && Object.keys(about).join() === "value" ? about.value : about);

/** Two buttons do for a form that asks nothing but yes or no; null for any other. */
function choice(given) {
  const schema = resolved(given, given);
  if (schema.type === "boolean") return { yes: "Yes", no: "No", make: (said) => said };
  const fixed = {};
  const asked = [];
  for (const [name, one] of Object.entries(schema.properties ?? {})) {
    const found = only(resolved(one, given));
    if (found) [fixed[name]] = found;
    else asked.push([name, resolved(one, given)]);
  }
  if (asked.length !== 1 || asked[0][1].type !== "boolean") return null;
  const [[name, { title }]] = asked;
  const isApproval = name === "is_approved";
  return {
    yes: isApproval ? "Approve" : title && title.toLowerCase() !== "yes" ? `Yes: ${title.toLowerCase()}` : "Yes", no: isApproval ? "Decline" : "No",
    make: (said) => ({ ...fixed, [name]: said }),
  };
}
