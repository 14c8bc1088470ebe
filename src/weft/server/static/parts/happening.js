// What a charm folds events into: what came of them, and a form for each event that it takes.
// Knows nothing of how events are folded. Invariant: what was typed is kept until it is told, or left.
import { html, useLayoutEffect, useRef, useState } from "../lib.js";
import { useDraft } from "./draft.js";
import { Control, Fields } from "./form.js";
import { blank, isSecret, misfits, resolved } from "./schema.js";
import { say } from "./toasts.js";
import { Value } from "./value.js";
import { text, typeWords } from "./words.js";

export function Happenings({ charm, node, declared, label }) {
  return html`<h3 class="told-name" title=${node.name}>${label}</h3>
    <div class="told-value stack tight">
      <div><${Value} value=${node.value} space=${charm.space} entity=${charm.id} /></div>
      ${(declared?.events ?? []).map((one) => html`<${Happening} key=${one.event} charm=${charm} node=${node} ...${one} />`)}
    </div>`;
}

function Happening({ charm, node, event: name, schema }) {
  const key = `${charm.space.name} ${charm.id} ${node.name} event ${name}`;
  const [draft, setDraft, forget] = useDraft(key, null, { isKept: !isSecret(schema) });
  const [errors, setErrors] = useState({});
  const [isBusy, setBusy] = useState(false);
  const form = useRef(null);
  const opener = useRef(null);
  const isOpen = draft !== null;
  useLayoutEffect(() => {
    if (isOpen) form.current?.querySelector("input:not([type=file]), select, textarea, button")?.focus();
  }, [isOpen]);
  const close = () => {
    forget();
    setErrors({});
    requestAnimationFrame(() => opener.current?.focus());
  };
  const submit = async (event) => {
    event.preventDefault();
    const found = misfits(schema, schema, draft.value);
    setErrors(found);
    if (Object.keys(found).length) return;
    setBusy(true);
    try {
      const answer = await charm.tell({ tell: [{ event: name, value: draft.value }] });
      if (answer.told === null) say("Kept. It is shown when a program computes this space.");
      close();
    } catch (why) {
      setErrors({ ...why.errors, "": text(why) });
    }
    setBusy(false);
  };
  const words = typeWords(name);
  if (!isOpen) {
    return html`<div><button type="button" ref=${opener} title=${name} onClick=${() => setDraft({ value: blank(schema, schema) ?? {} })}>${words}</button></div>`;
  }
  const given = { value: draft.value, onChange: (value) => setDraft({ value }), place: "", errors, space: charm.space, charm };
  const shape = resolved(schema, schema);
  return html`<form class="told-form" aria-label=${words} ref=${form} onSubmit=${submit} onKeyDown=${(event) => event.key === "Escape" && close()} novalidate>
    <p><strong title=${name}>${words}</strong></p>
    ${shape.properties ? html`<${Fields} ...${given} schema=${shape} root=${schema} />` : html`<${Control} ...${given} schema=${schema} root=${schema} label=${words} isNeeded=${true} />`}
    ${errors[""] && html`<p class="wrong-text" role="alert">${errors[""]}</p>`}
    <div class="row"><button class="main" disabled=${isBusy}>${isBusy ? "Telling…" : "Tell it"}</button><button type="button" onClick=${close}>Cancel</button></div>
  </form>`;
}
