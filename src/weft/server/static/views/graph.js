// The graph of a space, or of one charm and those next to it: drawn, or as a list, which is what a phone is shown.
// Knows nothing of how it is drawn.
import { html, useEffect, useLayoutEffect, useMemo, useRef, useState } from "../lib.js";
import { link } from "../route.js";
import { count, Failure, nameOf, Quiet } from "../parts/words.js";
import { Board } from "../graph/board.js";
import { Held } from "../graph/held.js";
import { Around, GraphList } from "../graph/list.js";
import { Mark } from "../graph/mark.js";
import { shownOf, spoken, STATES } from "../graph/states.js";
import { search } from "../graph/walk.js";

const NARROW = "(max-width: 44rem)";

export default function Graph({ space, entity, route }) {
  const [, setTurn] = useState(0);
  const [held, setHeld] = useState(null);
  const [chosen, setChosen] = useState("");
  const [query, setQuery] = useState("");
  const [as, setAs] = useState(route.query.as || (matchMedia(NARROW).matches ? "list" : "drawing"));
  const field = useRef(null);
  const board = useRef(null);
  useEffect(() => {
    const now = new Held(space, entity?.id ?? "", () => setTurn((turn) => turn + 1));
    setHeld(now);
    return () => now.stop();
  }, [space, entity?.id]);
  useLooked(space, held?.thing(chosen)?.entity.id ?? "");
  const found = useMemo(() => foundIn(held, query), [held?.graph, query]);
  if (!held || (!held.graph && !held.error)) return html`<${Quiet}>Loading…<//>`;
  if (!held.graph) return html`<${Failure} title="The graph could not be read" why=${held.error} again=${() => held.ask()} />`;
  const links = {
    open: (id) => link(space.name, "charm", held.thing(id)?.entity.id ?? id),
    why: (id) => link(space.name, "charm", held.thing(id)?.entity.id ?? id, "why", held.thing(id)?.node?.node ?? ""),
  };
  const does = {
    choose: (id) => setChosen(id),
    open: (id) => void (location.hash = links.open(id)),
    why: (id) => void (held.nodes.has(id) && (location.hash = links.why(id))),
    fold: (id) => void held.fold(id),
    seek: () => field.current?.focus(),
  };
  const go = (id) => {
    if (!held.at.nodes.has(id) && held.thing(id)) held.fold(held.at.shown.get(id) ?? "");
    setChosen(id);
    requestAnimationFrame(() => board.current?.reveal(id));
  };
  const seek = (event) => {
    event.preventDefault();
    const next = nextOf(found, chosen);
    if (next) go(next);
  };
  const { entities, nodes, more } = held.graph;
  return html`<section class=${as === "drawing" ? "graph is-drawn" : "graph"} aria-label="Graph">
    <div class="graph-bar">
      ${entity ? html`<h2>Graph</h2>` : html`<h1>Graph</h1>`}
      <div class="choice" role="group" aria-label="Show as">
        <button aria-pressed=${as === "drawing"} onClick=${() => setAs("drawing")}>Drawing</button>
        <button aria-pressed=${as === "list"} onClick=${() => setAs("list")}>List</button>
      </div>
      <form role="search" onSubmit=${seek}>
        <input ref=${field} type="search" aria-label="Find a node" placeholder="Find a node" value=${query} onInput=${(event) => setQuery(event.target.value)} />
        ${query.trim() && html`<span class="soft small" role="status">${count(found.size, "match", "matches")}</span>`}
      </form>
      ${as === "drawing" && html`<div class="graph-tools" role="group" aria-label="Drawing">
        <button aria-label="Smaller" title="Smaller (−)" onClick=${() => board.current?.zoom(0.8)}>−</button>
        <button title="All of it (0)" onClick=${() => board.current?.fit()}>Fit</button>
        <button aria-label="Larger" title="Larger (+)" onClick=${() => board.current?.zoom(1.25)}>+</button>
        <button onClick=${() => (held.foldAll(held.folded.size < entities.length), board.current?.refit())}>${held.folded.size < entities.length ? "Fold all" : "Unfold all"}</button>
      </div>`}
    </div>
    ${held.error && html`<${Failure} title="What is shown is older" why=${held.error} again=${() => held.ask()} />`}
    ${!nodes.length && html`<${Quiet}>There is nothing in this space yet. Create a charm on the shelf, and its nodes are here.<//>`}
    ${nodes.length > 0 && (as === "drawing"
      ? html`<${Drawn} held=${held} chosen=${chosen} found=${query.trim() ? found : null} does=${does} board=${board}>
          <${Chosen} held=${held} id=${chosen} links=${links} does=${does} go=${go} /><//>`
      : html`<${GraphList} held=${held} chosen=${chosen} found=${query.trim() ? found : null} does=${does} links=${links} />`)}
    <p class="soft small">${count(nodes.length, "node")} of ${count(entities.length, "charm")}.${more ? " There are more than are shown: open a charm to see those next to it." : ""}</p>
  </section>`;
}

/** The canvas; what is chosen stands over it. */
function Drawn({ held, chosen, found, does, board, children }) {
  const canvas = useRef(null);
  const latest = useRef(does);
  latest.current = does;
  useLayoutEffect(() => {
    const asked = (name) => (...given) => latest.current[name](...given);
    board.current = new Board(canvas.current, { choose: asked("choose"), open: asked("open"), fold: asked("fold"), why: asked("why"), seek: asked("seek") });
    return () => {
      board.current.stop();
      board.current = null;
    };
  }, [held]);
  useLayoutEffect(() => {
    board.current?.show({ at: held.at, nodes: held.nodes, partials: held.partials, chosen, found: found ?? new Set(), dim: Boolean(found) });
  });
  const thing = held.thing(chosen);
  const { reads, readers } = held.around(chosen);
  const said = !thing ? "" : thing.node
    ? `${nameOf(thing.entity)}: ${spoken(held.nodes.get(chosen), held.partials[chosen], { reads: reads.length, readers: readers.length })}`
    : `${nameOf(thing.entity)}, ${thing.entity.type}, ${held.folded.has(chosen) ? "folded" : "unfolded"}.`;
  return html`<div class="graph-plane">
    <canvas ref=${canvas} tabindex="0" role="application" aria-roledescription="graph" aria-label="Graph, drawn. The list holds the same." aria-describedby="graph-keys"></canvas>
    <p class="unseen" role="status" aria-live="polite">${said}</p>
    ${children}
    <details class="graph-help"><summary>Keys and marks</summary>
      <p id="graph-keys">Arrows go along the edges, Enter opens, w asks why, Space folds and unfolds, + and − zoom, 0 shows all, / finds.</p>
      <ul class="graph-legend">${["told", "settled", "due", "running", "streaming", "waiting", "failed", "absent"].map((state) => html`<li key=${state}><${Mark} state=${state} /> ${STATES[state]}</li>`)}</ul>
    </details>
  </div>`;
}

/** What is chosen, and what can be done about it. */
function Chosen({ held, id, links, does, go }) {
  const thing = held.thing(id);
  if (!thing) return null;
  if (!thing.node) {
    return html`<aside class="card graph-chosen" aria-label="Chosen">
      <div class="graph-chosen-head"><strong>${nameOf(thing.entity)}</strong><${Close} does=${does} /></div>
      <p class="soft small">${thing.entity.type}, made at ${thing.entity.created}</p>
      <div class="row"><a class="button" href=${links.open(id)}>Open</a><button onClick=${() => does.fold(id)}>${held.folded.has(id) ? "Unfold" : "Fold"}</button></div>
    </aside>`;
  }
  const { state, text } = shownOf(thing.node, held.partials[id]);
  const pieces = held.at.pieces.get(id);
  return html`<aside class="card graph-chosen" aria-label="Chosen">
    <div class="graph-chosen-head"><strong>${thing.node.node}</strong><${Close} does=${does} /></div>
    <p class="soft small">${nameOf(thing.entity)}${thing.node.type ? ` · ${thing.node.kind}, ${thing.node.type}` : ` · ${thing.node.kind}`}</p>
    <p class="graph-chosen-state"><${Mark} state=${state} /> <span class="graph-state" data-state=${state}>${STATES[state] ?? state}</span></p>
    ${text !== STATES[state] && html`<p class="graph-chosen-text">${text}</p>`}
    <${Around} id=${id} held=${held} links=${links} go=${go} />
    ${pieces && html`<button onClick=${() => does.fold(id)}>${held.unfolded.has(id) ? "Fold" : "Show"} its ${count(pieces, "part")}</button>`}
  </aside>`;
}

const Close = ({ does }) => html`<button class="plain" aria-label="Choose nothing" onClick=${() => does.choose("")}>×</button>`;

/** Have one charm be computed while it is chosen. */
function useLooked(space, id) {
  useEffect(() => {
    if (!id) return undefined;
    const charm = space.look(id);
    return () => charm.leave();
  }, [space, id]);
}

function foundIn(held, query) {
  if (!held?.graph || !query.trim()) return new Set();
  const byId = new Map(held.graph.entities.map((one) => [one.id, one]));
  const things = [...held.nodes].map(([id, node]) => ({ id, words: `${node.node} ${nameOf(byId.get(node.entity) ?? { id })} ${byId.get(node.entity)?.type} ${STATES[node.state] ?? ""}` }));
  return new Set(search(things, query));
}

function nextOf(found, chosen) {
  const all = [...found];
  return all[(all.indexOf(chosen) + 1) % all.length] ?? "";
}
