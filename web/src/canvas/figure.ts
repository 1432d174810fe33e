// What is drawn over a picture: animals as points of a skeleton, in pixels of the video.
import type { XY } from "./transform";

/** disc: visible · ring: covered · dashed: a guess of a network, not yet a label. */
export type Shape = "disc" | "ring" | "dashed";

export interface Spot extends XY {
  readonly shape: Shape;
}

export interface Figure {
  readonly key: string; // stable name of the animal in this frame
  readonly colour: string;
  readonly dash: boolean; // the colour is used a second time: lines are dashed
  readonly name: string;
  readonly spots: readonly (Spot | null)[]; // one a keypoint
  readonly guess: boolean; // a prediction: thin lines, below the labels
  readonly faint?: boolean; // onion skin, other frames
  readonly spread?: readonly (Spread | null)[]; // covariance of the spots
  readonly trail?: readonly (XY | null)[]; // where it was and will be; null: not seen
}

/** Covariance of a point, px². */
export interface Spread {
  readonly xx: number;
  readonly xy: number;
  readonly yy: number;
}

export interface Scene {
  readonly figures: readonly Figure[];
  readonly edges: readonly (readonly [number, number])[];
  readonly names: readonly string[]; // of keypoints
  readonly selected: string | null; // key of a figure
  readonly keypoint: number | null; // selected in it
  readonly named: "all" | "selected" | "none";
  readonly ghost: Ghost | null; // where the next keypoint would come to lie
}

export interface Ghost extends XY {
  readonly colour: string;
  readonly name: string;
}

// Okabe and Ito's colours, told apart with every colour vision; from the ninth animal on, dashed.
export const COLOURS = [
  "#0072B2",
  "#E69F00",
  "#009E73",
  "#CC79A7",
  "#56B4E9",
  "#D55E00",
  "#F0E442",
  "#FFFFFF",
] as const;

/** Colour and dash of the n-th animal, from 0. */
export function paintOf(n: number): { colour: string; dash: boolean } {
  const turn = ((n % COLOURS.length) + COLOURS.length) % COLOURS.length;
  return { colour: COLOURS[turn] ?? COLOURS[0], dash: n >= COLOURS.length };
}

/** The ellipse that holds 1 standard deviation: half axes and the angle of the first, radians. */
export function ellipse(spread: Spread): { a: number; b: number; angle: number } {
  const mean = (spread.xx + spread.yy) / 2;
  const half = Math.hypot((spread.xx - spread.yy) / 2, spread.xy);
  return {
    a: Math.sqrt(Math.max(mean + half, 0)),
    b: Math.sqrt(Math.max(mean - half, 0)),
    angle: Math.atan2(2 * spread.xy, spread.xx - spread.yy) / 2,
  };
}
