// The shelf: all charms of the space, page by page, as they change; and the way to new ones.
import { html, names, useEffect, useId, useRef, useState } from "../lib.js";
import { link } from "../route.js";
import { aimed } from "../parts/upload.js";
import { readable } from "../parts/blob.js";
import { Failure, Quiet, nameOf, typeWords } from "../parts/words.js";

const PAGE = 60;

export default function Shelf({ space, route }) {
  const type = space.type(route.query.type) ? route.query.type : undefined;
  const [sought, setSought] = useState("");
  const { entities, next, error, more, again } = usePages(space, type);
  const id = useId();
  const types = space.types.value?.filter((one) => one.entities > 0 || one.is_known) ?? [];
  const mayCreate = space.may("edit") && types.some((one) => one.is_known);
  const create = mayCreate && html`<a class="button main" href=${link(space.name, "new", type)}>New charm</a>`;
  const words = sought.trim().toLowerCase();
  const shown = words ? entities?.filter((one) => `${one.name} ${one.type} ${one.preview}`.toLowerCase().includes(words)) : entities;
  return html`
    <div class="page-head"><h1>Shelf</h1>${create}</div>
    ${error && html`<${Failure} title="The shelf could not be read" why=${error} again=${again} />`}
    ${entities?.length > 0 && html`<div class="row filters">
      ${types.length > 1 && html`<nav class="chips" aria-label="Types">
        <a href=${link(space.name)} aria-current=${type ? undefined : "true"}>All</a>
        ${types.map((one) => html`<a key=${one.name} href=${link(space.name, { type: one.name })} aria-current=${one.name === type ? "true" : undefined} title=${one.name}>${typeWords(one.name)}</a>`)}
      </nav>`}
      ${(entities.length > 6 || next) && html`<label class="seek" for=${id}><span class="unseen">Find on the shelf</span>
        <input id=${id} type="search" placeholder="Find" value=${sought} onInput=${(event) => setSought(event.target.value)} /></label>`}
    </div>`}
    ${!entities && !error && html`<${Quiet}>Loading…<//>`}
    ${entities?.length === 0 && html`<div class="card empty"><h2>${type ? `No ${typeWords(type).toLowerCase()} yet` : "Nothing is on the shelf yet"}</h2>
      <p class="soft">${mayCreate ? "Make the first charm: it asks for what its type needs." : "Charms that others make show here."}</p>${create}</div>`}
    ${shown?.length > 0 && html`<ul class="shelf">${shown.map((one) => html`<li key=${one.id}><${Charm} space=${space} one=${one} hasTypes=${types.length > 1} /></li>`)}</ul>`}
    ${words && shown?.length === 0 && html`<${Quiet}>None of the ${entities.length} that are loaded fits.<//>`}
    <p class="unseen" role="status">${entities ? `${entities.length} charms` : ""}</p>
    ${next && html`<div class="row center"><button onClick=${more}>Show more</button></div>`}`;
}

function Charm({ space, one, hasTypes }) {
  return html`<a class=${names("card charm-card", aimed.value === one.id && "over")} data-charm=${one.id} data-type=${one.type} href=${link(space.name, "charm", one.id)}>
    <span class="charm-name">${nameOf(one)}</span>
    ${hasTypes && html`<span class="soft small" title=${one.type}>${typeWords(one.type)}</span>`}
    ${one.preview && html`<span class="soft small charm-preview">${readable(one.preview)}</span>`}
  </a>`;
}

/** The pages that were asked for, read anew whenever something happens. */
function usePages(space, type) {
  const [found, setFound] = useState({ entities: null, next: null, error: null, pages: 1 });
  const state = useRef({ pages: 1, number: 0, isBusy: false, isAskedAgain: false }).current;
  const read = async () => {
    if (state.isBusy) return void (state.isAskedAgain = true);
    state.isBusy = true;
    const number = state.number;
    let said = { entities: [], next: null, error: null };
    try {
      for (let page = 0; page < state.pages && (page === 0 || said.next); page += 1) {
        const answer = await space.call("entities.find", { type, limit: PAGE, after: said.next ?? undefined });
        said = { entities: [...said.entities, ...answer.entities], next: answer.next, error: null };
      }
    } catch (error) {
      said = { error };
    }
    state.isBusy = false;
    if (number === state.number) setFound((before) => ({ ...before, ...said }));
    if (state.isAskedAgain || (number !== state.number && state.number !== Infinity)) {
      state.isAskedAgain = false;
      read();
    }
  };
  useEffect(() => {
    state.pages = 1;
    state.number += 1;
    setFound({ entities: null, next: null, error: null });
  }, [type]);
  const tick = space.tick.value;
  useEffect(() => void read(), [type, tick]);
  useEffect(() => () => (state.number = Infinity), []);
  return { ...found, again: read, more: () => ((state.pages += 1), read()) };
}
