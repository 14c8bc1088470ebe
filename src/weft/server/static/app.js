// Starts everything: asks who the reader is, opens the space that the address names, and shows the view.
// Knows nothing of what any view shows.
import { Weft } from "./weft.js";
import { html, render, signal, useEffect, useErrorBoundary, useRef, useState } from "./lib.js";
import { link, match, parse } from "./route.js";
import { Space } from "./space.js";
import { VIEWS } from "./views.js";
import { Connection } from "./parts/connection.js";
import { Dropping } from "./parts/drop.js";
import { Login, tellTabs } from "./parts/login.js";
import { Toasts, told } from "./parts/toasts.js";
import { Charm } from "./parts/frame.js";
import { useAnswer } from "./use.js";
import { Failure, Quiet } from "./parts/words.js";

const ENGINE_MS = 15_000;
const weft = new Weft();
/** Undefined while nobody was asked, null for a stranger. */
const me = signal(undefined);
const route = signal(parse(location.hash));
/** The names of the spaces that are served; null until they are known. */
const spaces = signal(null);
const trouble = signal(null);
/** Whether this tab was let in before, and did not leave. */
let wasIn = false;

// A file that is dropped beside the field it is for would else be opened in place of the page.
for (const kind of ["dragover", "drop"]) addEventListener(kind, (event) => event.preventDefault());
addEventListener("hashchange", () => (route.value = parse(location.hash)));

async function begin() {
  try {
    trouble.value = null;
    const wasKnown = Boolean(me.peek());
    me.value = (await weft.bringsSession()) ? await weft.whoami() : null;
    if (me.value && location.search) history.replaceState(null, "", location.pathname + location.hash);
    wasIn ||= Boolean(me.value);
    if (me.value && !wasKnown) tellTabs();
    if (me.value) await readSpaces();
  } catch (why) {
    if (why.code === 401) me.value = null;
    else {
      trouble.value = why;
      setTimeout(() => trouble.value === why && begin(), later());
    }
  }
}

async function readSpaces() {
  spaces.value = (await weft.call("spaces.find")).spaces;
}

/** How long to wait before what could not be had is asked for again: not all pages at the same moment. */
const later = () => 1000 + Math.random() * 2000;

async function leave() {
  try {
    await weft.logout();
    wasIn = false;
    me.value = null;
    spaces.value = null;
  } catch (why) {
    told(why);
  }
}

function App() {
  if (trouble.value) {
    return html`<main class="page"><${Failure} title="The server could not be asked" why=${trouble.value} again=${begin} /></main>`;
  }
  if (me.value === undefined || (me.value && !spaces.value)) return html`<main class="page"><${Quiet}>Loading…<//></main>`;
  if (me.value === null) return html`<${Login} weft=${weft} onDone=${begin} wasIn=${wasIn} /><${Toasts} />`;
  const served = spaces.value.map((one) => one.name);
  const name = route.value.space || served[0];
  if (!name) return html`<main class="page"><${Quiet}>No space is served to you.<//></main>`;
  if (!served.includes(name)) {
    return html`<${NoSpace} key=${name} name=${name} first=${served[0]} />`;
  }
  return html`<${InSpace} key=${name} name=${name} served=${served} /><${Toasts} />`;
}

/** Said of a space that is not served; it may have come to be since that was asked last. */
function NoSpace({ name, first }) {
  const [isAsked, setAsked] = useState(false);
  useEffect(() => void readSpaces().catch(told).then(() => setAsked(true)), []);
  if (!isAsked) return html`<main class="page"><${Quiet}>Loading…<//></main>`;
  return html`<main class="page"><h1>There is no space called ${name}</h1>
    <p><a href=${link(first ?? "")}>Go to ${first ?? "the start"}</a></p></main>`;
}

function InSpace({ name, served }) {
  const [space, setSpace] = useState(null);
  useEffect(() => {
    const { position } = spaces.value.find((one) => one.name === name);
    const opened = new Space(weft, name, position, me.value, () => (me.value = null), readSpaces);
    setSpace(opened);
    return () => opened.stop();
  }, [name]);
  return space && html`<${Frame} space=${space} served=${served} />`;
}

function Frame({ space, served }) {
  const { parts, query } = route.value;
  const found = match(VIEWS, parts);
  const main = useRef(null);
  const place = `${space.name}/${parts.join("/")}`;
  const isFirst = useRef(true);
  useEffect(() => {
    // A view may have put the focus where it is wanted already.
    if (!isFirst.current && !main.current?.contains(document.activeElement)) main.current?.focus({ preventScroll: true });
    if (!isFirst.current) scrollTo(0, 0);
    isFirst.current = false;
  }, [place]);
  const entity = found?.params.entity;
  useEffect(() => {
    document.title = [!entity && (found?.view.menu ?? "New charm"), space.name, "Weft"].filter(Boolean).join(" · ");
  }, [found?.view.name, entity]);
  return html`
    <a class="skip" href=${location.hash || "#"} onClick=${(event) => (event.preventDefault(), main.current?.focus())}>Skip to the content</a>
    <${Header} space=${space} served=${served} view=${found?.view} />
    <${Waiting} space=${space} />
    <${Dropping} space=${space} entity=${entity} isShelf=${found?.view.name === "shelf"} />
    <main class="page" id="main" tabindex="-1" ref=${main}>
      ${!found && html`<h1>There is no such page</h1><p><a href=${link(space.name)}>Go to the shelf</a></p>`}
      ${found && (entity
        ? html`<${Charm} key=${entity} space=${space} id=${entity} view=${found.view} views=${VIEWS}>
            ${(charm) => html`<${Loaded} key=${found.view.name} view=${found.view} space=${space} entity=${charm} route=${{ name: found.view.name, params: found.params, query }} />`}
          <//>`
        : html`<${Loaded} key=${found.view.name} view=${found.view} space=${space} entity=${null} route=${{ name: found.view.name, params: found.params, query }} />`)}
    </main>`;
}

/** How many questions are open, beside the name of the inbox. */
function Badge({ space }) {
  const { answer } = useAnswer(space, "questions.find");
  const open = answer?.questions.filter((one) => !one.answered).length ?? 0;
  return open > 0 && html`<span class="badge"><span aria-hidden="true">${open}</span><span class="unseen">, ${open} open</span></span>`;
}

/** Said where no program computes the space: what is told is kept, and nothing comes of it yet. */
function Waiting({ space }) {
  const { answer, again } = useAnswer(space, "spaces.get", {}, { live: false });
  const { status } = space.connection.value;
  useEffect(() => {
    const timer = setInterval(again, ENGINE_MS);
    return () => clearInterval(timer);
  }, [status]);
  if (!answer || answer.is_engine || answer.engine) return null;
  return html`<p class="banner" role="status">No program computes this space now. What is told is kept, and waits.</p>`;
}

function Header({ space, served, view }) {
  return html`<header class="top">
    <div class="top-row">
      <a class="brand" href=${link(space.name)}><img src="/static/icon.svg" alt="" width="24" height="24" />Weft</a>
      ${served.length > 1
        ? html`<label class="in-space"><span class="unseen">Space</span>
            <select value=${space.name} onChange=${(event) => (location.hash = link(event.target.value))}>
              ${served.map((one) => html`<option key=${one} value=${one}>${one}</option>`)}
            </select></label>`
        : html`<span class="in-space">${space.name}</span>`}
      <nav class="menu" aria-label="Views">
        ${VIEWS.filter((one) => one.menu).map((one) => html`<a key=${one.name} href=${link(space.name, one.path)}
          aria-current=${one.name === view?.name ? "page" : undefined}>${one.menu}${one.name === "inbox" && html`<${Badge} space=${space} />`}</a>`)}
      </nav>
      <div class="top-end">
        <${Connection} space=${space} />
        <span class="who">${me.value.user}</span>
        <button class="plain" onClick=${leave}>Log out</button>
      </div>
    </div>
  </header>`;
}

const modules = new Map();

/** A view, whose module is asked for when it is first shown. */
function Loaded({ view, ...given }) {
  const [View, setView] = useState(() => modules.get(view.name) ?? null);
  const [why, setWhy] = useState(null);
  const [broke, mend] = useErrorBoundary((error) => console.error(error));
  const get = () => {
    setWhy(null);
    view.load().then((module) => {
      modules.set(view.name, module.default);
      setView(() => module.default);
    }, setWhy);
  };
  useEffect(() => {
    if (!View) get();
  }, []);
  useEffect(() => {
    const timer = why && setTimeout(get, later());
    return () => clearTimeout(timer);
  }, [why]);
  if (broke) return html`<${Failure} title="This view broke" why=${broke} again=${mend} />`;
  if (why) return html`<${Failure} title="This view could not be loaded" why=${why} again=${get} />`;
  return View ? html`<${View} ...${given} />` : html`<${Quiet}>Loading…<//>`;
}

render(html`<${App} />`, document.getElementById("app"), undefined);
document.querySelector(".boot")?.remove();
begin();
