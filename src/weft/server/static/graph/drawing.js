// The graph drawn on a canvas: frames, edges, nodes with a mark and words for how each stands.
//
// Only what is seen is drawn, and words only where they can be read. A canvas, for a thousand nodes of SVG take twice the
// time of a frame when all of them move; the list is the same for who cannot see it.
// Knows nothing of events. Invariant: a state is told by its mark and its words, and from far away by its mark where there
// is something to look at; never by its colour alone.
import { HEAD } from "./arrange.js";
import { meets, seen } from "./camera.js";
import { shownOf, STATES } from "./states.js";
import { nameOf, typeWords } from "../parts/words.js";

const QUIET = new Set(["told", "settled", "absent"]);
const WORDS_FROM = 0.42;
const NAMES_FROM = 0.28;
const TINTS = {
  told: "accent", settled: "good", due: "stale", queued: "stale", running: "busy", streaming: "busy", waiting: "busy",
  failed: "wrong", absent: "faint",
};

/** The colours of the page, as its style sheet says them. */
export function paletteOf(element) {
  const style = getComputedStyle(element);
  const of = (name) => style.getPropertyValue(`--${name}`).trim() || "gray";
  const names = ["paper", "card", "sunk", "line", "line-strong", "ink", "soft", "faint", "accent", "accent-soft", "good", "good-soft", "busy", "busy-soft", "wrong", "wrong-soft", "stale", "stale-soft"];
  return { ...Object.fromEntries(names.map((name) => [name, of(name)])), sans: of("sans"), mono: of("mono") };
}

/** Draws scenes on one canvas. */
export class Drawing {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d", { alpha: false });
    this.cut = new Map();
    this.renew();
  }

  /** Read the page's colours again. */
  renew() {
    this.palette = paletteOf(this.canvas);
    this.cut.clear();
  }

  /**
   * @param {{at: object, nodes: Map, partials: object, camera: object, screen: {width: number, height: number}, ratio: number,
   *   chosen: string, found: Set<string>, dim: boolean, count: number}} scene
   */
  draw(scene) {
    const { context, palette } = this;
    const { at, camera, screen, ratio } = scene;
    const view = seen(camera, screen);
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.fillStyle = palette.paper;
    context.fillRect(0, 0, screen.width, screen.height);
    const k = camera.scale * ratio;
    context.setTransform(k, 0, 0, k, -camera.x * k, -camera.y * k);
    const frames = [...at.frames].filter(([, frame]) => meets(frame, view));
    for (const [id, frame] of frames) this.frame(frame, scene, id);
    this.edges(scene, view);
    for (const [id, box] of at.nodes) if (meets(box, view)) this.node(id, box, scene);
    for (const [id, frame] of frames) if (frame.isFolded || camera.scale >= NAMES_FROM) this.title(frame, scene, id);
    if (camera.scale < NAMES_FROM) this.farTitles(frames, scene);
  }

  frame(frame, { camera, chosen }, id) {
    const { context, palette } = this;
    context.beginPath();
    context.roundRect(frame.x, frame.y, frame.width, frame.height, 10);
    context.fillStyle = frame.isFolded ? palette.card : palette.sunk;
    context.fill();
    context.lineWidth = (id === chosen ? 2.5 : 1) / Math.min(1, Math.max(0.3, camera.scale));
    context.strokeStyle = id === chosen ? palette.accent : frame.isFolded ? palette["line-strong"] : palette.line;
    context.stroke();
  }

  title(frame, scene, id) {
    const { context, palette } = this;
    context.textBaseline = "middle";
    context.fillStyle = palette.soft;
    context.font = `600 11px ${palette.sans}`;
    const y = frame.y + HEAD / 2 + 1;
    context.fillText(frame.isFolded ? "▸" : "▾", frame.x + 12, y);
    const type = frame.entity.name ? typeWords(frame.entity.type) : ""; // what has no name is called by its type
    const name = nameOf(frame.entity);
    const room = frame.width - 40;
    context.font = `620 13px ${palette.sans}`;
    context.fillStyle = palette.ink;
    const named = this.fitting(name, room * 0.62);
    context.fillText(named, frame.x + 28, y);
    const used = context.measureText(named).width;
    context.font = `400 12px ${palette.sans}`;
    context.fillStyle = palette.soft;
    context.fillText(this.fitting(type, room - used - 10), frame.x + 28 + used + 8, y);
    if (scene.found.has(id)) this.ring(frame);
  }

  /** From far away: names in a size that can be read, where there is room for one. */
  farTitles(frames, { camera }) {
    const { context, palette } = this;
    const size = 11 / camera.scale;
    context.font = `600 ${size}px ${palette.sans}`;
    context.textBaseline = "top";
    context.fillStyle = palette.ink;
    context.strokeStyle = palette.sunk;
    context.lineWidth = size / 3;
    context.lineJoin = "round";
    for (const [, frame] of frames) {
      if (frame.isFolded || frame.width * camera.scale < 44) continue;
      const text = this.fitting(nameOf(frame.entity), frame.width - size);
      context.strokeText(text, frame.x + size / 2, frame.y + size / 3);
      context.fillText(text, frame.x + size / 2, frame.y + size / 3);
    }
  }

  edges({ at, camera, chosen, dim }, view) {
    const { context, palette } = this;
    const plain = new Path2D();
    const dashed = new Path2D();
    const faint = new Path2D();
    const mine = new Path2D();
    for (const edge of at.edges) {
      const from = at.nodes.get(edge.from) ?? headOf(at.frames.get(edge.from));
      const to = at.nodes.get(edge.to) ?? headOf(at.frames.get(edge.to));
      if (!from || !to || !meets(spanOf(from, to), view)) continue;
      const path = edge.from === chosen || edge.to === chosen ? mine : edge.mode === "not taken" ? faint : edge.mode === "reference" ? dashed : plain;
      curve(path, from, to);
    }
    const wide = 1 / Math.min(1, Math.max(0.35, camera.scale));
    context.globalAlpha = dim ? 0.4 : 1;
    context.lineWidth = 1.25 * wide;
    context.strokeStyle = palette["line-strong"];
    context.stroke(plain);
    context.setLineDash([6, 4]);
    context.stroke(dashed);
    context.setLineDash([1, 4]);
    context.stroke(faint);
    context.setLineDash([]);
    context.globalAlpha = 1;
    context.lineWidth = 2.25 * wide;
    context.strokeStyle = palette.accent;
    context.stroke(mine);
  }

  node(id, box, scene) {
    const { context, palette } = this;
    const { camera, chosen, found, dim } = scene;
    const node = scene.nodes.get(id) ?? box.node;
    const { state, text } = shownOf(node, scene.partials[id]);
    const tint = TINTS[state] ?? "faint";
    context.globalAlpha = dim && !found.has(id) ? 0.35 : 1;
    context.beginPath();
    context.roundRect(box.x, box.y, box.width, box.height, 7);
    const isFar = camera.scale < WORDS_FROM;
    context.fillStyle = (isFar && palette[`${tint}-soft`]) || palette.card;
    context.fill();
    const isChosen = id === chosen;
    context.lineWidth = (isChosen ? 2.5 : state === "failed" ? 1.75 : 1) * (isFar ? Math.max(1, 0.7 / camera.scale) : 1);
    context.strokeStyle = isChosen ? palette.accent : ["failed", "running", "streaming"].includes(state) ? palette[tint] : palette["line-strong"];
    context.stroke();
    if (found.has(id)) this.ring(box);
    if (isFar && camera.scale < NAMES_FROM) {
      // Too small for words: a mark alone, and only where there is something to look at.
      if (!QUIET.has(state)) mark(context, state, box.x + box.width - 26, box.y + box.height / 2, 15, palette[tint], palette.card);
      context.globalAlpha = 1;
      return;
    }
    mark(context, state, box.x + 18, box.y + box.height / 2, 7, palette[tint], palette.card);
    context.textBaseline = "middle";
    context.fillStyle = palette.ink;
    const pieces = scene.at.pieces.get(id) ?? 0;
    const room = box.width - 42 - (pieces ? 22 : 0);
    context.font = `560 ${isFar ? 17 : 13}px ${palette.sans}`;
    context.fillText(this.fitting(node.node, room), box.x + 34, box.y + (isFar ? box.height / 2 : 16));
    if (pieces) {
      context.font = `600 11px ${palette.sans}`;
      context.fillStyle = palette.soft;
      context.fillText(`+${pieces}`, box.x + box.width - 24, box.y + 16);
    }
    if (!isFar) {
      const words = state === "streaming" ? lastOf(text) : text;
      context.font = `400 11.5px ${palette.sans}`;
      context.fillStyle = state === "failed" ? palette.wrong : ["told", "settled", "absent"].includes(state) ? palette.soft : palette[tint];
      const said = ["due", "queued", "running", "waiting"].includes(state) && text !== STATES[state] ? `${STATES[state]} · ${text}` : words;
      context.fillText(this.fitting(said, box.width - 42, state === "streaming"), box.x + 34, box.y + 32);
    }
    context.globalAlpha = 1;
  }

  ring(box) {
    const { context, palette } = this;
    context.beginPath();
    context.roundRect(box.x - 4, box.y - 4, box.width + 8, box.height + 8, 10);
    context.lineWidth = 2;
    context.strokeStyle = palette.accent;
    context.stroke();
  }

  /** The text, cut to a width in the font that is set; `fromEnd` keeps its end. */
  fitting(text, width, fromEnd = false) {
    const { context, cut } = this;
    const line = text.length > 120 ? text.slice(fromEnd ? -120 : 0, fromEnd ? undefined : 120) : text;
    const key = `${context.font}|${Math.round(width)}|${fromEnd}|${line}`;
    const known = cut.get(key);
    if (known !== undefined) return known;
    const flat = line.replace(/\s+/g, " ");
    let found = flat;
    if (context.measureText(flat).width > width) {
      let low = 0;
      let high = flat.length;
      while (low < high) {
        const middle = (low + high + 1) >> 1;
        if (context.measureText(piece(flat, middle, fromEnd)).width <= width) low = middle;
        else high = middle - 1;
      }
      found = low ? piece(flat, low, fromEnd) : "";
    }
    if (cut.size > 20000) cut.clear();
    cut.set(key, found);
    return found;
  }
}

const piece = (text, length, fromEnd) => (fromEnd ? `…${text.slice(-length).trimStart()}` : `${text.slice(0, length).trimEnd()}…`);
const lastOf = (text) => text.slice(-160);
const headOf = (frame) => frame && { x: frame.x, y: frame.y, width: frame.width, height: HEAD };

const spanOf = (from, to) => {
  const x = Math.min(from.x, to.x);
  const y = Math.min(from.y, to.y);
  return { x, y, width: Math.max(from.x + from.width, to.x + to.width) - x, height: Math.max(from.y + from.height, to.y + to.height) - y };
};

function curve(path, from, to) {
  const start = { x: from.x + from.width, y: from.y + from.height / 2 };
  const end = { x: to.x, y: to.y + to.height / 2 };
  const reach = Math.max(18, Math.abs(end.x - start.x) / 2);
  path.moveTo(start.x, start.y);
  path.bezierCurveTo(start.x + reach, start.y, end.x - reach, end.y, end.x, end.y);
}

/** The mark of a state: each has a shape of its own. */
export function mark(context, state, x, y, r, colour, paper) {
  context.strokeStyle = context.fillStyle = colour;
  context.lineWidth = r / 4;
  context.lineCap = "round";
  context.beginPath();
  if (state === "settled") {
    context.arc(x, y, r, 0, 2 * Math.PI);
    context.fill();
    stroke(context, paper, r / 3.5, [[x - r * 0.42, y + r * 0.02], [x - r * 0.1, y + r * 0.36], [x + r * 0.45, y - r * 0.32]]);
  } else if (state === "failed") {
    context.moveTo(x, y - r * 1.1);
    context.lineTo(x + r * 1.1, y + r * 0.85);
    context.lineTo(x - r * 1.1, y + r * 0.85);
    context.closePath();
    context.fill();
    stroke(context, paper, r / 3.5, [[x, y - r * 0.35], [x, y + r * 0.2]]);
    stroke(context, paper, r / 3.2, [[x, y + r * 0.55], [x, y + r * 0.56]]);
  } else if (state === "running" || state === "streaming") {
    context.arc(x, y, r * 0.9, 0, 2 * Math.PI);
    context.stroke();
    context.beginPath();
    if (state === "running") {
      context.moveTo(x, y);
      context.arc(x, y, r * 0.9, -Math.PI / 2, Math.PI / 2);
      context.fill();
    } else {
      for (const by of [-0.42, 0, 0.42]) {
        context.moveTo(x + by * r + r * 0.14, y);
        context.arc(x + by * r, y, r * 0.14, 0, 2 * Math.PI);
      }
      context.fill();
    }
  } else if (state === "due" || state === "queued") {
    context.setLineDash([r * 0.5, r * 0.45]);
    context.arc(x, y, r * 0.9, 0, 2 * Math.PI);
    context.stroke();
    context.setLineDash([]);
  } else if (state === "waiting") {
    stroke(context, colour, r / 2.5, [[x - r * 0.35, y - r * 0.6], [x - r * 0.35, y + r * 0.6]]);
    stroke(context, colour, r / 2.5, [[x + r * 0.35, y - r * 0.6], [x + r * 0.35, y + r * 0.6]]);
  } else if (state === "told") {
    context.roundRect(x - r * 0.8, y - r * 0.8, r * 1.6, r * 1.6, r * 0.35);
    context.stroke();
    context.beginPath();
    context.arc(x, y, r * 0.28, 0, 2 * Math.PI);
    context.fill();
  } else {
    stroke(context, colour, r / 3.5, [[x - r * 0.6, y], [x + r * 0.6, y]]);
  }
  context.lineCap = "butt";
}

function stroke(context, colour, width, points) {
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.beginPath();
  points.forEach(([x, y], at) => (at ? context.lineTo(x, y) : context.moveTo(x, y)));
  context.stroke();
}
