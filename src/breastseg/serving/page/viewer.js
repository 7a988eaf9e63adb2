// The stage: shows one scene, and lets mouse, fingers and keys move through it.

import { drawScene, lesionAt } from "./draw.js";
import { centred, fitted, held, moved, revealing, toImage, zoomed } from "./viewport.js";

const STEP = 1.25;
const PAN_PX = 40;
const CLICK_PX = 4;
const KEYS = {
  "+": (viewer) => viewer.zoom(STEP),
  "=": (viewer) => viewer.zoom(STEP),
  "-": (viewer) => viewer.zoom(1 / STEP),
  0: (viewer) => viewer.fit(),
  1: (viewer) => viewer.actualSize(),
  ArrowLeft: (viewer) => viewer.pan(PAN_PX, 0),
  ArrowRight: (viewer) => viewer.pan(-PAN_PX, 0),
  ArrowUp: (viewer) => viewer.pan(0, PAN_PX),
  ArrowDown: (viewer) => viewer.pan(0, -PAN_PX),
  n: (viewer) => viewer.step(1),
  p: (viewer) => viewer.step(-1),
  Escape: (viewer) => viewer.choose(-1),
};

/** One scene on the stage: {picture or null, width, height, layers by name, lesions}. */
export class Viewer {
  #stage;
  #context;
  #listeners;
  #scene = null;
  #view = { scale: 1, x: 0, y: 0 };
  #isFitted = true;
  #looks = { opacity: 0.35, outline: true, layer: "mask", chosen: -1 };
  #pointers = new Map();
  #travelled = 0;
  #frame = 0;

  /** `listeners` has onChoose(index or -1) and onZoom(scale or null). */
  constructor(stage, canvas, listeners) {
    this.#stage = stage;
    this.#context = canvas.getContext("2d");
    this.#listeners = listeners;
    new ResizeObserver(() => this.#resized()).observe(stage);
    stage.addEventListener("keydown", (event) => this.#onKey(event));
    canvas.addEventListener("wheel", (event) => this.#onWheel(event), { passive: false });
    canvas.addEventListener("pointerdown", (event) => this.#onDown(event));
    canvas.addEventListener("pointermove", (event) => this.#onMove(event));
    canvas.addEventListener("pointerup", (event) => this.#onUp(event));
    canvas.addEventListener("pointercancel", (event) => this.#pointers.delete(event.pointerId));
  }

  /** Show a scene, or nothing (null). Where one follows another of its size, the view stays. */
  show(scene) {
    const before = this.#scene;
    this.#scene = scene;
    this.#looks.chosen = -1;
    if (!scene) this.#listeners.onZoom(null);
    else if (scene.width !== before?.width || scene.height !== before?.height) this.fit();
    this.#redraw();
  }

  /** Change opacity (0 to 1), outline (shown or not) or layer (its name). */
  look(changes) {
    Object.assign(this.#looks, changes);
    this.#redraw();
  }

  /** Highlight a lesion and bring it in sight; -1 lets go. */
  choose(index) {
    this.#looks.chosen = index;
    const lesion = this.#scene?.lesions[index];
    if (lesion) this.#move(revealing(this.#view, lesion.box, this.#size()), { fitted: this.#isFitted });
    this.#listeners.onChoose(index);
    this.#redraw();
  }

  /** Go to the next or previous lesion, round and round. */
  step(by) {
    const total = this.#scene?.lesions.length ?? 0;
    const from = this.#looks.chosen < 0 && by < 0 ? 0 : this.#looks.chosen;
    if (total) this.choose((from + by + total) % total);
  }

  /** Zoom by a factor about a point of the stage, its middle without one. */
  zoom(factor, point = this.#middle()) {
    if (this.#scene) this.#move(zoomed(this.#view, factor, point, this.#scene, this.#size()));
  }

  /** Move by CSS pixels. */
  pan(dx, dy) {
    this.#move(moved(this.#view, dx, dy));
  }

  /** Show the whole image. */
  fit() {
    if (this.#scene) this.#move(fitted(this.#scene, this.#size()), { fitted: true });
  }

  /** Show one pixel of the image as one CSS pixel. */
  actualSize() {
    if (this.#scene) this.#move(centred(this.#scene, this.#size(), 1));
  }

  #move(view, { fitted: isFitted = false } = {}) {
    if (!this.#scene) return;
    this.#view = held(view, this.#scene, this.#size());
    this.#isFitted = isFitted;
    // a finger on a fitted image scrolls the page, on a zoomed one it moves the image
    this.#stage.classList.toggle("zoomed", !isFitted);
    this.#listeners.onZoom(this.#view.scale);
    this.#redraw();
  }

  #size() {
    return { width: this.#stage.clientWidth, height: this.#stage.clientHeight };
  }

  #middle() {
    const { width, height } = this.#size();
    return { x: width / 2, y: height / 2 };
  }

  #resized() {
    if (this.#isFitted) this.fit();
    else this.#move(this.#view);
  }

  /** Draw once before the next frame, however much has changed. */
  #redraw() {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  #draw() {
    const ratio = devicePixelRatio;
    const { width, height } = this.#size();
    this.#context.canvas.width = Math.round(width * ratio);
    this.#context.canvas.height = Math.round(height * ratio);
    if (this.#scene) drawScene(this.#context, this.#scene, { ...this.#looks, view: this.#view, ratio });
  }

  #onKey(event) {
    const action = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (!action || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action(this);
  }

  #onWheel(event) {
    event.preventDefault();
    // browsers count in pixels, lines or pages
    const pixels = event.deltaY * [1, 16, 400][event.deltaMode];
    this.zoom(Math.exp(-Math.min(Math.max(pixels, -200), 200) / 400), this.#point(event));
  }

  #onDown(event) {
    event.target.setPointerCapture(event.pointerId);
    this.#pointers.set(event.pointerId, this.#point(event));
    if (this.#pointers.size === 1) this.#travelled = 0;
  }

  #onMove(event) {
    const before = this.#pointers.get(event.pointerId);
    if (!before) return;
    const now = this.#point(event);
    this.#travelled += Math.hypot(now.x - before.x, now.y - before.y);
    if (this.#pointers.size === 2) this.#pinch(event.pointerId, before, now);
    else if (this.#travelled > CLICK_PX) this.pan(now.x - before.x, now.y - before.y);
    this.#pointers.set(event.pointerId, now);
  }

  #pinch(id, before, now) {
    const [, other] = [...this.#pointers].find(([otherId]) => otherId !== id);
    const distance = (point) => Math.max(Math.hypot(point.x - other.x, point.y - other.y), 1);
    this.zoom(distance(now) / distance(before), { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 });
  }

  #onUp(event) {
    const isClick = this.#pointers.delete(event.pointerId) && this.#travelled <= CLICK_PX;
    if (isClick && this.#scene) {
      this.choose(lesionAt(this.#context, this.#scene, toImage(this.#view, this.#point(event))));
    }
  }

  #point(event) {
    const { left, top } = this.#stage.getBoundingClientRect();
    return { x: event.clientX - left - this.#stage.clientLeft, y: event.clientY - top - this.#stage.clientTop };
  }
}
