// What stands around every view of one charm: its name, its type, and the tabs. It is opened for as long as it is shown.
// Knows nothing of what the views show.
import { html, useEffect, useState } from "../lib.js";
import { link } from "../route.js";
import { Failure, Quiet, nameOf, typeWords } from "./words.js";

/** `children` is a function of the opened charm. */
export function Charm({ space, id, view, views, children }) {
  const [charm, setCharm] = useState(null);
  useEffect(() => {
    const opened = space.look(id);
    setCharm(opened);
    return () => opened.leave();
  }, [space, id]);
  const portrait = charm?.portrait.value;
  const name = portrait ? nameOf(portrait) : "";
  useEffect(() => {
    if (name) document.title = `${name} · ${space.name} · Weft`;
  }, [name, view.name]);
  if (!charm) return null;
  const error = charm.error.value;
  if (error && (!portrait || error.code === 404 || error.code === 410)) {
    return html`<h1>This charm cannot be shown</h1><${Failure} title="The server says" why=${error} again=${() => charm.readNow()} />
      <p><a href=${link(space.name)}>Back to the shelf</a></p>`;
  }
  if (!portrait) return html`<${Quiet}>Loading…<//>`;
  const tabs = views.filter((one) => one.tab);
  return html`<div class="charm-head">
      <p class="crumbs"><a href=${link(space.name)}>Shelf</a><span aria-hidden="true">/</span><span title=${portrait.type}>${typeWords(portrait.type)}</span></p>
      <h1>${name}</h1>
      ${tabs.length > 1 && html`<nav class="tabs" aria-label="Views of this charm">
        ${tabs.map((one) => html`<a key=${one.name} href=${link(space.name, ...one.path.replace(":entity", id).split("/").filter((part) => part[0] !== ":"))}
          aria-current=${one.name === view.name ? "page" : undefined}>${one.tab}</a>`)}
      </nav>`}
    </div>
    ${children(charm)}`;
}
