// Three canvases over one another: the picture, the animals at rest, and what the hand moves.
import { signal } from "@preact/signals";
import { Watchmaker, type FrameShown } from "../probes";
import { Watch, type Shown } from "../video/watch";
import type { Figure, Scene } from "./figure";
import { paint, paintHand, type Brush } from "./overlay";
import {
  centred,
  fit,
  fitBox,
  keepInSight,
  pan,
  zoomAt,
  type Box,
  type Size,
  type View,
  type XY,
} from "./transform";

const PICTURE = 1;
const REST = 2;
const HAND = 4;
const STILL_MS = 160; // after the last move, names of all animals come back
const SHARP = 2; // device pixels a video pixel, from which pixels are drawn as squares
const LOUPE = { radius: 72, times: 4, above: 110 };

const EMPTY: Scene = {
  figures: [],
  edges: [],
  names: [],
  selected: null,
  keypoint: null,
  named: "selected",
  ghost: null,
};

/** Where the loupe is, and whether a finger covers what it shows. */
export interface Loupe {
  readonly at: XY;
  readonly finger: boolean;
}

export class Easel {
  readonly watch = new Watch();
  readonly view = signal<View>({ zoom: 1, x: 0, y: 0 });
  readonly times = { all: new Watchmaker(), hand: new Watchmaker() };
  readonly canvases: readonly HTMLCanvasElement[];
  ratio = 1;
  /** Of the last picture that was drawn, ms from asking to drawing. */
  drawn: FrameShown | null = null;
  onDraw: (shown: Shown) => void = () => undefined;
  private scene = EMPTY;
  private stage: Size = { width: 1, height: 1 };
  private picture: Size = { width: 1, height: 1 };
  private dirty = 0;
  private told: Shown | null = null;
  private fitted = true;
  private moving = 0;
  private loupe: Loupe | null = null;
  private hidden = false;
  private readonly brushes: readonly Brush[];
  private readonly stops: (() => void)[] = [];

  constructor(private readonly host: HTMLElement) {
    this.canvases = ["picture", "rest", "hand"].map((name) => {
      const canvas = document.createElement("canvas");
      canvas.className = `layer layer-${name}`;
      canvas.dataset.test = `canvas-${name}`;
      canvas.setAttribute("aria-hidden", "true");
      host.append(canvas);
      return canvas;
    });
    this.brushes = this.canvases.map((canvas) => canvas.getContext("2d") as Brush);
    const observer = new ResizeObserver(() => this.resize());
    observer.observe(host);
    this.stops.push(() => observer.disconnect());
    this.stops.push(this.watch.shown.subscribe((shown) => this.take(shown)));
    this.resize();
  }

  close(): void {
    this.stops.forEach((stop) => stop());
    this.watch.close();
    this.canvases.forEach((canvas) => canvas.remove());
    clearTimeout(this.moving);
  }

  setScene(scene: Scene): void {
    const before = this.scene;
    this.scene = scene;
    this.mark(HAND | (sameRest(before, scene) ? 0 : REST));
  }

  /** The video's own size; a new size is fitted. */
  setPicture(size: Size): void {
    if (size.width === this.picture.width && size.height === this.picture.height) return;
    this.picture = size;
    this.fit();
  }

  /** A CSS filter that changes how the picture is shown, "" for none. */
  setFilter(filter: string): void {
    this.canvases[0]!.style.filter = filter;
  }

  setLoupe(loupe: Loupe | null): void {
    if (loupe === null && this.loupe === null) return;
    this.loupe = loupe;
    this.mark(HAND);
  }

  hide(hidden: boolean): void {
    this.hidden = hidden;
    this.mark(REST | HAND);
  }

  // ── the view ──

  get size(): Size {
    return this.stage;
  }

  fit(): void {
    this.setView(fit(this.picture, this.stage));
    this.fitted = true;
  }

  one(): void {
    const { zoom, x, y } = centred(this.picture, this.stage, 1);
    // half a pixel aside, every pixel would be a mixture of two
    this.setView({ zoom, x: Math.round(x), y: Math.round(y) });
  }

  fitTo(box: Box): void {
    this.setView(fitBox(box, this.stage));
  }

  zoomBy(factor: number, at: XY = { x: this.stage.width / 2, y: this.stage.height / 2 }): void {
    this.setView(zoomAt(this.view.peek(), at, factor));
  }

  panBy(dx: number, dy: number): void {
    this.setView(pan(this.view.peek(), dx, dy));
  }

  setView(view: View): void {
    this.fitted = false;
    this.view.value = keepInSight(view, this.picture, this.stage);
    clearTimeout(this.moving);
    this.moving = window.setTimeout(() => {
      this.moving = 0;
      if (this.scene.named === "all") this.mark(REST | HAND);
    }, STILL_MS);
    this.mark(PICTURE | REST | HAND);
  }

  // ── drawing ──

  private resize(): void {
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth: width, clientHeight: height } = this.host;
    if (width === 0 || height === 0) return;
    const [dx, dy] = [(width - this.stage.width) / 2, (height - this.stage.height) / 2];
    this.stage = { width, height };
    this.ratio = ratio;
    for (const canvas of this.canvases) {
      canvas.width = Math.round(width * ratio);
      canvas.height = Math.round(height * ratio);
      canvas.style.width = `${width}px`;
      canvas.style.height = `${height}px`;
    }
    if (this.fitted) this.fit();
    else this.panBy(dx, dy);
  }

  private take(shown: Shown | null): void {
    if (shown !== null) this.mark(PICTURE | (this.loupe === null ? 0 : HAND));
  }

  private mark(what: number): void {
    if (this.dirty === 0 && what !== 0) requestAnimationFrame(() => this.draw());
    this.dirty |= what;
  }

  private draw(): void {
    const dirty = this.dirty;
    this.dirty = 0;
    if (dirty & PICTURE) this.drawPicture();
    const begun = performance.now();
    if (dirty & REST) this.drawRest();
    if (dirty & HAND) this.drawHand();
    const times = dirty & REST ? this.times.all : this.times.hand;
    if (dirty & (REST | HAND)) times.add(performance.now() - begun);
  }

  private drawPicture(): void {
    const [brush] = this.brushes as [Brush];
    const shown = this.watch.shown.peek();
    wipe(brush);
    if (shown === null) return;
    this.place(brush, this.view.peek());
    if (shown.got.kind === "picture") this.drawFrame(brush, shown.got.picture, this.view.peek());
    else hatch(brush, this.picture);
    brush.setTransform(1, 0, 0, 1, 0, 0);
    this.watch.drawn.value = shown;
    if (shown.thumb) return;
    const { frame, coded } = shown;
    const video = shown.video.id;
    if (shown !== this.told) {
      this.told = shown;
      this.drawn = { video, frame, ms: performance.now() - this.watch.asked, coded };
      this.onDraw(shown);
    }
  }

  private drawFrame(brush: Brush, picture: ImageBitmap, view: View): void {
    brush.imageSmoothingEnabled = view.zoom * this.ratio < SHARP;
    brush.drawImage(picture, 0, 0, this.picture.width, this.picture.height);
  }

  private place(brush: Brush, view: View): void {
    const scale = view.zoom * this.ratio;
    brush.setTransform(scale, 0, 0, scale, view.x * this.ratio, view.y * this.ratio);
  }

  /** While the view moves, names are drawn on the selected animal only. */
  private sceneNow(): Scene {
    const few = this.moving !== 0 && this.scene.named === "all";
    return few ? { ...this.scene, named: "selected" } : this.scene;
  }

  private drawRest(): void {
    const brush = this.brushes[1]!;
    wipe(brush);
    if (this.hidden) return;
    const scene = this.sceneNow();
    paint(brush, scene, this.view.peek(), this.ratio, (figure) => figure.key !== scene.selected);
  }

  private drawHand(): void {
    const brush = this.brushes[2]!;
    wipe(brush);
    const scene = this.sceneNow();
    const view = this.view.peek();
    if (!this.hidden) {
      paint(brush, scene, view, this.ratio, (figure) => figure.key === scene.selected);
      paintHand(brush, scene, view, this.ratio);
    }
    if (this.loupe !== null) this.drawLoupe(brush, this.loupe);
  }

  private drawLoupe(brush: Brush, { at, finger }: Loupe): void {
    const { radius, times, above } = LOUPE;
    const middle = { x: at.x, y: finger ? at.y - above : at.y };
    const near = zoomAt(this.view.peek(), at, times);
    const view = pan(near, middle.x - at.x, middle.y - at.y);
    const shown = this.watch.shown.peek();
    const rim = () => {
      brush.beginPath();
      brush.arc(middle.x * this.ratio, middle.y * this.ratio, radius * this.ratio, 0, 2 * Math.PI);
    };
    brush.save();
    rim();
    brush.fillStyle = "#000";
    brush.fill();
    brush.clip();
    this.place(brush, view);
    brush.filter = this.canvases[0]!.style.filter || "none";
    if (shown?.got.kind === "picture") this.drawFrame(brush, shown.got.picture, view);
    brush.filter = "none";
    brush.setTransform(1, 0, 0, 1, 0, 0);
    if (!this.hidden) paint(brush, { ...this.scene, named: "none" }, view, this.ratio, () => true);
    cross(brush, middle, this.ratio);
    brush.restore();
    rim();
    brush.lineWidth = 2 * this.ratio;
    brush.strokeStyle = "#fff";
    brush.stroke();
  }
}

/** Whether the animals at rest look the same: no other objects, no other selection. */
function sameRest(a: Scene, b: Scene): boolean {
  if (a.selected !== b.selected || a.named !== b.named || a.edges !== b.edges || a.names !== b.names)
    return false;
  if (a.figures.length !== b.figures.length) return false;
  return a.figures.every((figure, i) => figure === b.figures[i] || atHand(figure, b.figures[i], b));
}

function atHand(one: Figure, other: Figure | undefined, scene: Scene): boolean {
  return one.key === scene.selected && other?.key === scene.selected;
}

function wipe(brush: Brush): void {
  brush.setTransform(1, 0, 0, 1, 0, 0);
  brush.clearRect(0, 0, brush.canvas.width, brush.canvas.height);
}

/** A frame that cannot be read, in pixels of the video. */
function hatch(brush: Brush, size: Size): void {
  const step = Math.max(size.width, size.height) / 24;
  brush.fillStyle = "#23262b";
  brush.fillRect(0, 0, size.width, size.height);
  brush.save();
  brush.beginPath();
  brush.rect(0, 0, size.width, size.height);
  brush.clip();
  brush.strokeStyle = "#4a4f57";
  brush.lineWidth = step / 6;
  brush.beginPath();
  for (let x = -size.height; x < size.width; x += step) {
    brush.moveTo(x, size.height);
    brush.lineTo(x + size.height, 0);
  }
  brush.stroke();
  brush.restore();
}

function cross(brush: Brush, at: XY, ratio: number): void {
  const [x, y, arm, gap] = [at.x * ratio, at.y * ratio, 14 * ratio, 4 * ratio];
  for (const [width, style] of [[3, "#14161a"], [1, "#fff"]] as const) {
    brush.lineWidth = width * ratio;
    brush.strokeStyle = style;
    brush.beginPath();
    for (const [dx, dy] of [[1, 0], [-1, 0], [0, 1], [0, -1]] as const) {
      brush.moveTo(x + dx * gap, y + dy * gap);
      brush.lineTo(x + dx * arm, y + dy * arm);
    }
    brush.stroke();
  }
}
