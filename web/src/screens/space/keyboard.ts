// What the hand does on the 3D screen, by keys: choose a keypoint and a view, move a point.
import { clampTo } from "../../canvas/transform";
import * as session from "../../store/session";
import * as desk from "./desk";

const REST_MS = 600; // without a key, after which nudges are one decision

/** Choose another keypoint of the animal, or the first. */
export function nextPoint(step: number): boolean {
  const [now, which] = [desk.run.peek(), desk.chosen.peek()];
  if (now === null || now.keypoints.length === 0) return false;
  void desk.settle();
  const count = now.keypoints.length;
  const keypoint = which === null ? (step > 0 ? 0 : count - 1) : (which.keypoint + step + count) % count;
  desk.chosen.value = { animal: which?.animal ?? 0, keypoint };
  desk.camera.value ??= now.views[0]?.camera ?? null;
  return true;
}

/** Another view is the one that is meant. */
export function nextCamera(): boolean {
  const views = desk.run.peek()?.views ?? [];
  if (views.length === 0) return false;
  void desk.settle();
  const at = views.findIndex(({ camera }) => camera === desk.camera.peek());
  desk.camera.value = views[(at + 1) % views.length]!.camera;
  return true;
}

/** Move the chosen point in the view that is meant; the ghosts in the others follow at once. */
function nudge(dx: number, dy: number): boolean {
  const [now, which, name] = [desk.run.peek(), desk.chosen.peek(), desk.camera.peek()];
  const view = now?.views.findIndex(({ camera }) => camera === name) ?? -1;
  if (which === null || name === null || view < 0 || !session.mayEdit.peek()) return false;
  const held = desk.held.peek();
  const mine = held?.camera === name && desk.samePoint(held, which);
  if (!mine) void desk.settle();
  const of = desk.pointAt(which);
  const from = mine ? held.at : (of?.views[view]?.at ?? desk.image(name, of?.xyz ?? null));
  if (from === null) return false;
  const to = { x: from.x + dx, y: from.y + dy };
  const { video } = desk.filmOf(name);
  desk.hold(which, name, video ? clampTo(video, to) : to);
  desk.keepAfter(REST_MS);
  return true;
}

const WAYS = { up: [0, -1], left: [-1, 0], down: [0, 1], right: [1, 0] } as const;
type Way = keyof typeof WAYS;
type Move = `move.${Way}` | `move.${Way}5`;

/** Keys that move the point by 1 px, and by 5. */
export function nudges(): Record<Move, () => boolean> {
  const pairs = Object.entries(WAYS).flatMap(([way, [x, y]]) => [
    [`move.${way}`, () => nudge(x, y)],
    [`move.${way}5`, () => nudge(5 * x, 5 * y)],
  ]);
  return Object.fromEntries(pairs) as Record<Move, () => boolean>;
}
