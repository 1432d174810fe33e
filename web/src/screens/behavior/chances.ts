// P(label) as a strip of heat: a row a label, in its colour, as strong as it is likely. No DOM.
import type { BehaviorChances } from "../../types.gen";

export const ROW = 7; // px of a label

const STEP = 5; // percent that are told apart: few cells are drawn while a film plays

/** How high the strip is, px. */
export function heightOf(found: BehaviorChances | null): number {
  return found === null ? 0 : found.labels.length * ROW + 6;
}

export interface Cell {
  readonly label: number;
  readonly row: number;
  /** Frames from its left edge to its right one. */
  readonly from: number;
  readonly to: number;
  readonly percent: number;
}

/** Cells that are drawn: neighbours that are equally likely are one, unlikely ones are none. */
export function* cells({ first, last, labels, percent }: BehaviorChances): Generator<Cell> {
  for (const [row, label] of labels.entries()) {
    const values = (percent[row] ?? []).map((one) => STEP * Math.round(one / STEP));
    const frames = (last - first + 1) / Math.max(values.length, 1);
    for (let k = 0; k < values.length; ) {
      const value = values[k]!;
      let end = k + 1;
      while (end < values.length && values[end] === value) end++;
      if (value > 0) yield { label, row, from: first + k * frames, to: first + end * frames, percent: value };
      k = end;
    }
  }
}

/** How likely the likeliest label is in a frame; null: it is out of sight, or nobody is there. */
export function likeliest(found: BehaviorChances | null, frame: number): { label: number; percent: number } | null {
  if (found === null || frame < found.first || frame > found.last) return null;
  let best: { label: number; percent: number } | null = null;
  for (const [row, label] of found.labels.entries()) {
    const values = found.percent[row] ?? [];
    const k = Math.floor(((frame - found.first) * values.length) / (found.last - found.first + 1));
    const percent = values[k] ?? 0;
    if (percent > (best?.percent ?? 0)) best = { label, percent };
  }
  return best;
}
