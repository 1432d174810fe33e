// Where things of a picture lie on a small one of a part of it. Integers are pixel centres.

export type Box = readonly [x0: number, y0: number, x1: number, y1: number]; // edges, px of the video

/** From the video to a picture of `side` px that shows a box as large as it fits. */
export interface Fitted {
  readonly scale: number;
  readonly left: number;
  readonly top: number;
}

/** Fit a box into a picture, in its middle. */
export function fit(box: Box, width: number, height: number): Fitted {
  const [x0, y0, x1, y1] = box;
  const scale = Math.min(width / Math.max(x1 - x0, 1e-6), height / Math.max(y1 - y0, 1e-6));
  return {
    scale,
    left: (width - (x1 - x0) * scale) / 2 - x0 * scale,
    top: (height - (y1 - y0) * scale) / 2 - y0 * scale,
  };
}

/** Where a position of the video lies: the centre of pixel 0 is half a pixel from its edge. */
export function placed({ scale, left, top }: Fitted, x: number, y: number): [number, number] {
  return [(x + 0.5) * scale + left, (y + 0.5) * scale + top];
}

/** A box of a size around a position, moved so that it stays in the frame where it fits there. */
export function around(
  x: number,
  y: number,
  size: readonly [number, number],
  frame: { width: number; height: number },
): Box {
  const along = (at: number, side: number, all: number): [number, number] => {
    if (side >= all) return [(all - side) / 2, (all + side) / 2];
    const from = Math.min(Math.max(at + 0.5 - side / 2, 0), all - side);
    return [from, from + side];
  };
  const [x0, x1] = along(x, size[0], frame.width);
  const [y0, y1] = along(y, size[1], frame.height);
  return [x0, y0, x1, y1];
}

/** The part of a picture worth looking at: around all positions, square, with some room. */
export function worth(
  spots: readonly (readonly [number, number] | null)[],
  width: number,
  height: number,
): Box {
  const known = spots.filter((one) => one !== null);
  if (known.length === 0) return [0, 0, width, height];
  const [xs, ys] = [known.map(([x]) => x), known.map(([, y]) => y)];
  const [x0, x1, y0, y1] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const side = Math.min(Math.max(1.5 * (x1 - x0), 1.5 * (y1 - y0), 48), Math.max(width, height));
  return around((x0 + x1) / 2, (y0 + y1) / 2, [side, side], { width, height });
}

/** Median distance of guesses from the truth, px; null where neither is said together. */
export function distance(
  truth: readonly (readonly [number, number] | null)[],
  guess: readonly (readonly [number, number] | null)[],
): number | null {
  const all: number[] = [];
  truth.forEach((p, k) => {
    const q = guess[k];
    if (p != null && q != null) all.push(Math.hypot(p[0] - q[0], p[1] - q[1]));
  });
  if (all.length === 0) return null;
  all.sort((a, b) => a - b);
  const half = all.length >> 1;
  return all.length % 2 === 1 ? all[half]! : (all[half - 1]! + all[half]!) / 2;
}
