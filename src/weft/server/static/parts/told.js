// What a charm is told: each field in place, with what it takes to change it.
//
// What is saved is shown at once, and put back where the server refuses it. Who edits what another changes meanwhile is
// told so, and chooses; nothing of either is lost.
// Knows nothing of what is computed.
import { html, useLayoutEffect, useRef, useState } from "../lib.js";
import { BlobShown, isBlob } from "./blob.js";
import { hasDraft, useDraft } from "./draft.js";
import { Control } from "./form.js";
import { Happenings } from "./happening.js";
import { isBlank, isSecret, misfits } from "./schema.js";
import { say, told } from "./toasts.js";
import { Uploads, useUploads } from "./upload.js";
import { Value } from "./value.js";
import { spelt, text } from "./words.js";

const same = (one, other) => JSON.stringify(one) === JSON.stringify(other);

/** One field: `node` as the portrait has it, `declared` as the type does. */
export function Told({ charm, node, declared }) {
  const given = { charm, node, declared, label: spelt(node.name), schema: declared?.schema ?? {} };
  const mayEdit = charm.space.may("edit");
  const Part = (mayEdit && { items: Items, entries: Entries, counter: Counter, text: Notes, field: Single, ref: Single, fold: Happenings }[node.kind]) || Shown;
  return html`<div class="told" data-node=${node.name}><${Part} ...${given} /></div>`;
}

function Shown({ charm, node, label }) {
  return html`<h3 class="told-name">${label}</h3><div class="told-value"><${Value} value=${node.value} space=${charm.space} entity=${charm.id} /></div>`;
}

// ---- a field, or a reference ----

const isSwitch = (schema) => schema.type === "boolean";

function Single(given) {
  const { charm, node, schema, label } = given;
  const key = `${charm.space.name} ${charm.id} ${node.name}`;
  const [isOpen, setOpen] = useState(() => !isSecret(schema) && hasDraft(key));
  const [shown, setShown] = useState(null); // what is said and not answered yet, as [value]
  const opener = useRef(null);
  const now = shown ? shown[0] : node.value;
  const close = () => {
    setOpen(false);
    requestAnimationFrame(() => opener.current?.focus());
  };
  if (isOpen) return html`<${Editor} ...${given} draftKey=${key} close=${close} show=${setShown} />`;
  if (isSwitch(schema)) {
    const set = async (event) => {
      setShown([event.target.checked]);
      await save(charm, node, event.target.checked, charm.portrait.peek().position).catch(told);
      setShown(null);
    };
    return html`<label class="told-check"><input type="checkbox" checked=${now === true} onChange=${set} /><span>${label}</span></label>`;
  }
  return html`<h3 class="told-name">${label}</h3>
    <div class="told-value">${now === undefined ? html`<span class="soft">Not said yet</span>` : html`<${Value} value=${now} space=${charm.space} entity=${charm.id} />`}
      ${shown && html` <span class="soft small" role="status">Saving…</span>`}</div>
    <button type="button" class="plain told-edit" ref=${opener} onClick=${() => setOpen(true)} aria-label=${`Edit ${label}`}>Edit</button>`;
}

function Editor({ charm, node, schema, declared, label, draftKey, close, show }) {
  const first = { value: node.value, base: charm.portrait.peek().position, before: node.value };
  const [draft, setDraft, forget] = useDraft(draftKey, first, { isKept: !isSecret(schema) });
  const [errors, setErrors] = useState({});
  const [isBusy, setBusy] = useState(false);
  const form = useRef(null);
  useLayoutEffect(() => {
    const control = form.current?.querySelector("input:not([type=file]), select, textarea, button");
    control?.focus();
    if (control?.select && control.type !== "checkbox") control.select();
  }, []);
  const isChanged = !isBusy && !same(node.value, draft.before);
  const leave = () => (forget(), close());
  const submit = async (event) => {
    event.preventDefault();
    const found = misfits(schema, schema, draft.value, "", true);
    setErrors(found);
    if (Object.keys(found).length || isChanged) return;
    if (same(draft.value, node.value)) return void leave();
    setBusy(true);
    show([draft.value]);
    try {
      await save(charm, node, draft.value, draft.base);
      leave();
    } catch (why) {
      setErrors({ ...inField(why, node.name), "": text(why) });
      setBusy(false);
    }
    show(null);
  };
  const onKeyDown = (event) => event.key === "Escape" && (event.stopPropagation(), leave());
  const mine = () => setDraft({ ...draft, before: node.value, base: charm.portrait.peek().position });
  const theirs = () => leave();
  const isWide = schema.type === "object" || schema.type === "array" || schema.anyOf;
  return html`<form class=${isWide ? "told-form wide-form" : "told-form"} ref=${form} onSubmit=${submit} onKeyDown=${onKeyDown} novalidate>
    ${node.kind === "ref"
      ? html`<${Control} schema=${schema} root=${schema} value=${draft.value} label=${label} isNeeded=${true} place="" errors=${errors} space=${charm.space} charm=${charm} target=${declared?.target}
          onChange=${(value) => setDraft((before) => ({ ...before, value }))} />`
      : html`<${Control} schema=${{ ...schema, title: undefined }} root=${schema} value=${draft.value} label=${label} isNeeded=${true} place="" errors=${errors} space=${charm.space} charm=${charm}
          onChange=${(value) => setDraft((before) => ({ ...before, value }))} />`}
    ${isChanged && html`<div class="changed" role="alert">
      <p><strong>It was changed meanwhile</strong>, to:</p>
      <div class="told-value"><${Value} value=${node.value} space=${charm.space} entity=${charm.id} /></div>
      <div class="row"><button type="button" onClick=${mine}>Go on with mine</button><button type="button" onClick=${theirs}>Take theirs</button></div>
    </div>`}
    <div class="row"><button class="main" disabled=${isBusy || isChanged}>${isBusy ? "Saving…" : "Save"}</button>
      <button type="button" onClick=${leave}>Cancel</button></div>
  </form>`;
}

/** Errors of the server, by places within one field. */
export function inField(why, name) {
  const found = {};
  for (const [place, words] of Object.entries(why.errors ?? {})) {
    if (place === name || place.startsWith(`${name}.`) || place.startsWith(`${name}[`)) found[place.slice(name.length).replace(/^\./, "")] = words;
  }
  return found;
}

/** Tell a charm something; the reader is told where nothing comes of it yet. */
async function tell(charm, said) {
  const answer = await charm.tell(said);
  if (answer.told === null) say("Kept. It is shown when a program computes this space.");
  return answer;
}

/** Say it. Where somebody said another thing between what was seen and this, the reader is told, and may take it back. */
async function save(charm, node, value, base) {
  const answer = await tell(charm, { set: { [node.name]: value }, base });
  if (answer.told === null || answer.told <= base + 1) return;
  const { moments } = await charm.space.call("values.history", { entity: charm.id, node: node.name, from: base + 1, limit: 50 });
  const others = moments.filter((one) => one.position < answer.told && one.shown.value !== undefined && !same(one.shown.value, value));
  const theirs = others.at(-1);
  if (!theirs) return;
  say(`${spelt(node.name)} had just been changed to ${JSON.stringify(theirs.shown.value).slice(0, 80)}. Yours stands now.`, {
    label: "Take theirs",
    act: () => tell(charm, { set: { [node.name]: theirs.shown.value }, base: answer.told }).catch(told),
  });
}

// ---- several things ----

const MOST = 60;
const More = ({ count, onClick }) => html`<div><button type="button" class="plain" onClick=${onClick}>Show more of ${count.toLocaleString("en-GB")}</button></div>`;

/** Has one thing said at a time, and says whether it is being said. */
function useTelling(charm) {
  const [isBusy, setBusy] = useState(false);
  const [errors, setErrors] = useState({});
  const changed = async (said) => {
    setBusy(true);
    setErrors({});
    try {
      await tell(charm, said);
      return true;
    } catch (why) {
      setErrors({ "": text(why) });
      return false;
    } finally {
      setBusy(false);
    }
  };
  return { isBusy, errors, setErrors, tell: changed };
}

function Items({ charm, node, schema, label }) {
  const value = Array.isArray(node.value) ? node.value : [];
  const { errors, tell: change } = useTelling(charm);
  const [most, setMost] = useState(MOST);
  const uploads = useUploads(charm.space, charm.id, (said) => tell(charm, { add: { [node.name]: [said] } }));
  const isOfBlobs = schema.format === "blob";
  const remove = (one) => change({ remove: { [node.name]: [one] }, base: charm.portrait.peek().position });
  const move = (at, by) => change({ move: { [node.name]: { item: value[at], before: by < 0 ? value[at - 1] : (value[at + 2] ?? null) } } });
  return html`<h3 class="told-name">${label}</h3>
    <div class="told-value stack tight">
      ${value.length === 0 && html`<span class="soft">None yet</span>`}
      <ul class=${isOfBlobs ? "gallery" : "things"}>${value.slice(0, most).map((one, at) => html`<li key=${JSON.stringify(one)}>
        ${isBlob(one) ? html`<${BlobShown} space=${charm.space} entity=${charm.id} blob=${one} isSmall=${true} place=${at + 1} />` : html`<div><${Value} value=${one} space=${charm.space} entity=${charm.id} depth=${1} /></div>`}
        <span class="row acts">
          ${at > 0 && html`<button type="button" class="plain" aria-label=${`Move ${label} ${at + 1} up`} onClick=${() => move(at, -1)}>Up</button>`}
          <button type="button" class="plain" aria-label=${`Remove ${label} ${at + 1}`} onClick=${() => remove(one)}>Remove</button></span></li>`)}</ul>
      ${value.length > most && html`<${More} count=${value.length} onClick=${() => setMost(most * 4)} />`}
      ${errors[""] && html`<p class="wrong-text" role="alert">${errors[""]}</p>`}
      ${isOfBlobs ? html`<${Uploads} uploads=${uploads} label=${`Add to ${label}`} name=${node.name} />` : html`<${Adding} charm=${charm} name=${node.name} schema=${schema} label=${label} />`}
    </div>`;
}

function Adding({ charm, name, schema, label, withKey = false }) {
  const [draft, setDraft, forget] = useDraft(`${charm.space.name} ${charm.id} ${name} add`, {});
  const [isOpen, setOpen] = useState(draft.value !== undefined);
  const { isBusy, errors, setErrors, tell } = useTelling(charm);
  const form = useRef(null);
  const opener = useRef(null);
  useLayoutEffect(() => {
    if (isOpen) form.current?.querySelector("input, select, textarea")?.focus();
  }, [isOpen]);
  const close = () => {
    forget();
    setOpen(false);
    requestAnimationFrame(() => opener.current?.focus());
  };
  const submit = async (event) => {
    event.preventDefault();
    const found = misfits(schema, schema, !withKey && isBlank(draft.value) ? undefined : draft.value, "", true);
    setErrors(found);
    if (Object.keys(found).length) return;
    const said = withKey ? { put: { [name]: { [draft.key ?? ""]: draft.value } } } : { add: { [name]: [draft.value] } };
    if (await tell(said)) close();
  };
  if (!isOpen) return html`<div><button type="button" ref=${opener} onClick=${() => setOpen(true)} aria-label=${`Add to ${label}`}>Add</button></div>`;
  return html`<form class="told-form" ref=${form} onSubmit=${submit} onKeyDown=${(event) => event.key === "Escape" && close()} novalidate>
    ${withKey && html`<label>Name<input value=${draft.key ?? ""} autocomplete="off" onInput=${(event) => setDraft((before) => ({ ...before, key: event.target.value }))} /></label>`}
    <${Control} schema=${{ ...schema, title: undefined }} root=${schema} value=${draft.value} label=${withKey ? "Value" : `New, for ${label.toLowerCase()}`} isNeeded=${true} place="" errors=${errors} space=${charm.space} charm=${charm}
      onChange=${(value) => setDraft((before) => ({ ...before, value }))} />
    <div class="row"><button class="main" disabled=${isBusy}>${isBusy ? "Adding…" : "Add"}</button><button type="button" onClick=${close}>Cancel</button></div>
  </form>`;
}

function Entries({ charm, node, schema, label }) {
  // JSON names keys by text; maps of other keys are lists of pairs.
  const rows = Array.isArray(node.value) ? node.value : Object.entries(node.value ?? {});
  const { errors, tell } = useTelling(charm);
  const [most, setMost] = useState(MOST);
  return html`<h3 class="told-name">${label}</h3>
    <div class="told-value stack tight">
      ${rows.length === 0 && html`<span class="soft">None yet</span>`}
      <ul class="things">${rows.slice(0, most).map(([key, one]) => html`<${Entry} key=${JSON.stringify(key)} charm=${charm} name=${node.name} schema=${schema} of=${key} value=${one}
        remove=${() => tell({ drop: { [node.name]: [key] }, base: charm.portrait.peek().position })} />`)}</ul>
      ${rows.length > most && html`<${More} count=${rows.length} onClick=${() => setMost(most * 4)} />`}
      ${errors[""] && html`<p class="wrong-text" role="alert">${errors[""]}</p>`}
      <${Adding} charm=${charm} name=${node.name} schema=${schema} label=${label} withKey=${true} />
    </div>`;
}

/** One entry of a map. What it holds is changed in place, under a key that is text. */
function Entry({ charm, name, schema, of, value, remove }) {
  const [draft, setDraft] = useState(null); // what is being said of it, as [value]
  const { isBusy, errors, setErrors, tell } = useTelling(charm);
  const opener = useRef(null);
  const form = useRef(null);
  const isOpen = draft !== null;
  useLayoutEffect(() => {
    if (isOpen) form.current?.querySelector("input, select, textarea")?.focus();
  }, [isOpen]);
  const close = () => {
    setDraft(null);
    setErrors({});
    requestAnimationFrame(() => opener.current?.focus());
  };
  const submit = async (event) => {
    event.preventDefault();
    const found = misfits(schema, schema, draft[0], "", true);
    setErrors(found);
    if (Object.keys(found).length) return;
    if (same(draft[0], value) || (await tell({ put: { [name]: { [of]: draft[0] } } }))) close();
  };
  if (isOpen) return html`<li><form class="told-form" ref=${form} onSubmit=${submit} onKeyDown=${(event) => event.key === "Escape" && (event.stopPropagation(), close())} novalidate>
    <${Control} schema=${{ ...schema, title: undefined }} root=${schema} value=${draft[0]} label=${of} isNeeded=${true} place="" errors=${errors} space=${charm.space} charm=${charm} onChange=${(said) => setDraft([said])} />
    <div class="row"><button class="main" disabled=${isBusy}>${isBusy ? "Saving…" : "Save"}</button><button type="button" onClick=${close}>Cancel</button></div>
  </form></li>`;
  const shown = typeof of === "string" ? of : JSON.stringify(of);
  return html`<li class="keyed"><span class="soft">${shown}</span>
    <span class="row acts">${typeof of === "string" && html`<button type="button" class="plain" ref=${opener} aria-label=${`Edit ${shown}`} onClick=${() => setDraft([value])}>Edit</button>`}
      <button type="button" class="plain" aria-label=${`Remove ${shown}`} onClick=${remove}>Remove</button></span>
    <div class="keyed-value"><${Value} value=${value} space=${charm.space} entity=${charm.id} depth=${1} /></div></li>`;
}

function Counter({ charm, node, label }) {
  const { errors, tell } = useTelling(charm);
  const add = (by) => tell({ increment: { [node.name]: by } });
  return html`<h3 class="told-name">${label}</h3>
    <div class="told-value row counter"><button type="button" aria-label=${`One less: ${label}`} onClick=${() => add(-1)}>−</button>
      <output class="figure">${Number(node.value ?? 0).toLocaleString("en-GB")}</output>
      <button type="button" aria-label=${`One more: ${label}`} onClick=${() => add(1)}>+</button>
      ${errors[""] && html`<p class="wrong-text" role="alert">${errors[""]}</p>`}</div>`;
}

// ---- text that several write ----

/** What leads from one text to another, as one edit; null where they are equal. Positions count characters. */
export function edited(before, after) {
  const [was, is] = [[...before], [...after]];
  let start = 0;
  while (start < was.length && start < is.length && was[start] === is[start]) start += 1;
  let end = 0;
  while (end < was.length - start && end < is.length - start && was.at(-1 - end) === is.at(-1 - end)) end += 1;
  const text = is.slice(start, is.length - end).join("");
  const stop = was.length - end;
  if (start === stop) return text ? { verb: "insert", at: start, text } : null;
  return text ? { verb: "replace", start, stop, text } : { verb: "delete", start, stop };
}

function Notes({ charm, node, label }) {
  const now = String(node.value ?? "");
  const key = `${charm.space.name} ${charm.id} ${node.name}`;
  const [isOpen, setOpen] = useState(() => hasDraft(key));
  const opener = useRef(null);
  const close = () => {
    setOpen(false);
    requestAnimationFrame(() => opener.current?.focus());
  };
  if (isOpen) return html`<${Writing} charm=${charm} node=${node} label=${label} draftKey=${key} close=${close} />`;
  return html`<h3 class="told-name">${label}</h3>
    <div class="told-value">${now ? html`<${Value} value=${now} space=${charm.space} entity=${charm.id} />` : html`<span class="soft">Nothing written yet</span>`}</div>
    <button type="button" class="plain told-edit" ref=${opener} onClick=${() => setOpen(true)} aria-label=${`Edit ${label}`}>Edit</button>`;
}

function Writing({ charm, node, label, draftKey, close }) {
  const first = { value: String(node.value ?? ""), before: String(node.value ?? ""), base: charm.portrait.peek().position };
  const [draft, setDraft, forget] = useDraft(draftKey, first);
  const { isBusy, errors, tell } = useTelling(charm);
  const area = useRef(null);
  useLayoutEffect(() => area.current?.focus(), []);
  const leave = () => (forget(), close());
  const submit = async (event) => {
    event.preventDefault();
    const edit = edited(draft.before, draft.value);
    if (!edit || (await tell({ edit: { [node.name]: [edit] }, base: draft.base }))) leave();
  };
  return html`<form class="told-form wide-form" onSubmit=${submit} onKeyDown=${(event) => event.key === "Escape" && leave()}>
    <label>${label}<textarea ref=${area} rows="8" value=${draft.value} onInput=${(event) => setDraft((before) => ({ ...before, value: event.target.value }))}></textarea></label>
    ${String(node.value ?? "") !== draft.before && html`<p class="soft small" role="status">Others wrote meanwhile. What you write is joined with theirs.</p>`}
    ${errors[""] && html`<p class="wrong-text" role="alert">${errors[""]}</p>`}
    <div class="row"><button class="main" disabled=${isBusy}>${isBusy ? "Saving…" : "Save"}</button><button type="button" onClick=${leave}>Cancel</button></div>
  </form>`;
}
