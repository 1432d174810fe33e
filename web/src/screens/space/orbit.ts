// A picture of space by hand: an orbiting eye, lines and spots on a 2D canvas. Pure but for `draw`.
import type { XY } from "../../canvas/transform";
import type { XYZ } from "./cameras";

/** Where the eye is: angles about up and above the floor, and world units across the picture. */
export interface Eye {
  readonly turn: number;
  readonly rise: number;
  readonly across: number;
  readonly middle: XYZ;
  readonly up: XYZ;
}

export interface Stroke {
  readonly from: XYZ;
  readonly to: XYZ;
  readonly colour: string;
  readonly width: number;
}
export interface Dot {
  readonly at: XYZ;
  readonly colour: string;
  readonly size: number;
  readonly name?: string;
  readonly chosen?: boolean;
  readonly tag?: string;
}

const dot = (a: XYZ, b: XYZ): number => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a: XYZ, b: XYZ): XYZ => [
  a[1] * b[2] - a[2] * b[1],
  a[2] * b[0] - a[0] * b[2],
  a[0] * b[1] - a[1] * b[0],
];
export const minus = (a: XYZ, b: XYZ): XYZ => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
export const plus = (a: XYZ, b: XYZ, times = 1): XYZ => [a[0] + times * b[0], a[1] + times * b[1], a[2] + times * b[2]];
export function unit(a: XYZ): XYZ {
  const length = Math.hypot(...a) || 1;
  return [a[0] / length, a[1] / length, a[2] / length];
}

/** Two directions in the floor, at right angles to up and to one another. */
export function floor(up: XYZ): [XYZ, XYZ] {
  const off: XYZ = Math.abs(unit(up)[0]) < 0.9 ? [1, 0, 0] : [0, 1, 0];
  const side = unit(cross(unit(up), off));
  return [side, cross(unit(up), side)];
}

/** Right, up and forward of the eye. */
function axes(eye: Eye): [XYZ, XYZ, XYZ] {
  const up = unit(eye.up);
  const [a, b] = floor(up);
  const level = plus([Math.cos(eye.turn) * a[0], Math.cos(eye.turn) * a[1], Math.cos(eye.turn) * a[2]], b, Math.sin(eye.turn));
  const ahead: XYZ = plus([-Math.cos(eye.rise) * level[0], -Math.cos(eye.rise) * level[1], -Math.cos(eye.rise) * level[2]], up, -Math.sin(eye.rise));
  const right = unit(cross(ahead, up));
  return [right, cross(right, ahead), ahead];
}

const FAR = 3; // distance of the eye from the middle, in widths of the picture

/** How the eye sees a place: CSS px from the picture's corner, and how far behind the middle. */
export function seen(eye: Eye, width: number, height: number): (at: XYZ) => XY & { behind: number } {
  const [right, up, ahead] = axes(eye);
  const scale = Math.min(width, height) / eye.across;
  return (at) => {
    const off = minus(at, eye.middle);
    const behind = dot(off, ahead);
    const nearer = (FAR * eye.across) / Math.max(FAR * eye.across + behind, 0.2 * eye.across);
    return {
      x: width / 2 + dot(off, right) * scale * nearer,
      y: height / 2 - dot(off, up) * scale * nearer,
      behind,
    };
  };
}

/** Draw strokes and dots, the farthest first. */
export function draw(brush: CanvasRenderingContext2D, eye: Eye, size: { width: number; height: number }, strokes: readonly Stroke[], dots: readonly Dot[]): void {
  const place = seen(eye, size.width, size.height);
  brush.lineCap = "round";
  for (const { from, to, colour, width } of strokes) {
    const [a, b] = [place(from), place(to)];
    brush.strokeStyle = colour;
    brush.lineWidth = width;
    brush.beginPath();
    brush.moveTo(a.x, a.y);
    brush.lineTo(b.x, b.y);
    brush.stroke();
  }
  const sorted = dots.map((one) => ({ ...one, ...place(one.at) })).sort((a, b) => b.behind - a.behind);
  brush.font = "12px system-ui, sans-serif";
  for (const one of sorted) {
    brush.beginPath();
    brush.arc(one.x, one.y, one.size, 0, 2 * Math.PI);
    brush.fillStyle = one.colour;
    brush.fill();
    brush.strokeStyle = one.chosen ? "#ffffff" : "#14161a";
    brush.lineWidth = one.chosen ? 2.5 : 1;
    brush.stroke();
    if (!one.name) continue;
    brush.lineWidth = 3;
    brush.strokeStyle = "#14161a";
    brush.strokeText(one.name, one.x + 8, one.y - 6);
    brush.fillStyle = "#ffffff";
    brush.fillText(one.name, one.x + 8, one.y - 6);
  }
}
