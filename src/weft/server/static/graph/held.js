// A space's graph as a page holds it: asked for, kept as it changes, folded and unfolded.
//
// Knows nothing of canvases or Preact. Invariant: what was arranged stays where it was, whatever is added, folded or
// unfolded, until it is arranged anew.
import { arrange, idOf } from "./arrange.js";
import { after, byNode, isOther } from "./states.js";

const FOLDED_FROM = 1500;
const AGAIN_MS = 400;
const REST = 4; // what a large graph costs is paid for at most a fifth of the time

export class Held {
  /** `space`: the page's Space; `entity`: only that one and those next to it; `told` is called after every change. */
  constructor(space, entity, told) {
    Object.assign(this, { space, entity, told });
    this.graph = null;
    this.nodes = new Map();
    this.partials = {};
    this.folded = new Set();
    this.unfolded = new Set();
    this.known = { frames: new Map(), nodes: new Map() };
    this.at = null;
    this.error = null;
    this.pending = [];
    this.ends = [space.onDelta((delta) => this.note(delta))];
    const onState = () => this.notePartials();
    space.live.addEventListener("state", onState);
    this.ends.push(() => space.live.removeEventListener("state", onState));
    // What was missed may have come as a snapshot, of which no delta tells.
    const onConnection = () => space.live.connection.status === "open" && this.graph && this.soon();
    space.live.addEventListener("connection", onConnection);
    this.ends.push(() => space.live.removeEventListener("connection", onConnection));
    this.ask();
  }

  stop() {
    this.isOver = true;
    clearTimeout(this.timer);
    this.ends.forEach((end) => end());
  }

  async ask() {
    if (this.isAsking) return void (this.isAskedAgain = true);
    this.isAsking = true;
    const began = performance.now();
    try {
      const given = this.entity ? { entity: this.entity } : {};
      this.take(await this.space.call("graph.find", given));
      this.error = null;
    } catch (why) {
      this.error = why;
    }
    this.isAsking = false;
    this.took = performance.now() - began;
    if (this.isOver) return;
    this.told();
    if (this.isAskedAgain) {
      this.isAskedAgain = false;
      this.soon();
    }
  }

  soon() {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.ask();
    }, Math.max(AGAIN_MS, REST * (this.took ?? 0)));
  }

  take(graph) {
    const isFirst = !this.graph;
    const isSame = !isFirst && shapeOf(graph) === shapeOf(this.graph);
    this.graph = graph;
    const nodes = new Map();
    for (const node of graph.nodes) nodes.set(idOf(node.entity, node.node), { ...node, position: graph.position });
    for (const [id, node] of nodes) {
      const known = this.nodes.get(id);
      if (known && known.position > node.position) nodes.set(id, known);
    }
    this.nodes = nodes;
    if (isFirst && graph.nodes.length > FOLDED_FROM) this.folded = new Set(graph.entities.map((one) => one.id));
    if (!isSame) this.arrange();
  }

  arrange({ isAnew = false } = {}) {
    if (isAnew) this.known = { frames: new Map(), nodes: new Map() };
    const given = this.known.frames.size ? this.known : undefined;
    this.at = arrange(this.graph, { folded: this.folded, unfolded: this.unfolded, given });
    for (const [id, place] of this.at.given.frames) this.known.frames.set(id, place);
    for (const [id, place] of this.at.given.nodes) this.known.nodes.set(id, place);
  }

  note(delta) {
    this.pending.push(delta);
    this.frame ??= setTimeout(() => {
      const deltas = this.pending;
      this.pending = [];
      this.frame = undefined;
      if (this.isOver) return;
      const before = this.nodes;
      this.nodes = after(this.nodes, deltas);
      if (isOther(deltas) || this.hasCounts(deltas)) this.soon();
      if (this.nodes !== before) this.told();
    }, 16);
  }

  /** Whether something was said of a list whose counts are shown. */
  hasCounts(deltas) {
    return deltas.some((one) => one.node.includes("[") || this.nodes.get(one.node)?.elements || !this.nodes.has(one.node));
  }

  notePartials() {
    const { partials } = this.space.live.state;
    if (partials === this.seen) return;
    this.seen = partials;
    this.partials = byNode(partials);
    this.told();
  }

  /** Fold or unfold an entity, or what a node is made of. Gives whether there was something to fold. */
  fold(id) {
    if (this.at.frames.has(id)) toggle(this.folded, id);
    else if (this.at.pieces.has(id)) toggle(this.unfolded, id);
    else return this.nodes.has(id) ? this.fold(this.nodes.get(id).entity) : false;
    this.arrange();
    this.told();
    return true;
  }

  foldAll(isFolded) {
    this.folded = new Set(isFolded ? this.graph.entities.map((one) => one.id) : []);
    this.arrange({ isAnew: true });
    this.told();
  }

  /** The node, or the entity, of an id: {node, entity}. */
  thing(id) {
    const node = this.nodes.get(id);
    const entity = this.graph?.entities.find((one) => one.id === (node ? node.entity : id));
    return entity ? { node, entity } : null;
  }

  /** What an id reads, and what reads it: ids of nodes each. */
  around(id) {
    const start = (edge) => (edge.read ? idOf(edge.from, edge.read) : edge.from);
    const end = (edge) => idOf(edge.to, edge.reader);
    const edges = this.graph?.edges ?? [];
    return {
      reads: [...new Set(edges.filter((edge) => end(edge) === id).map(start))],
      readers: [...new Set(edges.filter((edge) => start(edge) === id).map(end))],
    };
  }
}

const toggle = (set, id) => (set.has(id) ? set.delete(id) : set.add(id));

const shapeOf = (graph) =>
  JSON.stringify([graph.entities.map((one) => [one.id, one.name]), graph.nodes.map((one) => [one.entity, one.node]), graph.edges.map((one) => [one.from, one.read, one.to, one.reader, one.mode])]);
