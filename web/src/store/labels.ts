// What a hand does to the labels of a frame, as changes of rows. Pure: rows in, an edit out.
import type { XY } from "../canvas/transform";
import type { Change, FrameValue, Individual, InstanceValue, PredictedAnimal } from "../types.gen";
import {
  ABSENT,
  adopted,
  apart,
  between,
  carry,
  mapped,
  MENDED,
  MODEL,
  pointOf,
  poseOf,
  poseOfPredicted,
  similarity,
  withoutPoint,
  withPoint,
  type Pose,
  type State,
} from "./pose";
import type { FrameRows } from "./rows";

export const DONE = 1;
export const DRAFT = 2;
/** Flag of a frame whose picture is no good: neither suggested nor trained. */
export const BAD = 2;
export const INTERPOLATED = "interpolated"; // note of a frame whose labels no person has seen

/** One edit: words for the history, and rows. */
export interface Step {
  readonly action: string;
  readonly changes: Change[];
}

export interface Place {
  readonly video: number;
  readonly frame: number;
}

/** The animal and the keypoint that come next; keypoint null: nothing is left to place. */
export interface Next {
  readonly animal: number;
  readonly keypoint: number;
}

// ── rows ──

/** An animal's row set; the frame becomes one that is being worked on unless it is done. */
export function setAnimal(rows: FrameRows, animal: number, value: InstanceValue | null): Change[] {
  const known = rows.instances.has(animal);
  const left = rows.instances.size - (known ? 1 : 0) + (value === null ? 0 : 1);
  return [instance(rows, animal, value), ...worked(rows, left, value !== null && !known)];
}

function instance(rows: FrameRows, animal: number, value: InstanceValue | null): Change {
  return {
    table: "instances",
    key: [rows.video, rows.frame, animal],
    saw: rows.instances.get(animal) ?? null,
    value,
  };
}

function frameRow(rows: FrameRows, value: FrameValue | null): Change {
  return { table: "frames", key: [rows.video, rows.frame], saw: rows.row, value };
}

/** `begun`: an animal that was not there when the frame was done, which opens it again. */
function worked(rows: FrameRows, animals: number, begun = false): Change[] {
  const row = rows.row ?? { complete: null, flag: 0, note: "" };
  if (row.complete === DONE && !begun) return [];
  if (animals === 0) {
    // the last animal is gone: nothing is said of the frame any more, flag and note stay
    if (rows.row === null) return [];
    const empty = row.flag === 0 && row.note === "";
    return [frameRow(rows, empty ? null : { ...row, complete: null })];
  }
  return row.complete === DRAFT ? [] : [frameRow(rows, { ...row, complete: DRAFT })];
}

// ── what comes next ──

/** The first unset keypoint from `from` on, around; null: all are spoken of. */
export function nextUnset(
  value: InstanceValue | null | undefined,
  keypoints: number,
  from = 0,
): number | null {
  for (let i = 0; i < keypoints; i++) {
    const keypoint = (from + i) % keypoints;
    if (pointOf(value, keypoint) === null) return keypoint;
  }
  return null;
}

/** Where the next click places: the chosen keypoint, else the animal's next, else the next animal's. */
export function nextPlace(
  rows: FrameRows,
  individuals: readonly Individual[],
  keypoints: number,
  chosen: { animal: number | null; keypoint: number | null },
): Next | null {
  if (chosen.animal !== null) {
    const value = rows.instances.get(chosen.animal);
    // who selects an absent point and clicks has found it after all
    if (chosen.keypoint !== null && pointOf(value, chosen.keypoint)?.state === ABSENT)
      return { animal: chosen.animal, keypoint: chosen.keypoint };
    const keypoint = nextUnset(value, keypoints, chosen.keypoint ?? 0);
    if (keypoint !== null) return { animal: chosen.animal, keypoint };
  }
  return nextAnimal(rows, individuals, keypoints, chosen.animal);
}

function nextAnimal(
  rows: FrameRows,
  individuals: readonly Individual[],
  keypoints: number,
  after: number | null,
): Next | null {
  // an imported project may know no individual: then one animal is placed without a name
  if (individuals.length === 0)
    return rows.instances.size === 0 && keypoints > 0 ? { animal: -1, keypoint: 0 } : null;
  const at = individuals.findIndex((one) => one.id === after);
  const around = [...individuals.slice(at + 1), ...individuals.slice(0, Math.max(at, 0))];
  for (const { id } of around) {
    // an animal with points that somebody left unset is finished; an untouched one is next
    if (!rows.instances.has(id) && keypoints > 0) return { animal: id, keypoint: 0 };
  }
  return null;
}

/** Sweep: the same keypoint in the next queued frame; after the last, the next keypoint. */
export function sweepNext(
  queue: readonly Place[],
  at: Place,
  keypoint: number,
  keypoints: number,
  placed: (at: Place, keypoint: number) => boolean = () => false,
): { place: Place; keypoint: number } | null {
  const here = queue.findIndex((one) => one.video === at.video && one.frame === at.frame);
  const rest = queue.slice(here + 1).find((one) => !placed(one, keypoint));
  if (rest !== undefined) return { place: rest, keypoint };
  for (let k = keypoint + 1; k < keypoints; k++) {
    const place = queue.find((one) => !placed(one, k));
    if (place !== undefined) return { place, keypoint: k };
  }
  return null;
}

/** A key for an animal that is new in the frame: a free individual, else a nameless one. */
export function freeAnimal(rows: FrameRows, individuals: readonly Individual[]): number {
  const free = individuals.find(({ id }) => !rows.instances.has(id));
  return free?.id ?? nameless(rows.instances.keys());
}

/** The first key below zero that nobody has. */
export function nameless(taken: Iterable<number>): number {
  return Math.min(0, ...taken) - 1;
}

// ── predictions ──

const SAME = 0.25; // in parts of an animal's size: nearer, a prediction is of the labelled animal

/** Which label stands for which predicted animal: by name, else by place; index to key. */
export function matches(rows: FrameRows): ReadonlyMap<number, number> {
  const predicted = rows.prediction?.animals ?? [];
  const keypoints = Math.max(0, ...predicted.map((animal) => animal.points.length));
  const found = new Map<number, number>();
  for (const [i, { animal }] of predicted.entries())
    if (animal !== null && rows.instances.has(animal)) found.set(i, animal);
  const used = new Set(found.values());
  const pairs: { i: number; key: number; gap: number }[] = [];
  for (const [key, value] of rows.instances) {
    if (used.has(key)) continue;
    const pose = poseOf(value, keypoints);
    for (const [i, animal] of predicted.entries()) {
      const gap = apart(pose, poseOfPredicted(animal));
      if (gap < SAME && !found.has(i)) pairs.push({ i, key, gap });
    }
  }
  for (const { i, key } of pairs.sort((a, b) => a.gap - b.gap)) {
    if (found.has(i) || used.has(key)) continue;
    found.set(i, key);
    used.add(key);
  }
  return found;
}

/** Indices of predicted animals that no label of the frame stands for. */
export function unlabelled(rows: FrameRows): number[] {
  const found = matches(rows);
  return [...(rows.prediction?.animals.keys() ?? [])].filter((i) => !found.has(i));
}

/** The key that a predicted animal gets as a label, beside the keys that are taken. */
export function keyFor(
  animal: PredictedAnimal,
  taken: ReadonlySet<number>,
  individuals: readonly Individual[],
): number {
  if (animal.animal !== null && !taken.has(animal.animal)) return animal.animal;
  const only = individuals.length === 1 ? individuals[0] : undefined;
  return only !== undefined && !taken.has(only.id) ? only.id : nameless(taken);
}

/** Click on a prediction: it becomes a label; `put` corrects one keypoint in the same edit. */
export function adopt(
  rows: FrameRows,
  index: number,
  individuals: readonly Individual[],
  put?: { keypoint: number; at: XY },
): (Step & { animal: number }) | null {
  const animal = rows.prediction?.animals[index];
  if (animal === undefined) return null;
  const key = keyFor(animal, new Set(rows.instances.keys()), individuals);
  let value = adopted(animal);
  if (put !== undefined) value = withPoint(value, put.keypoint, put.at, 2);
  const words = put === undefined ? "accept a prediction" : "accept and mend a prediction";
  return { action: words, changes: setAnimal(rows, key, value), animal: key };
}

/** Enter: every predicted animal becomes a label, and the frame is done; null: nothing is in it. */
export function acceptAll(rows: FrameRows, individuals: readonly Individual[]): Step | null {
  const taken = new Set(rows.instances.keys());
  const changes: Change[] = [];
  for (const [key, value] of rows.instances)
    if (value.origin === MODEL) changes.push(instance(rows, key, { ...value, origin: MENDED }));
  for (const i of rows.row?.complete === DONE ? [] : unlabelled(rows)) {
    const animal = rows.prediction!.animals[i]!;
    const value = adopted(animal);
    if (value.points.length === 0) continue;
    const key = keyFor(animal, taken, individuals);
    taken.add(key);
    changes.push(instance(rows, key, value));
  }
  if (taken.size === 0) return null;
  if (rows.row?.complete !== DONE) changes.push(finish(rows));
  return { action: "finish the frame", changes };
}

/** "No animal here": a frame that is done and empty. */
export function noAnimal(rows: FrameRows): Step {
  const gone = [...rows.instances.keys()].map((key) => instance(rows, key, null));
  return { action: "no animal here", changes: [...gone, finish(rows)] };
}

function finish(rows: FrameRows): Change {
  const row = rows.row ?? { complete: null, flag: 0, note: "" };
  const note = row.note === INTERPOLATED ? "" : row.note;
  return frameRow(rows, { ...row, note, complete: DONE });
}

/** A done frame is opened again. */
export function reopen(rows: FrameRows): Step | null {
  if (rows.row?.complete !== DONE) return null;
  const kept = rows.instances.size > 0 ? DRAFT : null;
  const empty = kept === null && rows.row.flag === 0 && rows.row.note === "";
  const value = empty ? null : { ...rows.row, complete: kept };
  return { action: "open the frame again", changes: [frameRow(rows, value)] };
}

/** Flag a frame, with a note; no flag and no note where it was flagged and `flag` is false. */
export function flagFrame(rows: FrameRows, flag: boolean, note: string): Step {
  const complete = rows.row?.complete ?? null;
  const bad = rows.row?.flag === BAD; // which only its own button takes back
  const empty = complete === null && !flag && !bad && note === "";
  const value = empty ? null : { complete, flag: bad ? BAD : flag ? 1 : 0, note };
  return { action: flag ? "flag the frame" : "take the flag away", changes: [frameRow(rows, value)] };
}

/** Say that the picture of a frame is bad, or good after all. */
export function badFrame(rows: FrameRows, bad: boolean): Step {
  const row = rows.row ?? { complete: null, flag: 0, note: "" };
  const value = { ...row, flag: bad ? BAD : 0 };
  const empty = value.complete === null && !bad && value.note === "";
  return {
    action: bad ? "mark the frame bad" : "the frame is good",
    changes: [frameRow(rows, empty ? null : value)],
  };
}

// ── keypoints ──

/** Place a keypoint, or give it a state. */
export function put(
  rows: FrameRows,
  at: Next,
  where: XY | null,
  state: State,
  name: string,
): Step {
  const before = rows.instances.get(at.animal) ?? null;
  const value = withPoint(before, at.keypoint, where, state);
  const verb = pointOf(before, at.keypoint) === null ? "place" : "move";
  const said = state === ABSENT ? `${name} is absent` : `${verb} ${name}`;
  return { action: said, changes: setAnimal(rows, at.animal, value) };
}

/** V, C, X on a keypoint: its state; where it has no position it gets the ghost's. */
export function setState(
  rows: FrameRows,
  at: Next,
  state: State,
  ghost: XY | null,
  name: string,
): Step | null {
  const now = pointOf(rows.instances.get(at.animal), at.keypoint);
  if (now?.state === state) return null;
  const where = now !== null && now.x !== null && now.y !== null ? { x: now.x, y: now.y } : ghost;
  if (state !== ABSENT && where === null) return null;
  const value = withPoint(rows.instances.get(at.animal) ?? null, at.keypoint, where, state);
  const words = ["absent", "covered", "visible"][state] ?? "";
  return { action: `${name} is ${words}`, changes: setAnimal(rows, at.animal, value) };
}

/** Del on a keypoint: unset. */
export function unset(rows: FrameRows, at: Next, name: string): Step | null {
  const value = rows.instances.get(at.animal);
  if (value === undefined || pointOf(value, at.keypoint) === null) return null;
  const changes = setAnimal(rows, at.animal, withoutPoint(value, at.keypoint));
  return { action: `unset ${name}`, changes };
}

const FINE_ZOOM = 4; // from here a nudge is a quarter of a pixel

/** How far WASD moves a point, px. */
export function nudgeStep(zoom: number, shift: boolean): number {
  return (zoom >= FINE_ZOOM ? 0.25 : 1) * (shift ? 5 : 1);
}

/** An animal's row changed as a whole; null where it has none. */
export function change(
  rows: FrameRows,
  animal: number,
  action: string,
  by: (value: InstanceValue) => InstanceValue,
): Step | null {
  const value = rows.instances.get(animal);
  return value === undefined ? null : { action, changes: setAnimal(rows, animal, by(value)) };
}

export function removeAnimal(rows: FrameRows, animal: number, name: string): Step | null {
  if (!rows.instances.has(animal)) return null;
  return { action: `delete ${name}`, changes: setAnimal(rows, animal, null) };
}

/** Another identity for an animal; where that one is in the frame already, the two exchange. */
export function rename(rows: FrameRows, from: number, to: number): Step | null {
  const value = rows.instances.get(from);
  if (value === undefined || from === to) return null;
  const other = rows.instances.get(to) ?? null;
  const changes = [instance(rows, to, value), instance(rows, from, other)];
  return {
    action: other === null ? "name an animal" : "exchange two animals",
    changes: [...changes, ...worked(rows, rows.instances.size)],
  };
}

// ── ghosts ──

export interface GhostSources {
  readonly prediction: Pose | null; // of this animal in this frame
  readonly previous: Pose | null; // of this animal in the labelled frame before
  readonly mean: Pose | null; // of all labels that are at hand
  readonly middle: XY; // of what is in sight
}

/** Where an unset keypoint probably is; earlier poses are laid onto the points that are placed. */
export function ghost(placed: Pose, keypoint: number, from: GhostSources): XY {
  const seen = from.prediction?.[keypoint];
  if (seen) return seen;
  const before = from.previous && laid(from.previous, placed, null)[keypoint];
  if (before) return before;
  return (from.mean && laid(from.mean, placed, from.middle)[keypoint]) || from.middle;
}

function laid(pose: Pose, placed: Pose, middle: XY | null): Pose {
  const by = similarity(pose, placed);
  if (by !== null) return pose.map((at) => at && carry(by, at));
  if (middle === null) return pose;
  const there = pose.filter((at) => at !== null);
  const x = there.reduce((sum, at) => sum + at.x, 0) / there.length;
  const y = there.reduce((sum, at) => sum + at.y, 0) / there.length;
  return pose.map((at) => at && { x: at.x - x + middle.x, y: at.y - y + middle.y });
}

/** The nearest of sorted frames, not the frame itself; ties go back in time. */
export function nearby(sorted: readonly number[], frame: number, most: number): number[] {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < frame) low = middle + 1;
    else high = middle;
  }
  let [before, after] = [low - 1, sorted[low] === frame ? low + 1 : low];
  const found: number[] = [];
  while (found.length < most && (before >= 0 || after < sorted.length)) {
    const back = before >= 0 ? frame - sorted[before]! : Infinity;
    const on = after < sorted.length ? sorted[after]! - frame : Infinity;
    found.push(back <= on ? sorted[before--]! : sorted[after++]!);
  }
  return found;
}

// ── ranges ──

/** Labels on straight lines between the labelled frames of an animal; marked, never done. */
export function interpolate(frames: readonly FrameRows[], animal: number): Step | null {
  const sorted = [...frames].sort((a, b) => a.frame - b.frame);
  const anchors = sorted.flatMap((rows) => {
    const value = rows.instances.get(animal);
    return value === undefined || value.origin === MODEL ? [] : [{ frame: rows.frame, value }];
  });
  const changes: Change[] = [];
  for (const rows of sorted) {
    const after = anchors.findIndex((anchor) => anchor.frame >= rows.frame);
    const [first, last] = [anchors[after - 1], anchors[after]];
    if (!first || !last || last.frame === rows.frame || rows.row?.complete === DONE) continue;
    const value = between(first, last, rows.frame);
    if (value.points.length === 0) continue;
    changes.push(instance(rows, animal, value));
    const row = rows.row ?? { complete: null, flag: 0, note: "" };
    changes.push(frameRow(rows, { ...row, complete: DRAFT, note: row.note || INTERPOLATED }));
  }
  return changes.length === 0 ? null : { action: "interpolate", changes };
}

/** Round to what is shown and kept, so that equal places are equal numbers. */
export function rounded(value: InstanceValue): InstanceValue {
  const grain = (v: number) => Math.round(v * 1024) / 1024;
  const points = mapped(value, ({ x, y }) => ({ x: grain(x), y: grain(y) })).points;
  return { origin: value.origin, points };
}
