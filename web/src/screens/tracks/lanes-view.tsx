// The lanes: who is seen when, how sure that is, crossings, pins, edits; wheel zooms, drag pans.
import { useEffect, useRef } from "preact/hooks";
import { paintOf } from "../../canvas/figure";
import * as view from "../../store/view";
import type { Timeline } from "../../types.gen";
import * as desk from "./desk";
import { frameAt, panned, xOf, zoomed, type Sight } from "./lanes";
import { AMBER } from "./scene";

const MARKS = 18; // px above the lanes
const FEW = 26; // px of a lane
const LEAST = 12;
const WHEEL = 0.0022;

export function heightOf(animals: number): number {
  return MARKS + (animals + 1) * laneOf(animals) + 2;
}

function laneOf(animals: number): number {
  return animals <= 4 ? FEW : Math.max(LEAST, Math.round(120 / animals));
}

/** The lanes of all animals. */
export function Lanes() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const line = desk.line.value;
  const sight = desk.sight.value;
  const names = desk.names.value;
  const now = { line, sight, frame: view.frame.value, range: desk.range.value, animal: desk.animal.value };
  const item = desk.item.value;
  useEffect(() => void (canvas.current && draw(canvas.current, now, item)), [line, sight, now.frame, now.range, now.animal, item]);
  useEffect(() => {
    const element = canvas.current!;
    const watch = new ResizeObserver(() => {
      desk.wantLine(element.clientWidth);
      desk.read.value += 1;
    });
    watch.observe(element);
    const wheel = (event: WheelEvent) => turn(event, element);
    element.addEventListener("wheel", wheel, { passive: false });
    return () => {
      watch.disconnect();
      element.removeEventListener("wheel", wheel);
    };
  }, []);
  const lane = laneOf(names.length);
  return (
    <div class="lanes" style={{ height: `${heightOf(names.length)}px` }} data-test="lanes">
      <div class="lane-names" style={{ paddingTop: `${MARKS}px` }}>
        {names.map((name, i) => (
          <button
            key={name}
            class="plain cut"
            style={{ height: `${lane}px`, minHeight: `${lane}px` }}
            aria-pressed={desk.animal.value === i}
            title={`${name}: choose (${i + 1}); F2 renames`}
            data-test={`lane-${i}`}
            onClick={() => (desk.chosen.value = { animal: i })}
          >
            <span class="dot" style={{ background: paintOf(i).colour }} />
            <span class="cut">{name}</span>
          </button>
        ))}
        <span class="muted cut" style={{ lineHeight: `${lane}px` }}>
          fragments
        </span>
      </div>
      {desk.reading.value && line === null && (
        <p class="muted lanes-reading" role="status" data-test="lanes-reading">
          The tracks are read for the first time …
        </p>
      )}
      <canvas
        ref={canvas}
        role="slider"
        tabIndex={0}
        aria-label="Frame"
        aria-valuemin={0}
        aria-valuemax={Math.max((desk.run.value?.frames ?? 1) - 1, 0)}
        aria-valuenow={now.frame}
        title="Click: go there · wheel: zoom · drag: move · Shift and drag: mark a range"
        data-test="lanes-canvas"
        onPointerDown={press}
        onDblClick={() => whole()}
      />
    </div>
  );
}

function whole(): void {
  desk.sight.value = { from: 0, to: Math.max(desk.run.peek()?.frames ?? 1, 1) };
  desk.wantLine();
}

function turn(event: WheelEvent, element: HTMLElement): void {
  event.preventDefault();
  const frames = desk.run.peek()?.frames ?? 1;
  const box = element.getBoundingClientRect();
  const sideways = event.shiftKey ? event.deltaY : event.deltaX;
  const before = desk.sight.peek();
  desk.sight.value =
    Math.abs(sideways) > Math.abs(event.shiftKey ? 0 : event.deltaY)
      ? panned(before, -sideways, box.width, frames)
      : zoomed(before, event.clientX - box.left, box.width, Math.exp(-event.deltaY * WHEEL), frames);
  desk.wantLine(box.width);
}

const SLOP = 4;

function press(event: PointerEvent): void {
  const element = event.currentTarget as HTMLCanvasElement;
  const box = element.getBoundingClientRect();
  const frames = desk.run.peek()?.frames ?? 1;
  const at = (e: PointerEvent) => frameAt(e.clientX - box.left, desk.sight.peek(), box.width, frames);
  const from = at(event);
  const start = desk.sight.peek();
  let dragged = false;
  element.setPointerCapture(event.pointerId);
  element.onpointermove = (e) => {
    dragged ||= Math.abs(e.clientX - event.clientX) > SLOP;
    if (!dragged) return;
    if (event.shiftKey) {
      desk.range.value = { first: Math.min(from, at(e)), last: Math.max(from, at(e)) };
      return;
    }
    desk.sight.value = panned(start, e.clientX - event.clientX, box.width, frames);
    desk.wantLine(box.width);
  };
  element.onpointerup = (e) => {
    element.onpointermove = element.onpointerup = null;
    if (dragged || event.shiftKey) return;
    const near = crossingAt(e.clientX - box.left, e.clientY - box.top, box.width);
    if (near !== null) desk.seek(near);
    else view.goTo(from);
    const row = Math.floor((e.clientY - box.top - MARKS) / laneOf(desk.names.peek().length));
    if (near === null && row >= 0 && row < desk.names.peek().length) desk.chosen.value = { animal: row };
  };
}

function crossingAt(x: number, y: number, width: number) {
  if (y > MARKS) return null;
  const sight = desk.sight.peek();
  const near = (desk.queue.peek()?.crossings ?? [])
    .map((one) => ({ one, away: Math.abs(xOf(one.first, sight, width) - x) }))
    .filter(({ away }) => away < 8)
    .sort((a, b) => a.away - b.away);
  return near[0]?.one ?? null;
}

interface Now {
  line: Timeline | null;
  sight: Sight;
  frame: number;
  range: { first: number; last: number } | null;
  animal: number | null;
}

function draw(canvas: HTMLCanvasElement, now: Now, item: string | null): void {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
  if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
  const brush = canvas.getContext("2d");
  const { line, sight } = now;
  if (brush === null || width === 0) return;
  const style = getComputedStyle(canvas);
  const ink = style.getPropertyValue("--ink");
  const x = (frame: number) => xOf(frame, sight, width);
  brush.setTransform(ratio, 0, 0, ratio, 0, 0);
  brush.clearRect(0, 0, width, height);
  if (now.range !== null) {
    brush.fillStyle = style.getPropertyValue("--strip-range") || "rgb(86 180 233 / 25%)";
    brush.fillRect(x(now.range.first), 0, Math.max(x(now.range.last + 1) - x(now.range.first), 1), height);
  }
  if (line !== null) {
    bars(brush, line, now, x, width);
    marks(brush, line, x, width, height, ink, item);
  }
  brush.fillStyle = ink;
  brush.fillRect(Math.round(x(now.frame)), 0, Math.max(x(1) - x(0) > 6 ? 2 : 1.5, 1.5), height);
}

function bars(
  brush: CanvasRenderingContext2D,
  line: Timeline,
  now: Now,
  x: (frame: number) => number,
  width: number,
): void {
  const lane = laneOf(line.animals.length);
  for (const [i, { spans }] of line.animals.entries()) {
    const top = MARKS + i * lane;
    const tall = lane - 4;
    const strip = Math.max(Math.round(tall * 0.22), 2);
    brush.globalAlpha = now.animal === null || now.animal === i ? 1 : 0.55;
    brush.fillStyle = paintOf(i).colour;
    for (const [first, last] of spans) {
      const [left, right] = [Math.max(x(first), 0), Math.min(x(last + 1), width)];
      if (right > left) brush.fillRect(left, top + 2, Math.max(right - left, 0.75), tall - strip - 1);
    }
    // how sure: a strip below, high and bright where it is doubtful
    for (const [first, last, sure] of spans) {
      if (sure >= 0.95) continue;
      const [left, right] = [Math.max(x(first), 0), Math.min(x(last + 1), width)];
      brush.fillStyle = AMBER;
      brush.globalAlpha = 0.35 + 0.65 * (1 - sure);
      if (right > left) brush.fillRect(left, top + 2 + tall - strip, Math.max(right - left, 1), strip);
    }
  }
  brush.globalAlpha = 1;
  brush.setLineDash([3, 3]);
  brush.lineWidth = 2;
  for (const [animal, first, last] of line.bridged) {
    // nobody saw it there: a dashed line in place of the bar
    const middle = MARKS + animal * lane + lane / 2 - 1;
    brush.strokeStyle = paintOf(animal).colour;
    brush.beginPath();
    brush.moveTo(Math.max(x(first), 0), middle);
    brush.lineTo(Math.min(x(last + 1), width), middle);
    brush.stroke();
  }
  brush.setLineDash([]);
  brush.fillStyle = hatch(brush); // an identity may be orange too: who is nobody is striped
  const top = MARKS + line.animals.length * lane;
  for (const [first, last, many] of line.loose) {
    brush.globalAlpha = Math.min(0.4 + 0.2 * many, 1);
    const [left, right] = [Math.max(x(first), 0), Math.min(x(last + 1), width)];
    if (right > left) brush.fillRect(left, top + 3, Math.max(right - left, 1), lane - 6);
  }
  brush.globalAlpha = 1;
}

const HATCH = 6; // px between stripes
const STRIPE = 2.5;

/** Slanted amber stripes. */
function hatch(brush: CanvasRenderingContext2D): CanvasPattern | string {
  const tile = new OffscreenCanvas(HATCH, HATCH);
  const pen = tile.getContext("2d");
  if (pen === null) return AMBER;
  pen.strokeStyle = AMBER;
  pen.lineWidth = STRIPE;
  for (const by of [-HATCH, 0, HATCH]) {
    pen.moveTo(by - 1, HATCH + 1);
    pen.lineTo(by + HATCH + 1, -1);
  }
  pen.stroke();
  return brush.createPattern(tile, "repeat") ?? AMBER;
}

function marks(
  brush: CanvasRenderingContext2D,
  line: Timeline,
  x: (frame: number) => number,
  width: number,
  height: number,
  ink: string,
  item: string | null,
): void {
  const seen = (frame: number) => x(frame) >= -8 && x(frame) <= width + 8;
  brush.strokeStyle = ink;
  brush.fillStyle = ink;
  brush.lineWidth = 1;
  brush.setLineDash([3, 3]);
  brush.globalAlpha = 0.7;
  brush.beginPath();
  for (const frame of line.edits.filter(seen)) {
    brush.moveTo(Math.round(x(frame)) + 0.5, MARKS);
    brush.lineTo(Math.round(x(frame)) + 0.5, height);
  }
  brush.stroke();
  brush.setLineDash([]);
  brush.globalAlpha = 1;
  const middle = MARKS / 2;
  brush.beginPath();
  for (const frame of line.reviewed.filter(seen)) {
    brush.moveTo(x(frame) - 4, middle + 4);
    brush.lineTo(x(frame) + 4, middle + 4);
    brush.lineTo(x(frame), middle - 4);
    brush.closePath();
  }
  brush.fill();
  brush.lineWidth = 2;
  for (const [frame, name] of line.crossings) {
    if (!seen(frame)) continue;
    const arm = name === item ? 6 : 3.5;
    brush.strokeStyle = name === item ? AMBER : ink;
    brush.beginPath();
    brush.moveTo(x(frame) - arm, middle - arm);
    brush.lineTo(x(frame) + arm, middle + arm);
    brush.moveTo(x(frame) + arm, middle - arm);
    brush.lineTo(x(frame) - arm, middle + arm);
    brush.stroke();
  }
  brush.fillStyle = "#3fcf9f";
  for (const frame of line.pins.filter(seen)) {
    brush.fillRect(Math.round(x(frame)) - 1, 2, 2, height - 2);
    brush.beginPath();
    brush.arc(x(frame), 5, 4, 0, 2 * Math.PI);
    brush.fill();
  }
}
