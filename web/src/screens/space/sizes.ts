// How large what is seen is, where its middle lies, and the floor below it.
import type { XYZ } from "./cameras";
import type { Moment } from "./packed";

const HIGH = 2; // widths above the floor at 0, from which that is no floor of theirs
const ROOM = 0.7; // of the width, for the animal above the middle between it and the floor

let last: { across: number; middle: XYZ } = { across: 100, middle: [0, 0, 0] };

/** Middle of the points of a moment and one and a half of their spread; of none, the last. */
export function sizeOf(moment: Moment | null): { across: number; middle: XYZ } {
  const there = (moment ?? []).flat().flatMap((one) => (one.xyz === null ? [] : [one.xyz]));
  if (there.length === 0) return last;
  const ends = [0, 1, 2].map((k) => {
    const sorted = there.map((at) => at[k]!).sort((a, b) => a - b);
    const cut = Math.floor(sorted.length * 0.05); // points that are far off are mistakes
    return [sorted[cut]!, sorted[sorted.length - 1 - cut]!] as const;
  });
  const spread = Math.max(...ends.map(([a, b]) => b - a)) * 1.5 || last.across;
  // the size stays while it is right to a third, or the picture would breathe
  const steady = spread / last.across > 0.75 && spread / last.across < 1.33;
  last = { across: steady ? last.across : spread, middle: ends.map(([a, b]) => (a + b) / 2) as unknown as XYZ };
  return last;
}

/** What a picture of the animals shows that stand on their floor. */
export interface Standing {
  readonly across: number;
  readonly middle: XYZ;
  /** How high the floor lies along up: at 0, else where the animals' lowest point is. */
  readonly floor: number;
}

let low: number | null = null;

/** A picture with the animals and the floor below them; `up` is a direction of length 1. */
export function standing(moment: Moment | null, up: XYZ): Standing {
  const { across, middle } = sizeOf(moment);
  const height = (at: XYZ): number => at[0] * up[0] + at[1] * up[1] + at[2] * up[2];
  const there = (moment ?? []).flat().flatMap((one) => (one.xyz === null ? [] : [height(one.xyz)]));
  if (there.length > 0) low = there.sort((a, b) => a - b)[Math.floor(there.length * 0.05)]!;
  const foot = low ?? height(middle);
  const onZero = Math.abs(foot) <= HIGH * across;
  const floor = onZero ? 0 : foot;
  const drop = height(middle) - floor;
  const wide = Math.max(across, ROOM * across + Math.abs(drop));
  const between = middle.map((x, k) => x - (drop / 2) * up[k]!) as unknown as XYZ;
  return { across: wide, middle: between, floor };
}
