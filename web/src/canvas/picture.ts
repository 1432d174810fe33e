// How a picture is shown: brightness, contrast, γ, invert, levels. The stored video never changes.

export interface Levels {
  readonly brightness: number; // −1 … 1, 0 as stored
  readonly contrast: number; // −1 … 1, 0 as stored
  readonly gamma: number; // 0.2 … 5, 1 as stored
  readonly invert: boolean;
  readonly low: number; // grey shown as black, 0 … 1
  readonly high: number; // grey shown as white
}

export const AS_STORED: Levels = {
  brightness: 0,
  contrast: 0,
  gamma: 1,
  invert: false,
  low: 0,
  high: 1,
};

const CLIP = 0.005; // part of the pixels that auto levels lets go black, and white
const STEPS = 64; // entries of the table that the browser interpolates

/** What a grey value 0 … 1 is shown as. */
export function tone(levels: Levels, value: number): number {
  const span = Math.max(levels.high - levels.low, 1 / 255);
  const stretched = clamp((value - levels.low) / span);
  const curved = stretched ** (1 / levels.gamma);
  const slope = Math.tan(((levels.contrast + 1) * Math.PI) / 4); // 1 at 0, steep at 1, flat at −1
  const shown = clamp((curved - 0.5) * Math.min(slope, 1e3) + 0.5 + levels.brightness);
  return levels.invert ? 1 - shown : shown;
}

/** Whether the picture is shown as it is stored. */
export function plain(levels: Levels): boolean {
  return (
    levels.brightness === 0 &&
    levels.contrast === 0 &&
    levels.gamma === 1 &&
    !levels.invert &&
    levels.low === 0 &&
    levels.high === 1
  );
}

/** `tableValues` of an SVG transfer function: the browser applies it while it composes layers. */
export function table(levels: Levels): string {
  const values = Array.from({ length: STEPS + 1 }, (_, i) => tone(levels, i / STEPS));
  return values.map((value) => value.toFixed(4)).join(" ");
}

/** Counts of 256 greys in RGBA bytes. */
export function histogram(pixels: Uint8ClampedArray): Uint32Array {
  const counts = new Uint32Array(256);
  for (let i = 0; i + 3 < pixels.length; i += 4) {
    const grey = (pixels[i] ?? 0) * 0.299 + (pixels[i + 1] ?? 0) * 0.587 + (pixels[i + 2] ?? 0) * 0.114;
    const bin = Math.min(Math.round(grey), 255);
    counts[bin] = (counts[bin] ?? 0) + 1;
  }
  return counts;
}

/** The greys between which all but half a percent of the pixels at each end lie. */
export function autoLevels(counts: Uint32Array): { low: number; high: number } {
  const total = counts.reduce((sum, count) => sum + count, 0);
  const end = (order: number[]) => {
    let seen = 0;
    for (const bin of order) {
      seen += counts[bin] ?? 0;
      if (seen > total * CLIP) return bin / 255;
    }
    return null;
  };
  const bins = [...counts.keys()];
  const low = end(bins);
  const high = end(bins.reverse());
  return low === null || high === null || high <= low ? { low: 0, high: 1 } : { low, high };
}

/** Auto levels of what a canvas can draw, from at most 256 × 256 of its pixels. */
export function measure(picture: ImageBitmap): { low: number; high: number } {
  const width = Math.min(picture.width, 256);
  const height = Math.min(picture.height, 256);
  const brush = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  if (brush === null) return { low: 0, high: 1 };
  brush.drawImage(picture, 0, 0, width, height);
  return autoLevels(histogram(brush.getImageData(0, 0, width, height).data));
}

function clamp(value: number): number {
  return Math.min(Math.max(value, 0), 1);
}
