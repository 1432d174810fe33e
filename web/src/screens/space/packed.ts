// Moments of a 3D run as the server packs them.
import type { XY } from "../../canvas/transform";
import type { XYZ } from "./cameras";

export const [AS_IT_WAS, LEFT_OUT, MOVED] = [0, 1, 2] as const;

/** What one view says of a point. */
export interface Observation {
  readonly at: XY | null; // null: not seen
  readonly residual: number | null; // px
  readonly outlier: number | null; // probability
  readonly state: number;
}

/** One keypoint of one animal at one moment. */
export interface Point {
  readonly xyz: XYZ | null;
  readonly sd: number | null; // root of the mean variance, world units
  readonly accepted: boolean;
  readonly views: readonly Observation[];
}

/** By animal, then keypoint. */
export type Moment = readonly (readonly Point[])[];

/** Reads /api/runs3d/{run}/points: moments from the first one on. */
export function unpack(buffer: ArrayBuffer): { first: number; moments: Moment[] } {
  const data = new DataView(buffer);
  const [f, n, j, v, first] = [0, 4, 8, 12, 16].map((at) => data.getUint32(at, true)) as [number, number, number, number, number];
  let start = 20;
  const block = (each: number) => {
    const from = start;
    start += 4 * f * n * j * each;
    return (point: number, k: number): number | null => {
      const value = data.getFloat32(from + 4 * (point * each + k), true);
      return Number.isFinite(value) ? value : null;
    };
  };
  const [xyz, wide, accepted] = [block(3), block(6), block(1)];
  const [x, y, residual, outlier, state] = [block(v), block(v), block(v), block(v), block(v)];
  const point = (p: number): Point => {
    const at = [xyz(p, 0), xyz(p, 1), xyz(p, 2)];
    const variance = [wide(p, 0), wide(p, 3), wide(p, 5)];
    const whole = variance.every((one) => one !== null);
    return {
      xyz: at.every((one) => one !== null) ? (at as unknown as XYZ) : null,
      sd: whole ? Math.sqrt((variance[0]! + variance[1]! + variance[2]!) / 3) : null,
      accepted: accepted(p, 0) === 1,
      views: Array.from({ length: v }, (_, k) => {
        const [px, py] = [x(p, k), y(p, k)];
        return {
          at: px === null || py === null ? null : { x: px, y: py },
          residual: residual(p, k),
          outlier: outlier(p, k),
          state: state(p, k) ?? AS_IT_WAS,
        };
      }),
    };
  };
  const moments = Array.from({ length: f }, (_, t) =>
    Array.from({ length: n }, (_, a) => Array.from({ length: j }, (_, k) => point((t * n + a) * j + k))),
  );
  return { first, moments };
}
