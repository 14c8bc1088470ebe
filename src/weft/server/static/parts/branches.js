// Branches: the other spaces that share a past with this one, and a form that forks it at a position.
// Knows nothing of how a fork is made, and of which position is looked at.
import { html, useState } from "../lib.js";
import { link } from "../route.js";
import { useAnswer } from "../use.js";
import { say } from "./toasts.js";
import { count, Failure } from "./words.js";

const NAME_CHARS = 60;

/** `at`: the position to fork from; `then`: the parts of the address at which the fork is shown. */
export function Branches({ space, at, isPast, then = [] }) {
  const { answer, again } = useAnswer(space, "branches.find");
  const [isOpen, setOpen] = useState(false);
  const mayFork = space.may("administer");
  const branches = answer?.branches ?? [];
  if (!mayFork && !branches.length) return null;
  return html`<section class="card stack tight branches" aria-label="Branches">
    <div class="row spread"><h2>Branches ${branches.length > 0 && html`<span class="soft small">${branches.length}</span>`}</h2>
      ${mayFork && !isOpen && html`<button onClick=${() => setOpen(true)}>${isPast ? `Fork from ${at}` : "Fork from here"}</button>`}</div>
    ${isOpen && html`<${Fork} key=${at} space=${space} at=${at} then=${then} close=${() => setOpen(false)} again=${again} />`}
    ${branches.length > 0 && html`<ul class="branch-list">${branches.map((one) => html`<li key=${one.name}><${Branch} space=${space} one=${one} head=${answer.position} then=${then} /></li>`)}</ul>`}
  </section>`;
}

function Branch({ space, one, head, then }) {
  const own = [one.position - one.base, head - one.base].map((positions) => (positions ? count(positions, "position") : "nothing"));
  return html`<a href=${link(one.name, ...then)}>${one.name}</a>${" "}
    <span class="soft">the same up to <a href=${link(space.name, "timeline", { at: one.base })}>${one.base}</a>; since then ${own[0]} there, ${own[1]} here</span>`;
}

function Fork({ space, at, then, close, again }) {
  const [name, setName] = useState(`${space.name.replace(/[^A-Za-z0-9_-]/g, "-").replace(/^[-_]+/, "")}-${at}`.slice(-NAME_CHARS));
  const [{ isBusy, why }, setState] = useState({});
  const submit = async (event) => {
    event.preventDefault();
    setState({ isBusy: true });
    try {
      await space.call("branches.create", { name, at });
      await space.onSpaces();
      say(`${name} was made, with all up to position ${at}.`);
      location.hash = link(name, ...then);
    } catch (why) {
      setState({ why });
      again();
    }
  };
  return html`<form class="stack tight" onSubmit=${submit} onKeyDown=${(event) => event.key === "Escape" && close()}>
    <label>Name of the new space
      <input autofocus required maxlength=${NAME_CHARS} pattern="[A-Za-z0-9][A-Za-z0-9_\\-]*" title="Letters a to z, digits, - and _, a letter or digit first" value=${name} onInput=${(event) => setName(event.target.value)} /></label>
    <p class="soft small">It has everything up to position ${at}, and goes its own way from there. Runs that are not over end in it, and schedules pause; this space stays as it is.</p>
    ${why && html`<${Failure} title="It was not forked" why=${why} />`}
    <div class="row"><button class="main" disabled=${isBusy}>${isBusy ? "Forking…" : "Fork"}</button>
      <button type="button" onClick=${close}>Cancel</button></div>
  </form>`;
}
