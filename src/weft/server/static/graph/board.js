// The canvas and the hands on it: dragging, pinching, the wheel and keys move the camera, or choose and open things.
//
// Knows nothing of Preact or of spaces. Invariant: it is drawn at most once a frame, and only when something changed.
import { HEAD } from "./arrange.js";
import { fitted, panned, showing, toPlane, zoomed } from "./camera.js";
import { Drawing } from "./drawing.js";
import { step } from "./walk.js";

const ARROWS = { ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down" };
const CLICK_PX = 5;

export class Board {
  /** `does`: `choose(id)`, `open(id)`, `fold(id)`, `why(id)`, `seek()`: what is asked of whoever has the graph. */
  constructor(canvas, does) {
    Object.assign(this, { canvas, does });
    this.drawing = new Drawing(canvas);
    this.scene = null;
    this.camera = null;
    this.screen = { width: 0, height: 0 };
    this.pointers = new Map();
    this.frames = [];
    this.ended = new AbortController();
    const on = (target, name, act, more) => target.addEventListener(name, act, { signal: this.ended.signal, ...more });
    on(canvas, "pointerdown", (event) => this.down(event));
    on(canvas, "pointermove", (event) => this.move(event));
    on(canvas, "pointerup", (event) => this.up(event));
    on(canvas, "pointercancel", (event) => this.pointers.delete(event.pointerId));
    on(canvas, "dblclick", (event) => this.opened(event));
    on(canvas, "wheel", (event) => this.wheel(event), { passive: false });
    on(canvas, "keydown", (event) => this.key(event));
    on(matchMedia("(prefers-color-scheme: dark)"), "change", () => (this.drawing.renew(), this.ask()));
    this.sized = new ResizeObserver(() => this.resize());
    this.sized.observe(canvas);
    this.resize();
  }

  /** Show this: what `Drawing.draw` takes but for the camera and the screen. */
  show(scene) {
    this.scene = scene;
    if (!this.camera && scene.at.frames.size) this.fit();
    this.ask();
  }

  /** Choose at once: keys may come faster than whoever has the graph shows what they chose. */
  choose(id) {
    this.scene = { ...this.scene, chosen: id };
    this.does.choose(id);
    this.ask();
  }

  /** Draw in the next frame. */
  ask() {
    this.asked ??= requestAnimationFrame(() => {
      this.asked = undefined;
      if (!this.scene || !this.camera || !this.screen.width) return;
      this.drawing.draw({ ...this.scene, camera: this.camera, screen: this.screen, ratio: this.ratio });
      this.canvas.dataset.drawn = String(this.scene.at.nodes.size);
    });
  }

  resize() {
    const { width, height } = this.canvas.getBoundingClientRect();
    this.ratio = Math.min(2, devicePixelRatio || 1);
    this.canvas.width = Math.max(1, Math.round(width * this.ratio));
    this.canvas.height = Math.max(1, Math.round(height * this.ratio));
    const isFirst = !this.screen.width && width;
    this.screen = { width, height };
    if (isFirst && this.scene?.at.frames.size) this.fit();
    this.ask();
  }

  look(camera) {
    this.camera = camera;
    this.ask();
  }

  /** All of it, as large as it goes. */
  fit() {
    const boxes = [...this.scene.at.frames.values()];
    if (!boxes.length || !this.screen.width) return;
    const x = Math.min(...boxes.map((box) => box.x));
    const y = Math.min(...boxes.map((box) => box.y));
    const right = Math.max(...boxes.map((box) => box.x + box.width));
    const bottom = Math.max(...boxes.map((box) => box.y + box.height));
    this.look(fitted({ x, y, width: right - x, height: bottom - y }, this.screen));
  }

  /** All of it, once what is shown now was taken. */
  refit() {
    this.camera = null;
  }

  zoom(factor) {
    if (this.camera) this.look(zoomed(this.camera, factor, { x: this.screen.width / 2, y: this.screen.height / 2 }));
  }

  /** Have one thing be seen, large enough to be read. */
  reveal(id) {
    const box = this.scene?.at.nodes.get(id) ?? this.scene?.at.frames.get(id);
    if (!box || !this.camera) return;
    const middle = { x: this.screen.width / 2, y: this.screen.height / 2 };
    const near = this.camera.scale < 0.5 ? zoomed(this.camera, 0.8 / this.camera.scale, middle) : this.camera;
    this.look(showing(near, box, this.screen));
  }

  stop() {
    this.ended.abort();
    this.sized.disconnect();
    cancelAnimationFrame(this.asked);
  }

  // Pointers ----------------------------------------------------------------------------------------------------------

  at(event) {
    const box = this.canvas.getBoundingClientRect();
    return { x: event.clientX - box.x, y: event.clientY - box.y };
  }

  hit(point) {
    if (!this.scene || !this.camera) return "";
    const { x, y } = toPlane(this.camera, point);
    const within = (box, height = box.height) => x >= box.x && x <= box.x + box.width && y >= box.y && y <= box.y + height;
    for (const [id, box] of this.scene.at.nodes) if (within(box)) return id;
    for (const [id, box] of this.scene.at.frames) if (within(box, HEAD)) return id;
    return "";
  }

  down(event) {
    this.canvas.setPointerCapture(event.pointerId);
    const point = this.at(event);
    this.pointers.set(event.pointerId, point);
    if (this.pointers.size === 1) this.pressed = { point, isMoved: false };
  }

  move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before || !this.camera) return;
    const now = this.at(event);
    if (this.pressed && Math.hypot(now.x - this.pressed.point.x, now.y - this.pressed.point.y) > CLICK_PX) this.pressed.isMoved = true;
    const others = [...this.pointers].filter(([id]) => id !== event.pointerId).map(([, one]) => one);
    if (others.length === 1) {
      const [other] = others;
      const away = (one) => Math.max(1, Math.hypot(one.x - other.x, one.y - other.y));
      this.look(zoomed(this.camera, away(now) / away(before), { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 }));
      if (this.pressed) this.pressed.isMoved = true;
    } else if (!others.length && (this.pressed?.isMoved ?? true)) {
      this.look(panned(this.camera, now.x - before.x, now.y - before.y));
    }
    this.pointers.set(event.pointerId, now);
  }

  up(event) {
    const isClick = this.pressed && !this.pressed.isMoved && this.pointers.size === 1;
    this.pointers.delete(event.pointerId);
    if (isClick) {
      const point = this.at(event);
      const id = this.hit(point);
      const frame = this.scene?.at.frames.get(id);
      const { x } = this.camera ? toPlane(this.camera, point) : { x: 0 };
      if (frame && x < frame.x + 26) this.does.fold(id);
      else this.choose(id);
    }
  }

  opened(event) {
    const id = this.hit(this.at(event));
    if (this.scene?.at.frames.has(id)) this.does.fold(id);
    else if (id) this.does.open(id);
  }

  wheel(event) {
    event.preventDefault();
    if (!this.camera) return;
    const by = event.deltaMode === 1 ? 16 : 1;
    if (event.shiftKey) this.look(panned(this.camera, -(event.deltaX + event.deltaY) * by, 0));
    else if (event.deltaX && !event.ctrlKey) this.look(panned(this.camera, -event.deltaX * by, -event.deltaY * by));
    else this.look(zoomed(this.camera, Math.exp((-event.deltaY * by) / (event.ctrlKey ? 100 : 500)), this.at(event)));
  }

  // Keys --------------------------------------------------------------------------------------------------------------

  key(event) {
    if (event.altKey || event.metaKey || event.ctrlKey || !this.scene) return;
    if (!this.keyed(event.key)) return;
    event.preventDefault();
  }

  keyed(key) {
    const { chosen } = this.scene;
    if (key in ARROWS) {
      const next = step(this.things(), chosen, ARROWS[key]);
      if (next) {
        this.choose(next);
        this.reveal(next);
      }
      return true;
    }
    if (key === "+" || key === "=") return this.zoom(1.25) ?? true;
    if (key === "-") return this.zoom(0.8) ?? true;
    if (key === "0" || key === "f") return this.fit() ?? true;
    if (key === "/") return this.does.seek() ?? true;
    if (key === "Escape" && chosen) return this.choose("") ?? true;
    if (!chosen) return false;
    if (key === "Enter") return this.does.open(chosen) ?? true;
    if (key === " ") return this.does.fold(chosen) ?? true;
    if (key === "w") return this.does.why(chosen) ?? true;
    return false;
  }

  things() {
    const { at } = this.scene;
    const folded = [...at.frames].filter(([, frame]) => frame.isFolded);
    return { boxes: new Map([...at.nodes, ...folded]), edges: at.edges };
  }
}
