// Animals as JSON text on the clipboard: across frames, videos and tabs, by names of keypoints.
import type { InstanceValue } from "../types.gen";
import { PERSON, type State } from "./pose";

const KIND = "gambol animal";

/** An animal as text. */
export function copyText(value: InstanceValue, names: readonly string[]): string {
  const points = value.points.map(([k, x, y, state]) => ({ name: names[k] ?? "", x, y, state }));
  return JSON.stringify({ kind: KIND, points });
}

/** The animal that a text holds, for these keypoints; or why it holds none. */
export function pasteText(text: string, names: readonly string[]): InstanceValue | string {
  let said: unknown;
  try {
    said = JSON.parse(text);
  } catch {
    return "The clipboard holds no animal: copy one with Mod+C first.";
  }
  if (!isObject(said) || said.kind !== KIND || !Array.isArray(said.points))
    return "The clipboard holds no animal: copy one with Mod+C first.";
  const points: InstanceValue["points"] = [];
  for (const point of said.points as unknown[]) {
    const read = readPoint(point, names);
    if (typeof read === "string") return read;
    if (read !== null) points.push(read);
  }
  if (points.length === 0)
    return "The copied animal has no keypoint of this skeleton: copy one that shares names.";
  return { origin: PERSON, points: points.sort((a, b) => a[0] - b[0]) };
}

function readPoint(
  point: unknown,
  names: readonly string[],
): InstanceValue["points"][number] | string | null {
  if (!isObject(point) || typeof point.name !== "string") return "The copied animal has a point without a name.";
  const keypoint = names.indexOf(point.name);
  if (keypoint < 0) return null; // of another skeleton
  if (point.state === 0) return [keypoint, null, null, 0];
  const { x, y, state } = point;
  if (!Number.isFinite(x) || !Number.isFinite(y) || (state !== 1 && state !== 2))
    return `The copied animal's ${point.name} has no position.`;
  return [keypoint, x as number, y as number, state as State];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
