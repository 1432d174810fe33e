// Labels of a reconstructed moment: one animal in the film of every view, as one edit.
import type { XY } from "../../canvas/transform";
import { DONE } from "../../store/labels";
import { COVERED, MENDED, VISIBLE } from "../../store/pose";
import type { FrameRows } from "../../store/rows";
import type { Change, FrameValue, InstanceValue } from "../../types.gen";

/** Where a keypoint lies in a view, and whether the view saw it there. */
export interface Told {
  readonly at: XY | null;
  readonly seen: boolean;
}

/** The row of an animal: keypoints by their place in the project's skeleton; others stay. */
export function labelOf(told: readonly Told[], order: readonly number[], before: InstanceValue | null): InstanceValue {
  const points = new Map((before?.points ?? []).map((one) => [one[0], one]));
  for (const [k, { at, seen }] of told.entries()) {
    const j = order[k] ?? -1;
    if (j >= 0 && at !== null) points.set(j, [j, at.x, at.y, seen ? VISIBLE : COVERED]);
  }
  return { origin: MENDED, points: [...points.values()].sort((a, b) => a[0] - b[0]) };
}

/** The changes of one frame; a frame that is not done becomes one that is being worked on. */
export function changesOf(rows: FrameRows, animal: number, value: InstanceValue): Change[] {
  const saw = rows.instances.get(animal) ?? null;
  const change: Change = { table: "instances", key: [rows.video, rows.frame, animal], saw, value };
  const row: FrameValue = rows.row ?? { complete: null, flag: 0, note: "" };
  if (row.complete === DONE || row.complete === 2) return [change];
  return [change, { table: "frames", key: [rows.video, rows.frame], saw: rows.row, value: { ...row, complete: 2 } }];
}

/** The project's animal of that name; of a lone animal its only one; else one without a name. */
export function animalKey(
  name: string,
  place: number,
  count: number,
  individuals: readonly { id: number; name: string }[],
): number {
  const same = individuals.find((one) => one.name === name);
  if (same) return same.id;
  return count === 1 && individuals.length === 1 ? individuals[0]!.id : -(place + 1);
}
