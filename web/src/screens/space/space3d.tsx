// The 3D view: skeletons, trails, cameras, floor; drag turns, Shift and drag moves, wheel zooms.
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { paintOf } from "../../canvas/figure";
import { sizeOf, standing } from "./sizes";
import type { XYZ } from "./cameras";
import * as desk from "./desk";
import { draw, floor, minus, plus, seen, unit, type Dot, type Eye, type Stroke } from "./orbit";
import { cameraColour } from "./scene";

const turn = signal({ turn: 0.7, rise: 0.5, zoom: 1 });
const shift = signal<XYZ>([0, 0, 0]);
const TRAIL = 15; // moments before this one
const GRID = 8; // lines of the floor, both ways
const REACH = 14; // CSS px

const up = (): XYZ => (desk.run.value?.up ?? [0, 0, 1]) as XYZ;

function eyeNow(): Eye {
  const { across, middle } = standing(desk.points.value, unit(up()));
  const { turn: angle, rise, zoom } = turn.value;
  return { turn: angle, rise, across: across / zoom, middle: plus(middle, shift.value), up: up() };
}

/** Lines of the floor around the middle of the picture, at its height along up. */
function ground(middle: XYZ, across: number, height: number): Stroke[] {
  const [a, b] = floor(up());
  const base = plus([0, 0, 0], unit(up()), height);
  const step = 10 ** Math.round(Math.log10(across / GRID));
  const on = (u: XYZ): number => Math.round((u[0] * middle[0] + u[1] * middle[1] + u[2] * middle[2]) / step) * step;
  const [ca, cb] = [on(a), on(b)];
  const at = (x: number, y: number): XYZ => plus(plus(base, a, x), b, y);
  const strokes: Stroke[] = [];
  for (let k = -GRID; k <= GRID; k++) {
    const [o, e] = [k * step, GRID * step];
    strokes.push({ from: at(ca + o, cb - e), to: at(ca + o, cb + e), colour: "#4a4f57", width: 0.5 });
    strokes.push({ from: at(ca - e, cb + o), to: at(ca + e, cb + o), colour: "#4a4f57", width: 0.5 });
  }
  return strokes;
}

function rigStrokes(across: number): { strokes: Stroke[]; dots: Dot[] } {
  const strokes: Stroke[] = [];
  const dots: Dot[] = [];
  for (const { name, centre, axes } of desk.cameras.value?.cameras ?? []) {
    if (centre === null) continue;
    const colour = cameraColour(name);
    const [right, down, ahead] = axes as unknown as [XYZ, XYZ, XYZ];
    const size = across / 12;
    const tip = plus(centre as XYZ, ahead, size * 1.6);
    const corners = ([[1, 1], [1, -1], [-1, -1], [-1, 1]] as const).map(([x, y]) => plus(plus(tip, right, x * size), down, y * size * 0.75));
    corners.forEach((corner, k) => {
      strokes.push({ from: centre as XYZ, to: corner, colour, width: 1 });
      strokes.push({ from: corner, to: corners[(k + 1) % 4]!, colour, width: 1 });
    });
    dots.push({ at: centre as XYZ, colour, size: 3, name });
  }
  return { strokes, dots };
}

function bodies(): { strokes: Stroke[]; dots: Dot[] } {
  const strokes: Stroke[] = [];
  const dots: Dot[] = [];
  const now = desk.run.value;
  const which = desk.chosen.value;
  for (const [animal, keypoints] of (desk.points.value ?? []).entries()) {
    const { colour } = paintOf(animal);
    const held = desk.held.value?.animal === animal ? desk.held.value : null;
    const place = keypoints.map((one, k) => (held?.keypoint === k ? held.xyz : one.xyz));
    for (const [a, b] of now?.edges ?? []) {
      const [from, to] = [place[a], place[b]];
      if (from && to) strokes.push({ from, to, colour, width: 2.5 });
    }
    for (const [k, at] of place.entries()) {
      if (at === null) continue;
      const picked = which?.animal === animal && which.keypoint === k;
      dots.push({ at, colour, size: picked ? 6 : 4, chosen: picked, tag: `${animal} ${k}`, ...(picked ? { name: now?.keypoints[k] ?? "" } : {}) });
    }
    const followed = which?.animal === animal ? which.keypoint : null;
    let last: XYZ | null = null;
    for (let t = desk.moment.value - TRAIL; followed !== null && t <= desk.moment.value; t++) {
      const at: XYZ | null = desk.momentAt(t)?.[animal]?.[followed]?.xyz ?? null;
      if (at && last) strokes.push({ from: last, to: at, colour: "#ffb000", width: 1.5 });
      last = at;
    }
  }
  return { strokes, dots };
}

function pick(canvas: HTMLCanvasElement, event: PointerEvent): void {
  const box = canvas.getBoundingClientRect();
  const place = seen(eyeNow(), box.width, box.height);
  let least = REACH;
  for (const one of bodies().dots) {
    const at = place(one.at);
    const away = Math.hypot(at.x - (event.clientX - box.left), at.y - (event.clientY - box.top));
    if (away >= least || one.tag === undefined) continue;
    least = away;
    const [animal, keypoint] = one.tag.split(" ").map(Number) as [number, number];
    desk.chosen.value = { animal, keypoint };
  }
}

/** The 3D view. */
export function View3d() {
  const host = useRef<HTMLCanvasElement>(null);
  const repaint = () => {
    const canvas = host.current;
    const brush = canvas?.getContext("2d");
    if (!canvas || !brush) return;
    const ratio = window.devicePixelRatio || 1;
    const size = { width: canvas.clientWidth, height: canvas.clientHeight };
    if (canvas.width !== Math.round(size.width * ratio)) canvas.width = Math.round(size.width * ratio);
    if (canvas.height !== Math.round(size.height * ratio)) canvas.height = Math.round(size.height * ratio);
    brush.setTransform(ratio, 0, 0, ratio, 0, 0);
    brush.clearRect(0, 0, size.width, size.height);
    const eye = eyeNow();
    const [rig, animals] = [rigStrokes(sizeOf(desk.points.value).across), bodies()];
    const { floor: height } = standing(desk.points.value, unit(up()));
    const lines = [...ground(eye.middle, eye.across, height), ...rig.strokes, ...animals.strokes];
    draw(brush, eye, size, lines, [...rig.dots, ...animals.dots]);
  };
  useEffect(() => {
    const watch = new ResizeObserver(repaint);
    watch.observe(host.current!);
    return () => watch.disconnect();
  }, []);
  void [desk.points.value, desk.chosen.value, desk.held.value, desk.cameras.value, turn.value, shift.value];
  useEffect(repaint);
  const press = (event: PointerEvent): void => {
    const canvas = event.currentTarget as HTMLCanvasElement;
    const [from, begun, moved] = [turn.peek(), { x: event.clientX, y: event.clientY }, shift.peek()];
    const across = eyeNow().across / Math.min(canvas.clientWidth, canvas.clientHeight);
    let far = 0;
    canvas.setPointerCapture(event.pointerId);
    canvas.onpointermove = (now) => {
      const [dx, dy] = [now.clientX - begun.x, now.clientY - begun.y];
      far = Math.max(far, Math.hypot(dx, dy));
      if (far < 3) return;
      if (event.shiftKey || event.button === 1) {
        const [a, b] = floor(up());
        const side = plus([-Math.sin(from.turn) * a[0], -Math.sin(from.turn) * a[1], -Math.sin(from.turn) * a[2]], b, Math.cos(from.turn));
        shift.value = plus(minus(moved, plus([0, 0, 0], side, dx * across)), up(), dy * across);
      } else turn.value = { ...from, turn: from.turn - dx * 0.01, rise: Math.min(Math.max(from.rise + dy * 0.01, -1.5), 1.5) };
    };
    canvas.onpointerup = canvas.onpointercancel = (now) => {
      canvas.onpointermove = canvas.onpointerup = null;
      if (far < 3 && now.type === "pointerup") pick(canvas, now);
    };
  };
  const wheel = (event: WheelEvent): void => {
    event.preventDefault();
    turn.value = { ...turn.peek(), zoom: Math.min(Math.max(turn.peek().zoom * Math.exp(-event.deltaY * 0.0016), 0.05), 50) };
  };
  return (
    <div class="space-cell" data-test="space-3d">
      <div class="space-head row">
        <strong>3D</strong>
        <span class="muted">{desk.run.value?.units === "unknown" ? "no unit" : desk.run.value?.units}</span>
        <span class="grow" />
        <button class="plain" title="Look at the animal again" onClick={() => ((turn.value = { turn: 0.7, rise: 0.5, zoom: 1 }), (shift.value = [0, 0, 0]))}>
          fit
        </button>
        <button class="plain" title="Look at all cameras" onClick={() => (turn.value = { ...turn.peek(), zoom: 0.15 })}>
          rig
        </button>
      </div>
      <canvas ref={host} class="space-canvas" role="img" aria-label="Skeletons in space; drag turns, Shift and drag moves, wheel zooms" onPointerDown={press} onWheel={wheel} data-test="space-canvas" />
    </div>
  );
}
