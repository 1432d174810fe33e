// The map of movements: density, the cursor = now, click: nearest clips, Shift and drag: a region.
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { XY } from "../../canvas/transform";
import * as session from "../../store/session";
import * as view from "../../store/view";
import { showClips } from "./clips";
import { NONE, placeOf, render, thinned, toMap, toPixel, whole, zoomed, type Look } from "./density";
import * as desk from "./desk";
import { parse, type Rgb } from "./paint";

const GREY: Rgb = [120, 124, 130];
const WHEEL = 0.0016;
const CORNERS = 200; // of a lasso, as an address holds them
const TRAIL = 12; // frames behind the cursor

const look = signal<Look | null>(null);
const outline = signal<readonly XY[]>([]); // of the lasso, units of the map
const picked = signal<XY | null>(null);
export const lassoing = signal(false);
const byLabel = view.remember("behavior.map.colours", true);

/** The map. */
export function BehaviorMap() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const density = useRef<HTMLCanvasElement | null>(null);
  const { points, mapRow, tables, label } = desk;
  const now = { frame: desk.cursor.value, outline: outline.value, picked: picked.value };
  const [all, sight, theme, colours] = [points.value, look.value, session.theme.value, byLabel.value];
  const of = mapRow.value?.run.run ?? "";
  const chosen = desk.run.value?.run === of ? label.value : null;
  const names = tables.value.get(of);
  useEffect(() => {
    look.value = null;
    picked.value = null;
    outline.value = [];
  }, [of]);
  useEffect(() => {
    density.current = baked(canvas.current!, of, colours, chosen);
    draw(canvas.current!, density.current);
  }, [all, sight, theme, colours, of, names, chosen]);
  useEffect(() => draw(canvas.current!, density.current));
  useEffect(() => {
    const element = canvas.current!;
    const again = () => (look.value = look.peek() === null ? null : { ...look.peek()! });
    const watch = new ResizeObserver(again);
    watch.observe(element);
    const wheel = (event: WheelEvent): void => {
      event.preventDefault();
      const before = look.peek();
      if (before === null) return;
      const box = element.getBoundingClientRect();
      const at = { x: event.clientX - box.left, y: event.clientY - box.top };
      look.value = zoomed(before, at, Math.exp(-event.deltaY * WHEEL), box.width, box.height);
    };
    element.addEventListener("wheel", wheel, { passive: false });
    return () => {
      watch.disconnect();
      element.removeEventListener("wheel", wheel);
    };
  }, []);
  const count = all === null ? 0 : all.label.length;
  void now;
  return (
    <div class="behavior-map">
      <canvas
        ref={canvas}
        tabIndex={0}
        role="img"
        aria-label={`Map of ${count} points; click shows the nearest clips`}
        title="Click: nearest clips · Shift and drag: clips of a region · wheel: zoom · drag: move · double-click: all"
        data-test="map-canvas"
        data-points={count}
        data-stride={all?.stride ?? 0}
        onPointerDown={(event) => press(event)}
        onDblClick={() => (look.value = null)}
      />
      <div class="row map-tools">
        <button
          aria-pressed={lassoing.value}
          title="Draw a region (Shift and drag)"
          data-test="lasso"
          onClick={() => (lassoing.value = !lassoing.value)}
        >
          ◌ Lasso
        </button>
        <label class="row">
          <input type="checkbox" checked={byLabel.value} onChange={() => (byLabel.value = !byLabel.value)} />
          colour by region
        </label>
        <span class="grow" />
        <span class="muted number" data-test="map-count">
          {all === null ? "…" : `${(count / 1000).toFixed(count < 10_000 ? 1 : 0)} k points`}
        </span>
      </div>
    </div>
  );
}

/** The density as a canvas of its own, drawn anew only when it changes. */
function baked(canvas: HTMLCanvasElement, of: string, colours: boolean, chosen: number | null): HTMLCanvasElement | null {
  const all = desk.points.peek();
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (all === null || width < 2 || height < 2) return null;
  if (look.peek() === null) look.value = whole(all, width, height);
  const ratio = window.devicePixelRatio || 1;
  const made = document.createElement("canvas");
  made.width = Math.round(width * ratio);
  made.height = Math.round(height * ratio);
  const sight = { ...look.peek()!, scale: look.peek()!.scale * ratio };
  const paint = (label: number): Rgb => {
    if (label === NONE || !colours || (chosen !== null && chosen !== label)) return GREY;
    return parse(desk.lookOf(of, label).colour);
  };
  const data = render(all, sight, made.width, made.height, paint, ratio);
  made.getContext("2d")?.putImageData(new ImageData(data, made.width, made.height), 0, 0);
  return made;
}

function draw(canvas: HTMLCanvasElement, density: HTMLCanvasElement | null): void {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
  if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
  const brush = canvas.getContext("2d");
  const sight = look.peek();
  if (brush === null) return;
  brush.setTransform(1, 0, 0, 1, 0, 0);
  brush.clearRect(0, 0, canvas.width, canvas.height);
  if (density !== null) brush.drawImage(density, 0, 0, canvas.width, canvas.height);
  if (sight === null) return;
  brush.setTransform(ratio, 0, 0, ratio, 0, 0);
  const style = getComputedStyle(canvas);
  const at = (place: XY) => toPixel(sight, place, width, height);
  const ink = style.getPropertyValue("--ink");
  loop(brush, outline.peek().map(at), style.getPropertyValue("--accent"));
  const spot = picked.peek();
  if (spot !== null) ring(brush, at(spot), 7, style.getPropertyValue("--accent"));
  cursor(brush, at, ink, style.getPropertyValue("--ground"));
}

function cursor(brush: CanvasRenderingContext2D, at: (p: XY) => XY, ink: string, ground: string): void {
  const all = desk.points.peek();
  if (all === null) return;
  const frame = desk.cursor.peek();
  const way = Array.from({ length: TRAIL + 1 }, (_, n) => frame - TRAIL + n)
    .filter((one) => one >= 0)
    .map((one) => placeOf(all, desk.offset.peek(), one))
    .filter((one) => one !== null)
    .map(at);
  brush.strokeStyle = ink;
  brush.globalAlpha = 0.6;
  brush.lineWidth = 1;
  brush.beginPath();
  for (const one of way) brush.lineTo(one.x, one.y);
  brush.stroke();
  brush.globalAlpha = 1;
  const here = placeOf(all, desk.offset.peek(), frame);
  brush.canvas.dataset["cursor"] = `${frame} ${here === null ? "off" : `${here.x} ${here.y}`}`;
  if (here === null) return;
  brush.fillStyle = ground;
  disc(brush, at(here), 6);
  brush.fillStyle = ink;
  disc(brush, at(here), 4);
}

function disc(brush: CanvasRenderingContext2D, at: XY, radius: number): void {
  brush.beginPath();
  brush.arc(at.x, at.y, radius, 0, 2 * Math.PI);
  brush.fill();
}

function ring(brush: CanvasRenderingContext2D, at: XY, radius: number, colour: string): void {
  brush.strokeStyle = colour;
  brush.lineWidth = 2;
  brush.beginPath();
  brush.arc(at.x, at.y, radius, 0, 2 * Math.PI);
  brush.stroke();
}

function loop(brush: CanvasRenderingContext2D, way: readonly XY[], colour: string): void {
  if (way.length < 2) return;
  brush.strokeStyle = colour;
  brush.lineWidth = 1.5;
  brush.beginPath();
  for (const one of way) brush.lineTo(one.x, one.y);
  brush.closePath();
  brush.stroke();
}

const SLOP = 4;

function press(event: PointerEvent): void {
  const element = event.currentTarget as HTMLCanvasElement;
  const box = element.getBoundingClientRect();
  const sight = look.peek();
  const of = desk.mapRow.peek()?.run.run;
  if (sight === null || of === undefined || event.button !== 0) return;
  const at = (e: PointerEvent): XY =>
    toMap(look.peek()!, { x: e.clientX - box.left, y: e.clientY - box.top }, box.width, box.height);
  const lasso = event.shiftKey || lassoing.peek();
  const from = at(event);
  let dragged = false;
  if (lasso) outline.value = [from];
  element.setPointerCapture(event.pointerId);
  element.onpointermove = (e) => {
    dragged ||= Math.hypot(e.clientX - event.clientX, e.clientY - event.clientY) > SLOP;
    if (!dragged) return;
    if (lasso) outline.value = [...outline.peek(), at(e)];
    else {
      const dx = (e.clientX - event.clientX) / sight.scale;
      const dy = (e.clientY - event.clientY) / sight.scale;
      look.value = { ...sight, x: sight.x - dx, y: sight.y + dy };
    }
  };
  element.onpointerup = () => {
    element.onpointermove = element.onpointerup = null;
    if (lasso && outline.peek().length > 2) {
      picked.value = null;
      const corners = thinned(outline.peek(), CORNERS).flatMap(({ x, y }) => [x.toPrecision(5), y.toPrecision(5)]);
      void showClips(of, `around=${corners.join(",")}`, "the region");
    } else if (!dragged) {
      outline.value = [];
      picked.value = from;
      desk.label.value = null;
      void showClips(of, `x=${from.x}&y=${from.y}`, "this place");
    }
    lassoing.value = false;
  };
}
