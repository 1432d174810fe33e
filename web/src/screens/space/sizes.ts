// How large what is seen is, and where its middle lies.
import type { XYZ } from "./cameras";
import type { Moment } from "./packed";

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
