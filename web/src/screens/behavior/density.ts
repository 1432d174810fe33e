// The map: points as a density picture, where a pixel lies, which points are near. No DOM.
import type { XY } from "../../canvas/transform";
import type { Rgb } from "./paint";

export const NONE = 65535; // a point without label

/** All points of a map; point k is frame k · stride of all recordings one after the other. */
export interface Points {
  readonly xy: Float32Array;
  readonly label: Uint16Array;
  readonly stride: number;
}

/** What is in sight: the middle in units of the map, and pixels a unit. */
export interface Look {
  readonly x: number;
  readonly y: number;
  readonly scale: number;
}

/** Reads /api/behavior/{run}/map. */
export function unpack(buffer: ArrayBuffer): Points {
  const data = new DataView(buffer);
  const count = data.getUint32(0, true);
  const stride = data.getUint32(4, true);
  return {
    xy: new Float32Array(buffer, 8, 2 * count),
    label: new Uint16Array(buffer, 8 + 8 * count, count),
    stride,
  };
}

/** The look that shows all points. */
export function whole(points: Points, width: number, height: number): Look {
  let [left, right, top, bottom] = [Infinity, -Infinity, Infinity, -Infinity];
  for (let i = 0; i < points.xy.length; i += 2) {
    const x = points.xy[i]!;
    const y = points.xy[i + 1]!;
    if (!(x === x && y === y)) continue;
    if (x < left) left = x;
    if (x > right) right = x;
    if (y < top) top = y;
    if (y > bottom) bottom = y;
  }
  if (left > right) return { x: 0, y: 0, scale: 1 };
  const room = Math.max((right - left) / width, (bottom - top) / height, 1e-9) * 1.08;
  return { x: (left + right) / 2, y: (top + bottom) / 2, scale: 1 / room };
}

export function toPixel(look: Look, at: XY, width: number, height: number): XY {
  return { x: width / 2 + (at.x - look.x) * look.scale, y: height / 2 - (at.y - look.y) * look.scale };
}

export function toMap(look: Look, at: XY, width: number, height: number): XY {
  return { x: look.x + (at.x - width / 2) / look.scale, y: look.y - (at.y - height / 2) / look.scale };
}

/** Zoom; the place below a pixel stays below it. */
export function zoomed(look: Look, at: XY, factor: number, width: number, height: number): Look {
  const place = toMap(look, at, width, height);
  const scale = look.scale * factor;
  return { scale, x: place.x - (at.x - width / 2) / scale, y: place.y + (at.y - height / 2) / scale };
}

const FEW = 60_000; // points, below which each is more than a pixel

/**
 * Draw how many points lie where, coloured by their labels, as RGBA.
 * Brightness goes with the logarithm of the count; the brightest pixel is full.
 */
export function render(
  points: Points,
  look: Look,
  width: number,
  height: number,
  colour: (label: number) => Rgb,
  size = 1,
): Uint8ClampedArray<ArrayBuffer> {
  const count = new Float32Array(width * height);
  const sums = new Float32Array(3 * width * height);
  const table = new Map<number, Rgb>();
  const reach = points.label.length < FEW ? Math.max(Math.round(size), 1) : 0;
  for (let i = 0; i < points.label.length; i++) {
    const x = Math.floor(width / 2 + (points.xy[2 * i]! - look.x) * look.scale);
    const y = Math.floor(height / 2 - (points.xy[2 * i + 1]! - look.y) * look.scale);
    if (!(x >= reach && y >= reach && x < width - reach && y < height - reach)) continue;
    const label = points.label[i]!;
    let rgb = table.get(label);
    if (rgb === undefined) table.set(label, (rgb = colour(label)));
    for (let dy = -reach; dy <= reach; dy++)
      for (let dx = -reach; dx <= reach; dx++) {
        const at = (y + dy) * width + x + dx;
        count[at]! += 1;
        sums[3 * at]! += rgb[0];
        sums[3 * at + 1]! += rgb[1];
        sums[3 * at + 2]! += rgb[2];
      }
  }
  return shaded(count, sums);
}

function shaded(count: Float32Array, sums: Float32Array): Uint8ClampedArray<ArrayBuffer> {
  let most = 1;
  for (const n of count) if (n > most) most = n;
  const top = Math.log1p(most);
  const image = new Uint8ClampedArray(4 * count.length);
  for (let at = 0; at < count.length; at++) {
    const n = count[at]!;
    if (n === 0) continue;
    for (let k = 0; k < 3; k++) image[4 * at + k] = sums[3 * at + k]! / n;
    image[4 * at + 3] = 255 * (0.35 + (0.65 * Math.log1p(n)) / top);
  }
  return image;
}

/** Where a frame of a recording is on the map; null: nowhere, or not known yet. */
export function placeOf(points: Points, offset: number, frame: number): XY | null {
  const i = Math.round((offset + frame) / points.stride);
  const x = points.xy[2 * i];
  const y = points.xy[2 * i + 1];
  return x === undefined || y === undefined || Number.isNaN(x) || Number.isNaN(y) ? null : { x, y };
}

/** An outline with at most so many corners, for an address. */
export function thinned(outline: readonly XY[], most: number): XY[] {
  const step = Math.max(Math.ceil(outline.length / most), 1);
  return outline.filter((_, i) => i % step === 0);
}
