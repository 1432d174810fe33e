// Rasters of all runs over the same film, people's bouts, speed: click, drag, wheel, the cursor.
import { useEffect, useLayoutEffect, useRef } from "preact/hooks";
import { paintOf } from "../../canvas/figure";
import * as view from "../../store/view";
import type { BehaviorChances, BehaviorRaster, ScoredBout } from "../../types.gen";
import { frameAt, panned, xOf, zoomed, type Sight } from "../tracks/lanes";
import { cells, heightOf, likeliest, ROW } from "./chances";
import { begun } from "./deeds";
import * as desk from "./desk";
import { colourOf } from "./paint";

const LANE = 24;
const PEOPLE = 18;
const SPEED = 34;
const WHEEL = 0.0022;
const KINDS_OF = { states: "state", syllables: "syllable", map: "region" } as const;
const KINDS = { states: "states", syllables: "syllables", map: "map" } as const;

/** The bouts of people over the open recording, by author. */
function people(): [string, ScoredBout[]][] {
  const mine = desk.recording.value?.name;
  const found = new Map<string, ScoredBout[]>();
  for (const bout of desk.scored.value?.bouts ?? [])
    if (bout.recording === mine) found.set(bout.author, [...(found.get(bout.author) ?? []), bout]);
  return [...found];
}

/** Stable colour of a behaviour that people name, unlike those of the first labels. */
export function colourOfWord(word: string): string {
  let sum = 7;
  for (const letter of word) sum = (sum * 31 + letter.charCodeAt(0)) % 9973;
  const named = desk.labels.value.find((one) => one.name === word);
  return named ? desk.lookOf(desk.run.value?.run ?? "", named.id).colour : colourOf(sum);
}

/** The rasters. */
export function Rasters() {
  const canvas = useRef<HTMLCanvasElement>(null);
  const rows = desk.rows.value;
  const scored = people();
  const chances = desk.chances.value;
  const likely = likeliest(chances, desk.cursor.value);
  const height = rows.length * LANE + Math.max(scored.length, 1) * PEOPLE + heightOf(chances) + SPEED;
  const now = {
    rows,
    scored,
    chances,
    sight: desk.sight.value,
    rasters: desk.rasters.value,
    tables: desk.tables.value,
    frame: desk.cursor.value,
    wanted: view.frame.value,
    range: desk.range.value,
    begun: begun.value,
    label: desk.label.value,
  };
  useLayoutEffect(() => draw(canvas.current!, now)); // in the redraw that shows the picture, not after it
  useEffect(() => {
    const element = canvas.current!;
    const watch = new ResizeObserver(() => {
      desk.wantLines(element.clientWidth);
      draw(element, now);
    });
    watch.observe(element);
    const wheel = (event: WheelEvent) => turn(event, element);
    element.addEventListener("wheel", wheel, { passive: false });
    return () => {
      watch.disconnect();
      element.removeEventListener("wheel", wheel);
    };
  }, []);
  return (
    <div class="rasters" style={{ height: `${height}px` }} data-test="rasters">
      <div class="raster-names">
        {rows.map((row) => (
          <button
            key={desk.keyOf(row)}
            class="plain cut"
            style={{ height: `${LANE}px`, minHeight: `${LANE}px` }}
            aria-pressed={row.run.run === desk.run.value?.run}
            title={`${row.run.title}: name its labels, go through its bouts with J and K`}
            data-test={`raster-${row.run.kind}`}
            onClick={() => desk.open(row.run.run)}
          >
            {KINDS[row.run.kind]} <span class="muted cut">{row.run.title}</span>
          </button>
        ))}
        {scored.length === 0 && <span class="muted cut people">people: press 1–9</span>}
        {scored.map(([author]) => (
          <span key={author} class="cut people">{author}</span>
        ))}
        {chances !== null && (
          <span class="muted cut chances" style={{ height: `${heightOf(chances)}px` }} title="How sure the model is of its labels: a row a label, as strong as it is likely" data-test="chances" data-labels={chances.labels.join()}>
            P({KINDS_OF[desk.run.value?.kind ?? "states"]})
            {likely !== null && ` ${desk.lookOf(desk.run.value?.run ?? "", likely.label).name} ${(likely.percent / 100).toFixed(2)}`}
          </span>
        )}
        <span class="muted cut speed">speed</span>
      </div>
      <canvas
        ref={canvas}
        role="slider"
        tabIndex={0}
        aria-label="Frame"
        aria-valuemin={0}
        aria-valuemax={Math.max(desk.frames.value - 1, 0)}
        aria-valuenow={now.wanted}
        data-cursor={now.frame}
        title="Click, drag: go there · wheel: zoom · Shift and wheel: move · Shift and drag: mark a range · double-click: all"
        data-test="raster-canvas"
        onPointerDown={press}
        onDblClick={() => {
          desk.sight.value = { from: 0, to: desk.frames.peek() };
          desk.wantLines();
        }}
      />
    </div>
  );
}

function turn(event: WheelEvent, element: HTMLElement): void {
  event.preventDefault();
  const frames = desk.frames.peek();
  const box = element.getBoundingClientRect();
  const before = desk.sight.peek();
  const sideways = event.shiftKey ? event.deltaY || event.deltaX : event.deltaX;
  desk.sight.value =
    event.shiftKey || Math.abs(sideways) > Math.abs(event.deltaY)
      ? panned(before, -sideways, box.width, frames)
      : zoomed(before, event.clientX - box.left, box.width, Math.exp(-event.deltaY * WHEEL), frames);
  desk.wantLines(box.width);
}

function press(event: PointerEvent): void {
  const element = event.currentTarget as HTMLCanvasElement;
  const box = element.getBoundingClientRect();
  const at = (e: PointerEvent) =>
    frameAt(e.clientX - box.left, desk.sight.peek(), box.width, desk.frames.peek());
  const from = at(event);
  element.setPointerCapture(event.pointerId);
  const go = (e: PointerEvent): void => {
    if (event.shiftKey) desk.range.value = { first: Math.min(from, at(e)), last: Math.max(from, at(e)) };
    else view.goTo(at(e));
  };
  go(event);
  if (event.shiftKey) desk.range.value = null;
  element.onpointermove = go;
  element.onpointerup = element.onpointercancel = (e) => {
    element.onpointermove = element.onpointerup = element.onpointercancel = null;
    if (e.type === "pointerup" && !event.shiftKey) clicked(e, box);
  };
}

/** The run on whose lane the hand lifts is the one that is looked at. */
function clicked(event: PointerEvent, box: DOMRect): void {
  const row = desk.rows.peek()[Math.floor((event.clientY - box.top) / LANE)];
  if (row !== undefined && row.run.run !== desk.run.peek()?.run) desk.open(row.run.run);
}

interface Now {
  rows: desk.Row[];
  scored: [string, ScoredBout[]][];
  chances: BehaviorChances | null;
  sight: Sight;
  rasters: ReadonlyMap<string, BehaviorRaster>;
  frame: number; // on the screen
  wanted: number; // on its way
  range: { first: number; last: number } | null;
  begun: ReadonlyMap<string, number>;
  label: number | null;
}

function draw(canvas: HTMLCanvasElement, now: Now): void {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [canvas.clientWidth, canvas.clientHeight];
  if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
  if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
  const brush = canvas.getContext("2d");
  if (brush === null || width === 0) return;
  const style = getComputedStyle(canvas);
  const x = (frame: number): number => xOf(frame, now.sight, width);
  const bar = (first: number, last: number, top: number, tall: number): void => {
    const left = x(first);
    brush.fillRect(left, top, Math.max(x(last + 1) - left, 0.75), tall);
  };
  brush.setTransform(ratio, 0, 0, ratio, 0, 0);
  brush.clearRect(0, 0, width, height);
  for (const [n, row] of now.rows.entries()) lane(brush, now, row, n * LANE, bar);
  const top = now.rows.length * LANE;
  for (const [n, [, bouts]] of now.scored.entries())
    for (const bout of bouts) {
      brush.fillStyle = colourOfWord(bout.label);
      bar(bout.first, bout.last, top + n * PEOPLE + 2, PEOPLE - 6);
    }
  const below = top + Math.max(now.scored.length, 1) * PEOPLE;
  for (const cell of now.chances === null ? [] : cells(now.chances)) {
    const left = x(cell.from);
    brush.fillStyle = desk.lookOf(desk.run.peek()?.run ?? "", cell.label).colour;
    brush.globalAlpha = cell.percent / 100;
    brush.fillRect(left, below + 2 + cell.row * ROW, Math.max(x(cell.to) - left, 0.75), ROW - 1);
  }
  brush.globalAlpha = 1;
  for (const [word, from] of now.begun) {
    brush.fillStyle = colourOfWord(word);
    bar(Math.min(from, now.frame), Math.max(from, now.frame), top + PEOPLE - 5, 3);
  }
  const active = now.rows.find((row) => row.run.run === desk.run.peek()?.run) ?? now.rows[0];
  const raster = active && now.rasters.get(desk.keyOf(active));
  if (raster) speed(brush, raster, x, height, style.getPropertyValue("--muted"));
  if (now.range !== null) {
    brush.fillStyle = "rgb(86 180 233 / 25%)";
    bar(now.range.first, now.range.last, 0, height);
  }
  if (now.wanted !== now.frame) {
    brush.fillStyle = style.getPropertyValue("--muted");
    brush.fillRect(Math.round(x(now.wanted)), 0, 1, height);
  }
  brush.fillStyle = style.getPropertyValue("--ink");
  brush.fillRect(Math.round(x(now.frame)), 0, Math.max(Math.min(x(1) - x(0), 2), 1.5), height);
}

type Bar = (first: number, last: number, top: number, tall: number) => void;

function lane(brush: CanvasRenderingContext2D, now: Now, row: desk.Row, top: number, bar: Bar): void {
  const raster = now.rasters.get(desk.keyOf(row));
  const active = row.run.run === desk.run.peek()?.run;
  for (const [first, last, label] of raster?.runs ?? []) {
    if (last < now.sight.from || first > now.sight.to) continue;
    brush.fillStyle = desk.lookOf(row.run.run, label).colour;
    brush.globalAlpha = active && now.label !== null && now.label !== label ? 0.3 : 1;
    bar(first, last, top + 3, LANE - 6);
  }
  brush.globalAlpha = 1;
  if (active) {
    brush.fillStyle = paintOf(4).colour;
    brush.fillRect(0, top, 2, LANE);
  }
}

/** Speed as an area; its 98th percentile is full height, so that a jump does not flatten it. */
function speed(
  brush: CanvasRenderingContext2D,
  raster: BehaviorRaster,
  x: (frame: number) => number,
  height: number,
  colour: string,
): void {
  const known = raster.speed.filter((one) => one !== null).sort((a, b) => a - b);
  const most = known[Math.floor(known.length * 0.98)] ?? 0;
  if (most <= 0) return;
  const frames = (raster.last - raster.first + 1) / raster.speed.length;
  brush.fillStyle = colour;
  for (const [n, value] of raster.speed.entries()) {
    if (value === null) continue;
    const left = x(raster.first + n * frames);
    const tall = Math.min(value / most, 1) * (SPEED - 8);
    brush.fillRect(left, height - 2 - tall, Math.max(x(raster.first + (n + 1) * frames) - left, 0.75), tall);
  }
}
