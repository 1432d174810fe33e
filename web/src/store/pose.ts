// The points of one animal: read, write, move, turn, mirror, compare. Pure; no signals, no DOM.
import type { XY } from "../canvas/transform";
import type { InstanceValue, PredictedAnimal } from "../types.gen";

export const ABSENT = 0;
export const COVERED = 1;
export const VISIBLE = 2;
export type State = typeof ABSENT | typeof COVERED | typeof VISIBLE;

export const PERSON = 0;
export const MODEL = 1;
export const MENDED = 2; // a model's, accepted or mended by a person

type Wire = InstanceValue["points"][number];

/** A keypoint that somebody has spoken of; x and y are null when it is absent. */
export interface Spoken {
  readonly x: number | null;
  readonly y: number | null;
  readonly state: number;
}

/** Positions, one a keypoint; null where there is none. */
export type Pose = readonly (XY | null)[];

/** What is said of a keypoint; null: unset. */
export function pointOf(value: InstanceValue | null | undefined, keypoint: number): Spoken | null {
  const found = value?.points.find((point) => point[0] === keypoint);
  return found === undefined ? null : { x: found[1], y: found[2], state: found[3] };
}

/** Positions of a label. */
export function poseOf(value: InstanceValue, keypoints: number): Pose {
  const pose: (XY | null)[] = Array(keypoints).fill(null);
  for (const [k, x, y] of value.points) if (x !== null && y !== null && k < keypoints) pose[k] = { x, y };
  return pose;
}

/** Positions of a prediction. */
export function poseOfPredicted(animal: PredictedAnimal): Pose {
  return animal.points.map(([x, y]) => (x === null || y === null ? null : { x, y }));
}

/** How many keypoints are spoken of, and how many of them are seen. */
export function spoken(value: InstanceValue | null | undefined): number {
  return value?.points.length ?? 0;
}

/** A label with a keypoint placed or given a state; a person's hand mends what a model saw. */
export function withPoint(
  value: InstanceValue | null,
  keypoint: number,
  at: XY | null,
  state: State,
): InstanceValue {
  const said: Wire =
    state === ABSENT || at === null
      ? [keypoint, null, null, ABSENT]
      : [keypoint, at.x, at.y, state];
  const others = value?.points.filter((point) => point[0] !== keypoint) ?? [];
  return { origin: touched(value), points: sorted([...others, said]) };
}

/** A label without a keypoint, unset; null when nothing is left of it. */
export function withoutPoint(value: InstanceValue, keypoint: number): InstanceValue | null {
  const points = value.points.filter((point) => point[0] !== keypoint);
  return points.length === 0 ? null : { origin: touched(value), points };
}

/** Every position of a label through a map; states stay. */
export function mapped(value: InstanceValue, map: (at: XY) => XY): InstanceValue {
  const points = value.points.map(([k, x, y, state]): Wire => {
    if (x === null || y === null) return [k, x, y, state];
    const to = map({ x, y });
    return [k, to.x, to.y, state];
  });
  return { origin: touched(value), points };
}

export function moved(value: InstanceValue, dx: number, dy: number): InstanceValue {
  return mapped(value, ({ x, y }) => ({ x: x + dx, y: y + dy }));
}

/** Turned about a centre, radians, clockwise on the screen (y points down). */
export function turned(value: InstanceValue, centre: XY, angle: number): InstanceValue {
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  return mapped(value, ({ x, y }) => {
    const [dx, dy] = [x - centre.x, y - centre.y];
    return { x: centre.x + c * dx - s * dy, y: centre.y + s * dx + c * dy };
  });
}

export function scaled(value: InstanceValue, centre: XY, by: number): InstanceValue {
  return mapped(value, ({ x, y }) => ({
    x: centre.x + (x - centre.x) * by,
    y: centre.y + (y - centre.y) * by,
  }));
}

/** Left and right exchanged; `swap[j]` is the partner of keypoint j, or −1. */
export function mirrored(value: InstanceValue, swap: readonly number[]): InstanceValue {
  const points = value.points.map(([k, x, y, state]): Wire => {
    const partner = swap[k] ?? -1;
    return [partner < 0 ? k : partner, x, y, state];
  });
  return { origin: touched(value), points: sorted(points) };
}

/** A predicted animal as a label that a person accepted. */
export function adopted(animal: PredictedAnimal): InstanceValue {
  const points: Wire[] = [];
  for (const [k, [x, y]] of animal.points.entries())
    if (x !== null && y !== null) points.push([k, x, y, VISIBLE]);
  return { origin: MENDED, points };
}

/** A pose as a label, all visible. */
export function labelOf(pose: Pose, origin: number): InstanceValue {
  const points: Wire[] = [];
  for (const [k, at] of pose.entries()) if (at !== null) points.push([k, at.x, at.y, VISIBLE]);
  return { origin, points };
}

/** Mean distance of the keypoints that two poses share, in parts of the larger one's size. */
export function apart(a: Pose, b: Pose): number {
  const gaps: number[] = [];
  for (const [k, one] of a.entries()) {
    const other = b[k];
    if (one && other) gaps.push(Math.hypot(one.x - other.x, one.y - other.y));
  }
  if (gaps.length === 0) return Infinity;
  const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
  return mean / Math.max(sizeOf(a), sizeOf(b), 1);
}

/** Diagonal of the box around a pose, px. */
export function sizeOf(pose: Pose): number {
  const there = pose.filter((at) => at !== null);
  if (there.length === 0) return 0;
  const span = (values: number[]) => Math.max(...values) - Math.min(...values);
  return Math.hypot(span(there.map((at) => at.x)), span(there.map((at) => at.y)));
}

interface Similar {
  readonly a: number; // scale · cos
  readonly b: number; // scale · sin
  readonly from: XY; // centre in the one
  readonly to: XY; // and in the other
}

/** The similarity that carries `from` onto `to` with least squares; one shared point: a shift. */
export function similarity(from: Pose, to: Pose): Similar | null {
  const pairs: [XY, XY][] = [];
  for (const [k, one] of from.entries()) {
    const other = to[k];
    if (one && other) pairs.push([one, other]);
  }
  if (pairs.length === 0) return null;
  const centre = (side: 0 | 1): XY => ({
    x: pairs.reduce((sum, pair) => sum + pair[side].x, 0) / pairs.length,
    y: pairs.reduce((sum, pair) => sum + pair[side].y, 0) / pairs.length,
  });
  const [p, q] = [centre(0), centre(1)];
  let [dot, cross, spread] = [0, 0, 0];
  for (const [one, other] of pairs) {
    const [ux, uy, vx, vy] = [one.x - p.x, one.y - p.y, other.x - q.x, other.y - q.y];
    dot += ux * vx + uy * vy;
    cross += ux * vy - uy * vx;
    spread += ux * ux + uy * uy;
  }
  const flat = spread < 1e-9 || Math.hypot(dot, cross) < 1e-9;
  return { a: flat ? 1 : dot / spread, b: flat ? 0 : cross / spread, from: p, to: q };
}

/** A point carried by a similarity. */
export function carry(by: Similar, at: XY): XY {
  const [dx, dy] = [at.x - by.from.x, at.y - by.from.y];
  return { x: by.to.x + by.a * dx - by.b * dy, y: by.to.y + by.b * dx + by.a * dy };
}

/** The mean of poses after each is laid onto the mean, three times; keypoints in any of them. */
export function meanPose(poses: readonly Pose[]): Pose | null {
  let mean = poses.reduce<Pose | null>(
    (best, pose) => (best === null || count(pose) > count(best) ? pose : best),
    null,
  );
  if (mean === null || count(mean) === 0) return null;
  for (let turn = 0; turn < 3; turn++) {
    const laid = poses.map((pose) => {
      const by = similarity(pose, mean as Pose);
      return by === null ? [] : pose.map((at) => at && carry(by, at));
    });
    mean = average(laid, Math.max(...poses.map((pose) => pose.length)));
  }
  return mean;
}

function average(poses: readonly Pose[], keypoints: number): Pose {
  return Array.from({ length: keypoints }, (_, k) => {
    const there = poses.map((pose) => pose[k]).filter((at) => at !== null && at !== undefined);
    if (there.length === 0) return null;
    return {
      x: there.reduce((sum, at) => sum + at.x, 0) / there.length,
      y: there.reduce((sum, at) => sum + at.y, 0) / there.length,
    };
  });
}

/** A pose with its middle at a place. */
export function centredAt(pose: Pose, at: XY): Pose {
  const there = pose.filter((spot) => spot !== null);
  if (there.length === 0) return pose;
  const x = there.reduce((sum, spot) => sum + spot.x, 0) / there.length;
  const y = there.reduce((sum, spot) => sum + spot.y, 0) / there.length;
  return pose.map((spot) => spot && { x: spot.x - x + at.x, y: spot.y - y + at.y });
}

/** Labels between two labelled frames, on straight lines; a keypoint needs both ends. */
export function between(
  first: { frame: number; value: InstanceValue },
  last: { frame: number; value: InstanceValue },
  frame: number,
): InstanceValue {
  const part = (frame - first.frame) / (last.frame - first.frame);
  const points: Wire[] = [];
  for (const [k, x, y, state] of first.value.points) {
    const end = pointOf(last.value, k);
    if (end === null || x === null || y === null || end.x === null || end.y === null) continue;
    points.push([k, x + (end.x - x) * part, y + (end.y - y) * part, Math.min(state, end.state)]);
  }
  return { origin: MODEL, points };
}

function touched(value: InstanceValue | null): number {
  return value === null ? PERSON : value.origin === MODEL ? MENDED : value.origin;
}

function sorted(points: Wire[]): Wire[] {
  return points.sort((a, b) => a[0] - b[0]);
}

function count(pose: Pose): number {
  return pose.filter((at) => at !== null).length;
}
