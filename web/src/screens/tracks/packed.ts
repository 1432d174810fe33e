// Detections of a stretch of frames as the server packs them, laid out by frame.
import type { XY } from "../../canvas/transform";

export const NOBODY = -1;
/** The row of a pose that nobody saw: a line across a gap. */
export const DRAWN = -1;

/** One body in one frame. */
export interface Body {
  readonly animal: number; // index of the run's names; NOBODY
  readonly row: number; // its number in the recording; DRAWN
  readonly points: readonly (XY | null)[];
}

/** Reads /api/runs/{run}/animals: bodies by frame; those that are no animals are left out. */
export function unpack(buffer: ArrayBuffer): Map<number, Body[]> {
  const data = new DataView(buffer);
  const [count, keypoints, first, stop] = [0, 4, 8, 12].map((at) => data.getUint32(at, true)) as [
    number,
    number,
    number,
    number,
  ];
  const byFrame = new Map<number, Body[]>();
  for (let frame = first; frame < stop; frame++) byFrame.set(frame, []);
  const ints = (part: number, row: number) => data.getInt32(16 + 4 * (part * count + row), true);
  for (let n = 0; n < count; n++) {
    const animal = ints(1, n);
    if (animal < NOBODY) continue;
    const at = 16 + 12 * count + 12 * keypoints * n;
    const points = Array.from({ length: keypoints }, (_, k) => {
      const x = data.getFloat32(at + 12 * k, true);
      const y = data.getFloat32(at + 12 * k + 4, true);
      return Number.isFinite(x) && Number.isFinite(y) ? { x, y } : null;
    });
    byFrame.get(ints(0, n))?.push({ animal, row: ints(2, n), points });
  }
  return byFrame;
}

/** The middle of a body; null where nothing of it was found. */
export function middleOf(body: Body | undefined): XY | null {
  const seen = body?.points.filter((one) => one !== null) ?? [];
  if (seen.length === 0) return null;
  const sum = seen.reduce((a, b) => ({ x: a.x + b.x, y: a.y + b.y }));
  return { x: sum.x / seen.length, y: sum.y / seen.length };
}

/** The body whose nearest point is nearest to a place. */
export function nearest(bodies: readonly Body[], at: XY, reach: number): Body | null {
  let best: Body | null = null;
  let least = reach;
  for (const body of bodies)
    for (const point of body.points) {
      const away = point === null ? Infinity : Math.hypot(point.x - at.x, point.y - at.y);
      if (away < least) [best, least] = [body, away];
    }
  return best;
}

/** Diagonal of the box of a body, px of the video. */
export function sizeOf(body: Body | undefined): number {
  const seen = body?.points.filter((one) => one !== null) ?? [];
  if (seen.length === 0) return 0;
  const span = (of: (p: XY) => number) => Math.max(...seen.map(of)) - Math.min(...seen.map(of));
  return Math.hypot(span((p) => p.x), span((p) => p.y));
}
