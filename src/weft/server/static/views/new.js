// A new charm: first its type, then a form of what that is told. What was typed outlives a reload.
import { html, useLayoutEffect, useRef, useState } from "../lib.js";
import { link } from "../route.js";
import { useDraft } from "../parts/draft.js";
import { Control } from "../parts/form.js";
import { blank, isSecret, misfits } from "../parts/schema.js";
import { say } from "../parts/toasts.js";
import { inField } from "../parts/told.js";
import { Quiet, count, spelt, text, typeWords } from "../parts/words.js";

export default function New({ space, route }) {
  const types = space.types.value;
  if (!types) return html`<${Quiet}>Loading…<//>`;
  const known = types.filter((one) => one.is_known);
  const type = known.find((one) => one.name === route.params.type) ?? (known.length === 1 ? known[0] : null);
  if (!space.may("edit")) {
    return html`<p class="crumbs"><a href=${link(space.name)}>Shelf</a></p><h1>New charm</h1>
      <${Quiet}>You may look at this space, and make nothing in it.<//>`;
  }
  if (type) return html`<${Form} key=${type.name} space=${space} type=${type} isOnly=${known.length === 1} />`;
  return html`<p class="crumbs"><a href=${link(space.name)}>Shelf</a></p><h1>New charm</h1>
    ${known.length === 0 && html`<${Quiet}>This server has the code of no type, so none can be made here.<//>`}
    <ul class="shelf">${known.map((one) => html`<li key=${one.name}><a class="card charm-card" href=${link(space.name, "new", one.name)}>
      <span class="charm-name" title=${one.name}>${typeWords(one.name)}</span>${one.doc && html`<span class="soft small">${one.doc}</span>`}<span class="soft small">${count(one.nodes.filter((node) => !node.told).length, "computed value")}</span></a></li>`)}</ul>`;
}

/** What may be said at creation, with the verb for it. */
const VERBS = { field: "fields", ref: "fields", items: "add", entries: "put", text: "edit" };

function wholeSchema(node) {
  if (node.kind === "items") return { type: "array", items: node.schema, $defs: node.schema.$defs, default: [] };
  if (node.kind === "entries") return { type: "object", additionalProperties: node.schema, $defs: node.schema.$defs, default: {} };
  if (node.kind === "text") return { type: "string", default: "" };
  return node.schema;
}

function Form({ space, type, isOnly }) {
  const nodes = type.nodes.filter((one) => one.told && VERBS[one.kind] && one.schema && (one.at_creation || VERBS[one.kind] !== "fields"));
  const fields = nodes.map((node) => ({ node, schema: wholeSchema(node), isNeeded: node.required === true }));
  const first = () => Object.fromEntries(fields.filter((one) => one.isNeeded || one.schema.default !== undefined).map(({ node, schema }) => [node.name, blank(schema, schema)]).filter(([, one]) => one !== undefined));
  const isKept = !fields.some((one) => isSecret(one.schema));
  const [draft, setDraft, forget] = useDraft(`${space.name} new ${type.name}`, first(), { isKept });
  const [errors, setErrors] = useState({});
  const [isBusy, setBusy] = useState(false);
  const form = useRef(null);
  useLayoutEffect(() => form.current?.querySelector("input:not([type=file]), textarea, select")?.focus(), []);
  const fail = (found) => {
    setErrors(found);
    requestAnimationFrame(() => form.current?.querySelector('[aria-invalid="true"]')?.focus());
  };
  const submit = async (event) => {
    event.preventDefault();
    const found = {};
    for (const { node, schema, isNeeded } of fields) {
      for (const [place, why] of Object.entries(misfits(schema, schema, draft[node.name], "", isNeeded))) found[node.name] = { ...found[node.name], [place]: why };
    }
    if (Object.keys(found).length) return fail(found);
    setBusy(true);
    try {
      const made = await space.call("entities.create", { type: type.name, ...told(fields, draft) });
      forget();
      say(made.told === null ? "Kept. It is made when a program computes this space." : `${typeWords(type.name)} made`);
      location.hash = made.told === null ? link(space.name) : link(space.name, "charm", made.id);
    } catch (why) {
      const inFields = Object.fromEntries(fields.map(({ node }) => [node.name, inField(why, node.name)]).filter(([, one]) => Object.keys(one).length));
      fail({ ...inFields, "": { "": text(why) } });
      setBusy(false);
    }
  };
  return html`<p class="crumbs"><a href=${link(space.name)}>Shelf</a>${!isOnly && html`<span aria-hidden="true">/</span><a href=${link(space.name, "new")}>New charm</a>`}</p>
    <h1 title=${type.name}>New ${typeWords(type.name).toLowerCase()}</h1>
    ${type.doc && html`<p class="soft">${type.doc}</p>`}
    <form class="card stack new-form" ref=${form} onSubmit=${submit} novalidate>
      ${fields.length === 0 && html`<p class="soft">It asks for nothing.</p>`}
      ${fields.map(({ node, schema, isNeeded }) => html`<${Control} key=${node.name} schema=${{ ...schema, title: undefined }} root=${schema} value=${draft[node.name]} isNeeded=${isNeeded} label=${spelt(node.name)}
        place="" errors=${errors[node.name]} space=${space} target=${node.target} onChange=${(next) => setDraft((before) => put(before, node.name, next))} />`)}
      ${errors[""] && html`<p class="wrong-text" role="alert">${errors[""][""]}</p>`}
      <div class="row"><button class="main" disabled=${isBusy}>${isBusy ? "Making it…" : "Make it"}</button>
        <a class="button" href=${link(space.name)} onClick=${forget}>Cancel</a></div>
    </form>`;
}

function put(before, name, next) {
  const { [name]: _, ...others } = before;
  return next === undefined ? others : { ...others, [name]: next };
}

function told(fields, draft) {
  const said = { fields: {} };
  for (const { node, schema } of fields) {
    const value = draft[node.name];
    const verb = VERBS[node.kind];
    const isDefault = schema.default !== undefined && JSON.stringify(value) === JSON.stringify(schema.default);
    const isNothing = value === undefined || isDefault || (verb !== "fields" && !Object.keys(value).length);
    if (isNothing) continue;
    said[verb] = { ...said[verb], [node.name]: verb === "edit" ? [{ verb: "insert", at: 0, text: value }] : value };
  }
  return said;
}
