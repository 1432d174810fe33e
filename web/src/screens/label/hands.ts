// What pointers do on the Label screen: place, adopt, drag, turn, scale; edits when they lift.
import { signal } from "@preact/signals";
import type { Hand, Touch } from "../../canvas/gestures";
import { hitHandle, hitMarker, type Target } from "../../canvas/hit";
import { clampTo, type XY } from "../../canvas/transform";
import * as labels from "../../store/labels";
import {
  adopted,
  COVERED,
  moved,
  pointOf,
  scaled,
  turned,
  VISIBLE,
  withPoint,
  type State,
} from "../../store/pose";
import * as session from "../../store/session";
import * as view from "../../store/view";
import type { InstanceValue } from "../../types.gen";
import * as desk from "./desk";
import { advance, place, select, send } from "./moves";
import { readKey, scene } from "./scene";

/** A menu at a place of the stage: after a long press, or a right click on a point. */
export interface PointMenu {
  readonly target: Target;
  readonly at: XY;
  readonly screen: XY;
}
export const menu = signal<PointMenu | null>(null);

const ON_IT = 5; // CSS px; while a keypoint waits to be placed, only so near is a click a choice

export const hand: Hand = {
  target,
  drag(target, from, now) {
    menu.value = null;
    desk.preview.value = dragged(target, from, now);
  },
  lift(target, _, now, wasDragged) {
    const held = desk.preview.peek();
    desk.preview.value = null;
    menu.value = null;
    if (!session.mayEdit.peek() && target.kind === "picture") return;
    if (wasDragged) drop(target, held);
    else click(target, now);
  },
  cancel() {
    desk.preview.value = null;
  },
  hover(touch) {
    desk.cursor.value = touch?.at ?? null;
    desk.pen.value = touch?.pointer === "pen" ? touch.at : null;
  },
  menu(target, touch) {
    menu.value = { target, at: touch.at, screen: touch.screen };
  },
};

function target(touch: Touch): Target {
  const easel = desk.tools.peek()?.easel;
  if (easel === undefined || touch.alt) return { kind: "picture" }; // Alt: place, whatever lies there
  // a sweep asks for one keypoint after the other: every click places it
  if (desk.sweep.peek() && desk.next.peek() !== null) return { kind: "picture" };
  const { figures, selected } = scene.peek();
  const at = easel.view.peek();
  const marker = hitMarker(figures, at, touch.screen, touch.pointer, selected);
  if (marker !== null) return marker;
  // the box is there while the animal as a whole is selected, not while points are placed
  const whole = view.keypoint.peek() === null;
  const figure = whole ? figures.find((one) => one.key === selected && !one.guess) : undefined;
  const handle = figure && hitHandle(figure, at, touch.screen, touch.pointer);
  return handle ?? { kind: "picture" };
}

function click(target: Target, touch: Touch): void {
  const next = desk.next.peek();
  if (target.kind === "marker") {
    const of = readKey(target.figure);
    if (of.kind === "guess") return adoptClick(of.number);
    if (touch.covered) {
      menu.value = { target, at: touch.at, screen: touch.screen };
      return;
    }
    if (next === null || target.distance <= ON_IT) return select(of.number, target.keypoint);
  }
  if (next === null) return view.keypoint.peek() !== null ? select(view.animal.peek(), null) : undefined;
  desk.ghosting.value = false;
  place(next, touch.at, touch.covered ? COVERED : VISIBLE);
}

function adoptClick(index: number): void {
  const step = labels.adopt(desk.rows.peek(), index, session.individuals.peek());
  if (send(step)) select(step!.animal, null);
}

/** What the animal is while the hand holds it. */
function dragged(target: Target, from: Touch, now: Touch): desk.Preview | null {
  if (target.kind === "marker") return draggedMarker(target, from, now);
  if (target.kind === "handle") return draggedWhole(target, from, now);
  const next = desk.next.peek();
  if (next === null) return null;
  const value = desk.rows.peek().instances.get(next.animal) ?? null;
  const at = within(now.at);
  const state = from.covered ? COVERED : VISIBLE;
  return { animal: next.animal, value: withPoint(value, next.keypoint, at, state), guess: null };
}

function draggedMarker(
  { figure, keypoint }: { figure: string; keypoint: number },
  from: Touch,
  now: Touch,
): desk.Preview | null {
  const of = readKey(figure);
  const rows = desk.rows.peek();
  const shifted = (point: XY) =>
    within({ x: point.x + now.at.x - from.at.x, y: point.y + now.at.y - from.at.y });
  if (of.kind === "label") {
    const value = rows.instances.get(of.number);
    const point = pointOf(value, keypoint);
    if (value === undefined || point === null || point.x === null || point.y === null) return null;
    const state = (from.covered ? COVERED : point.state) as State;
    const at = shifted({ x: point.x, y: point.y });
    return { animal: of.number, value: withPoint(value, keypoint, at, state), guess: null };
  }
  const animal = rows.prediction?.animals[of.number];
  const [x, y] = animal?.points[keypoint] ?? [null, null];
  if (animal === undefined || x === null || y === null) return null;
  const taken = new Set(rows.instances.keys());
  const key = labels.keyFor(animal, taken, session.individuals.peek());
  const value = withPoint(adopted(animal), keypoint, shifted({ x, y }), VISIBLE);
  return { animal: key, value, guess: of.number };
}

function draggedWhole(
  { part, centre }: { part: string; centre: XY },
  from: Touch,
  now: Touch,
): desk.Preview | null {
  const animal = view.animal.peek();
  const value = animal === null ? undefined : desk.rows.peek().instances.get(animal);
  if (animal === null || value === undefined) return null;
  const arm = (at: XY) => ({ x: at.x - centre.x, y: at.y - centre.y });
  const [a, b] = [arm(from.at), arm(now.at)];
  let changed: InstanceValue;
  if (part === "move") changed = moved(value, now.at.x - from.at.x, now.at.y - from.at.y);
  else if (part === "turn")
    changed = turned(value, centre, Math.atan2(b.y, b.x) - Math.atan2(a.y, a.x));
  else changed = scaled(value, centre, Math.max(Math.hypot(b.x, b.y) / Math.hypot(a.x, a.y), 0.05));
  return { animal, value: labels.rounded(changed), guess: null };
}

/** The hand let go: what it held becomes one edit. */
function drop(target: Target, held: desk.Preview | null): void {
  if (held === null) return;
  const rows = desk.rows.peek();
  const changes = labels.setAnimal(rows, held.animal, held.value);
  if (target.kind === "picture") {
    const next = desk.next.peek();
    if (next === null || !send({ action: `place ${desk.nameOf(next.keypoint)}`, changes })) return;
    return advance(next);
  }
  const words =
    target.kind === "handle"
      ? `${target.part} ${session.animalName(held.animal)}`
      : held.guess !== null
        ? "accept and mend a prediction"
        : `move ${desk.nameOf(target.keypoint)}`;
  if (!send({ action: words, changes })) return;
  select(held.animal, target.kind === "marker" ? target.keypoint : null);
}

function within(at: XY): XY {
  const video = view.openVideo.peek();
  return video === undefined ? at : clampTo(video, at);
}

/** What the next click does, for the line at the bottom. */
export function nextClick(): string {
  const { loaded, row } = desk.rows.value;
  if (!loaded) return "loading the labels of this frame";
  if (!session.mayEdit.value) return "";
  const next = desk.next.value;
  const guesses = scene.value.figures.filter((one) => one.guess).length;
  const adopt = guesses > 0 ? ` · a dashed point: accepts it · Enter: accepts ${guesses}` : "";
  if (next === null) {
    if (desk.sweep.value) return "this keypoint is placed here · K: next frame of the sweep";
    if (row?.complete === labels.DONE) return `this frame is done · Enter: next${adopt}`;
    return `all is placed · drag corrects · Enter: done, next frame${adopt}`;
  }
  const many = session.individuals.value.length > 1 || next.animal < 0;
  const who = many ? `${session.animalName(next.animal)}, ` : "";
  const how = desk.sweep.value ? "sweep" : "click";
  return `${how} places: ${who}${desk.nameOf(next.keypoint)}${adopt}`;
}

