// The graph as a list: charms, their nodes, and for each what it reads and what reads it. All that the drawing can do can
// be done here, by keys alone too.
//
// Knows nothing of canvases. Invariant: every node of the graph can be reached, and from each all that it is joined to.
import { html, names, useEffect, useRef, useState } from "../lib.js";
import { count, nameOf } from "../parts/words.js";
import { idOf, ownerOf } from "./arrange.js";
import { Mark } from "./mark.js";
import { shownOf, STATES } from "./states.js";

const OPEN_TO = 8;
const PAGE = 100;

/** `does`: `choose(id)`; `links`: `open(id)`, `why(id)`, as addresses; `found`: ids to show alone, or null. */
export function GraphList({ held, chosen, found, does, links }) {
  const { graph } = held;
  const [isOpen, setOpen] = useState(() => (graph.entities.length <= OPEN_TO ? new Set(graph.entities.map((one) => one.id)) : new Set()));
  const [most, setMost] = useState(PAGE);
  const root = useRef(null);
  const wanted = useRef("");
  const byEntity = Map.groupBy ? Map.groupBy(graph.nodes, (node) => node.entity) : grouped(graph.nodes);
  const isFound = (id) => !found || found.has(id);
  const shown = graph.entities.filter((one) => isFound(one.id) || (byEntity.get(one.id) ?? []).some((node) => isFound(idOf(node.entity, node.node))));
  const toggle = (id, to = !isOpen.has(id)) => {
    const next = new Set(isOpen);
    if (to) next.add(id);
    else next.delete(id);
    setOpen(next);
  };
  const go = (id) => {
    const thing = held.thing(id);
    if (!thing) return;
    const at = shown.findIndex((one) => one.id === thing.entity.id);
    if (at >= most) setMost(at + 1);
    toggle(thing.entity.id, true);
    wanted.current = id;
    does.choose(id);
  };
  useEffect(() => {
    if (!wanted.current) return;
    const row = [...(root.current?.querySelectorAll("[data-id]") ?? [])].find((one) => one.dataset.id === wanted.current);
    if (row) {
      wanted.current = "";
      row.focus();
      row.scrollIntoView({ block: "nearest" });
    }
  });
  const key = (event) => keyed(event, root.current, (id, to) => (held.nodes.has(id) ? does.choose(to ? id : "") : toggle(id, to)));
  return html`<div class="graph-list" ref=${root} onKeyDown=${key}>
    <ul>${shown.slice(0, most).map((entity) => {
      const mine = (byEntity.get(entity.id) ?? []).filter((node) => !found || found.has(entity.id) || isFound(idOf(node.entity, node.node)));
      const isShown = isOpen.has(entity.id) || Boolean(found);
      return html`<li key=${entity.id} class="graph-entity">
        <div class="graph-entity-head">
          <button class="plain" data-id=${entity.id} aria-expanded=${isShown} onClick=${() => toggle(entity.id)}>
            <span class="turn" aria-hidden="true"></span><strong>${nameOf(entity)}</strong> <span class="soft">${entity.type}, ${count(byEntity.get(entity.id)?.length ?? 0, "node")}</span>
            <${Troubled} nodes=${byEntity.get(entity.id) ?? []} held=${held} />
          </button>
          <a class="button plain" href=${links.open(entity.id)}>Open<span class="unseen"> ${nameOf(entity)}</span></a>
        </div>
        ${isShown && html`<ul class="graph-nodes">${mine.map((node) => html`<${Row} key=${node.node} id=${idOf(node.entity, node.node)} held=${held} chosen=${chosen} does=${does} links=${links} go=${go} />`)}</ul>`}
      </li>`;
    })}</ul>
    ${shown.length > most && html`<button onClick=${() => setMost(most + PAGE)}>Show ${Math.min(PAGE, shown.length - most)} more of ${shown.length}</button>`}
  </div>`;
}

function Row({ id, held, chosen, does, links, go }) {
  const node = held.nodes.get(id);
  if (!node) return null;
  const { state, text } = shownOf(node, held.partials[id]);
  const isChosen = id === chosen;
  const words = STATES[state] ?? state;
  return html`<li class=${names("graph-row", ownerOf(node.node) && "is-piece")}>
    <button class="plain" data-id=${id} aria-expanded=${isChosen} onClick=${() => does.choose(isChosen ? "" : id)}>
      <${Mark} state=${state} /><span class="graph-name">${node.node}</span>
      <span class="graph-state" data-state=${state}>${words}</span>
      ${text !== words && html`<span class="graph-text">${text}</span>`}
    </button>
    ${isChosen && html`<${Around} id=${id} held=${held} links=${links} go=${go} />`}
  </li>`;
}

/** What can be done about a node, and where its edges lead. */
export function Around({ id, held, links, go }) {
  const { reads, readers } = held.around(id);
  const words = (one) => {
    const thing = held.thing(one);
    const isSame = thing && thing.entity.id === held.nodes.get(id)?.entity;
    return !thing ? one : !thing.node ? nameOf(thing.entity) : isSame ? thing.node.node : `${thing.node.node} of ${nameOf(thing.entity)}`;
  };
  const Ends = ({ title, ids }) =>
    ids.length > 0 && html`<div class="graph-ends"><span class="soft">${title}</span> ${ids.slice(0, 24).map((one) => html`<button key=${one} class="plain chip" onClick=${() => go(one)}>${words(one)}</button>`)}
      ${ids.length > 24 && html`<span class="soft">and ${ids.length - 24} more</span>`}</div>`;
  return html`<div class="graph-around">
    <div class="row"><a class="button" href=${links.open(id)}>Open</a><a class="button" href=${links.why(id)}>Why</a></div>
    <${Ends} title="Reads" ids=${reads} /><${Ends} title="Read by" ids=${readers} />
  </div>`;
}

function Troubled({ nodes, held }) {
  const failed = nodes.filter((node) => held.nodes.get(idOf(node.entity, node.node))?.state === "failed").length;
  return failed > 0 && html`<span class="graph-state" data-state="failed"><${Mark} state="failed" /> ${failed} failed</span>`;
}

/** Up and down lead through the rows; right opens one, left closes it, or goes to its charm. */
function keyed(event, root, toggle) {
  const row = event.target.closest?.("[data-id]");
  if (!row || event.altKey || event.ctrlKey || event.metaKey) return;
  const rows = [...root.querySelectorAll("[data-id]")];
  const at = rows.indexOf(row);
  const isOpen = row.getAttribute("aria-expanded") === "true";
  const to = { ArrowDown: rows[at + 1], ArrowUp: rows[at - 1], Home: rows[0], End: rows.at(-1) };
  if (event.key in to) to[event.key]?.focus();
  else if (event.key === "ArrowRight" && !isOpen) toggle(row.dataset.id, true);
  else if (event.key === "ArrowRight") row.closest("li").querySelector(":scope > ul [data-id], :scope > .graph-around a")?.focus();
  else if (event.key === "ArrowLeft" && isOpen) toggle(row.dataset.id, false);
  else if (event.key === "ArrowLeft") row.closest(".graph-entity")?.querySelector("[data-id]")?.focus();
  else return;
  event.preventDefault();
}

function grouped(nodes) {
  const found = new Map();
  for (const node of nodes) {
    if (!found.has(node.entity)) found.set(node.entity, []);
    found.get(node.entity).push(node);
  }
  return found;
}
