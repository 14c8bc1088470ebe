// Casting a spell: things of a list are picked, the types whose references fit are offered, and one is made of them.
// Knows nothing of what the types compute.
import { html, useEffect, useState } from "../lib.js";
import { link } from "../route.js";
import { useAnswer } from "../use.js";
import { fieldsOf, labelOf, takes } from "../past/casting.js";
import { Fold } from "./fold.js";
import { Control } from "./form.js";
import { say } from "./toasts.js";
import { Value } from "./value.js";
import { count, Failure, Quiet, spelt, text, typeWords } from "./words.js";

const PAGE = 50;

/** What spells are cast on: the elements of one list, to pick from; or, where `node` is "", the charm itself. */
export function Cast({ space, charm, node }) {
  const given = { entity: charm.id, ...(node ? { node } : {}) };
  const { answer, error, again } = useAnswer(space, "spells.find", given, { live: false });
  if (error) return html`<${Failure} title="It could not be asked which spells fit" why=${error} again=${again} />`;
  if (!answer) return html`<${Quiet}>Loading…<//>`;
  const { spells } = answer;
  if (!space.may("edit")) return html`<p class="quiet">You may look at this space, and make nothing in it.</p>`;
  if (!spells.length) return html`<p class="quiet">No type here takes ${node ? `an element of ${node}` : "this charm"}.</p>`;
  if (!node) return html`<${Offered} space=${space} charm=${charm} node="" picked=${[""]} spells=${spells} />`;
  return html`<${OnElements} space=${space} charm=${charm} node=${node} spells=${spells} />`;
}

function OnElements({ space, charm, node, spells }) {
  const [picked, setPicked] = useState([]);
  const [most, setMost] = useState(PAGE);
  const { answer, error, again } = useAnswer(space, "values.elements", { entity: charm.id, node, limit: most });
  if (error && !answer) return html`<${Failure} title="The list could not be read" why=${error} again=${again} />`;
  if (!answer) return html`<${Quiet}>Loading…<//>`;
  const found = answer.elements;
  const there = picked.filter((one) => found.some((element) => element.element === one));
  const toggle = (id) => setPicked(there.includes(id) ? there.filter((one) => one !== id) : [...there, id]);
  return html`<div class="stack">
    ${!found.length && html`<${Quiet}>The list ${node} is empty.<//>`}
    <fieldset class="cast-elements"><legend class="unseen">Elements of ${node}</legend>
      <ul>${found.map((one) => html`<li key=${one.element} class=${there.includes(one.element) ? "cast-element is-picked" : "cast-element"}>
        <label class="cast-pick"><input type="checkbox" checked=${there.includes(one.element)} onChange=${() => toggle(one.element)} />
          <span class="cast-label">${labelOf(one.value)}</span>
          ${there.includes(one.element) && there.length > 1 && html`<span class="tag">${there.indexOf(one.element) + 1}</span>`}</label>
        ${isMore(one.value) && html`<div class="cast-value"><${Fold} name=${labelOf(one.value)}><${Value} value=${unnamed(one.value)} space=${space} entity=${charm.id} depth=${3} /><//></div>`}
        ${one.error && html`<p class="wrong-text">${one.error}</p>`}
      </li>`)}</ul></fieldset>
    ${answer.next && html`<button onClick=${() => setMost(Math.min(1000, most + 200))}>Show more of ${answer.count}</button>`}
    <${Offered} space=${space} charm=${charm} node=${node} picked=${there} spells=${spells} />
  </div>`;
}

/** A value without what it is called by, which stands above it already. */
function unnamed(value) {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const others = Object.entries(value).filter(([, one]) => one !== labelOf(value));
  return others.length ? Object.fromEntries(others) : value;
}

const isMore = (value) => typeof value === "object" && value !== null && ("blob" in value || Object.keys(value).length > 1);

function Offered({ space, charm, node, picked, spells }) {
  const [isAsked, setAsked] = useState("");
  const shown = spells.map((spell) => [spell, takes(spell, picked.length)]);
  return html`<section class="card cast-spells stack tight" aria-live="polite"><h3>${picked.length ? `Cast on ${node ? count(picked.length, "element") : "this charm"}` : "Pick an element to cast a spell on it"}</h3>
    ${picked.length > 0 && html`<ul class="stack tight">${shown.map(([spell, how]) => html`<li key=${spell.type}>
      <div class="row"><button class="main" disabled=${how !== "ready"} title=${spell.type} onClick=${() => setAsked(spell.type)}>${typeWords(spell.type)}</button>
        <span class="soft">${how === "ready" ? `as ${spell.fits.map(spelt).join(" and ").toLowerCase()}` : how ? `needs ${count(how, "more element")}` : `takes ${count(spell.fits.length, "element")} alone`}</span></div>
      ${isAsked === spell.type && how === "ready" && html`<${Casting} key=${picked.join()} space=${space} charm=${charm} node=${node} picked=${picked} spell=${spell} />`}
    </li>`)}</ul>`}
  </section>`;
}

/** Makes it at once where nothing else is needed; else asks for the rest. */
function Casting({ space, charm, node, picked, spell }) {
  const [others, setOthers] = useState({});
  const [why, setWhy] = useState(null);
  const [isBusy, setBusy] = useState(false);
  const declared = space.type(spell.type)?.nodes ?? [];
  const cast = async (event) => {
    event?.preventDefault();
    setBusy(true);
    setWhy(null);
    try {
      const made = await space.call("entities.create", { type: spell.type, fields: fieldsOf(spell, charm.id, node, picked, others) });
      say(`${typeWords(spell.type)} was cast.`);
      location.hash = link(space.name, "charm", made.id);
    } catch (error) {
      setWhy(error);
      setBusy(false);
    }
  };
  const needs = spell.needs.map((name) => declared.find((one) => one.name === name)).filter(Boolean);
  useEffect(() => {
    if (!needs.length) cast();
  }, []);
  if (!needs.length) return why ? html`<${Failure} title="The spell was not cast" why=${why} again=${cast} />` : html`<p class="soft" role="status">Casting…</p>`;
  return html`<form class="stack tight" onSubmit=${cast}>
    ${needs.map((one) => html`<${Control} key=${one.name} schema=${one.schema} root=${one.schema} value=${others[one.name]} label=${spelt(one.name)} isNeeded place=${one.name} errors=${{}} space=${space} charm=${null}
      onChange=${(value) => setOthers({ ...others, [one.name]: value })} />`)}
    ${why && html`<p class="wrong-text" role="alert">${text(why)}</p>`}
    <div class="row"><button class="main" disabled=${isBusy}>${isBusy ? "Casting…" : "Cast"}</button></div>
  </form>`;
}
