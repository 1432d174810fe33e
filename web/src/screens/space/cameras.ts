// Cameras as the library has them: points to pixels, pixels to rays, rays to points. Pure.
import type { XY } from "../../canvas/transform";

export type XYZ = readonly [number, number, number];

/** The 24 numbers of a camera, as in gambol.kernels.projection. */
export type Row = readonly number[];

const [PINHOLE, FISHEYE, AFFINE] = [0, 1, 2] as const;

/** x, y after the lens, their derivatives by a and b, and whether the image does not fold there. */
function distort(p: Row, a: number, b: number): { x: number; y: number; d: number[]; valid: boolean } {
  const q = a * a + b * b;
  if (p[0] === PINHOLE) {
    const [k1, k2, p1, p2, k3] = [p[6]!, p[7]!, p[8]!, p[9]!, p[10]!];
    const d = 1 + q * (k1 + q * (k2 + q * k3));
    const d1 = k1 + q * (2 * k2 + 3 * k3 * q);
    const cross = 2 * a * b * d1 + 2 * p1 * a + 2 * p2 * b;
    return {
      x: a * d + 2 * p1 * a * b + p2 * (q + 2 * a * a),
      y: b * d + p1 * (q + 2 * b * b) + 2 * p2 * a * b,
      d: [d + 2 * a * a * d1 + 2 * p1 * b + 6 * p2 * a, cross, cross, d + 2 * b * b * d1 + 6 * p1 * b + 2 * p2 * a],
      valid: q < p[11]!,
    };
  }
  const r = Math.sqrt(q);
  if (r < 1e-9) return { x: a, y: b, d: [1, 0, 0, 1], valid: true };
  const angle = Math.atan(r);
  const s = angle * angle;
  const bent = angle * (1 + s * (p[6]! + s * (p[7]! + s * (p[8]! + s * p[9]!))));
  const slope = 1 + s * (3 * p[6]! + s * (5 * p[7]! + s * (7 * p[8]! + s * 9 * p[9]!)));
  const g = bent / r;
  const h = (slope / (1 + q) - g) / q;
  return { x: a * g, y: b * g, d: [g + a * a * h, a * b * h, a * b * h, g + b * b * h], valid: s < p[11]! };
}

/** Where a camera sees a point; null where it does not. */
export function project(p: Row, [x, y, z]: XYZ): XY | null {
  const row = (k: number, t: number) => p[k]! * x + p[k + 1]! * y + p[k + 2]! * z + p[t]!;
  const [cx, cy] = [row(12, 21), row(15, 22)];
  if (p[0] === AFFINE) return Number.isFinite(cx + cy) ? { x: cx, y: cy } : null;
  const cz = row(18, 23);
  if (!(cz > 0)) return null;
  const bent = distort(p, cx / cz, cy / cz);
  if (!bent.valid) return null;
  return { x: p[1]! * bent.x + p[5]! * bent.y + p[3]!, y: p[2]! * bent.y + p[4]! };
}

/** X/Z and Y/Z of a pixel, by Newton's method with halved steps; null where nothing is seen. */
export function straighten(p: Row, at: XY): readonly [number, number] | null {
  const y = (at.y - p[4]!) / p[2]!;
  const x = (at.x - p[3]! - p[5]! * y) / p[1]!;
  let [a, b] = [x, y];
  if (p[0] === FISHEYE) {
    const r = Math.hypot(x, y);
    if (r > 1e-9 && r < 1.5) [a, b] = [(x * Math.tan(r)) / r, (y * Math.tan(r)) / r];
  }
  while (p[0] === PINHOLE && a * a + b * b >= p[11]!) [a, b] = [a / 2, b / 2];
  let now = distort(p, a, b);
  let off = Math.hypot(now.x - x, now.y - y);
  const enough = 1e-10 / Math.max(p[1]!, p[2]!);
  for (let round = 0; round < 50 && off >= enough; round++) {
    const [xa, xb, ya, yb] = now.d as [number, number, number, number];
    const det = xa * yb - xb * ya;
    const sa = (yb * (now.x - x) - xb * (now.y - y)) / det;
    const sb = (xa * (now.y - y) - ya * (now.x - x)) / det;
    let better = false;
    for (let step = 1; step > 1e-6 && !better; step /= 2) {
      const next = distort(p, a - step * sa, b - step * sb);
      const far = Math.hypot(next.x - x, next.y - y);
      if (!next.valid || !(far < off)) continue;
      [a, b, now, off, better] = [a - step * sa, b - step * sb, next, far, true];
    }
    if (!better) break;
  }
  return off < 1e3 * enough && now.valid ? [a, b] : null;
}

/** One view's word about a point. */
export interface Seen {
  readonly row: Row;
  readonly at: XY;
  readonly weight: number;
}

/**
 * The point nearest to what views saw, by linear least squares on straightened pixels; equations
 * are divided by the depth of the last round, so that errors count in pixels. Null with fewer
 * than two views or parallel rays.
 */
export function triangulate(seen: readonly Seen[]): XYZ | null {
  const planes = seen.flatMap(planesOf);
  if (planes.length < 4) return null;
  let point: XYZ | null = null;
  for (let round = 0; round < 4; round++) {
    const now: XYZ | null = point;
    point = meet(planes.map(({ row, n, weight }) => ({ n, weight: now === null ? weight : weight / depth(row, now) ** 2 })));
    if (point === null) return null;
  }
  return point;
}

interface Plane {
  row: Row;
  n: readonly [number, number, number, number];
  weight: number;
}

/** Two planes through the ray of a pixel: n · (x, 1) is the depth times the error in px. */
function planesOf({ row: p, at, weight }: Seen): Plane[] {
  const line = (k: number, t: number) => [p[k]!, p[k + 1]!, p[k + 2]!, p[t]!] as const;
  const [right, down] = [line(12, 21), line(15, 22)];
  if (p[0] === AFFINE)
    return [
      { row: p, n: [right[0], right[1], right[2], right[3] - at.x], weight },
      { row: p, n: [down[0], down[1], down[2], down[3] - at.y], weight },
    ];
  const ab = straighten(p, at);
  if (ab === null) return [];
  const ahead = line(18, 23);
  const plane = (across: readonly number[], by: number, focal: number): Plane => ({
    row: p,
    n: [0, 1, 2, 3].map((k) => focal * (across[k]! - by * ahead[k]!)) as unknown as Plane["n"],
    weight,
  });
  return [plane(right, ab[0], p[1]!), plane(down, ab[1], p[2]!)];
}

function depth(p: Row, [x, y, z]: XYZ): number {
  if (p[0] === AFFINE) return 1;
  return Math.max(Math.abs(p[18]! * x + p[19]! * y + p[20]! * z + p[23]!), 1e-9);
}

/** Least squares of weight · (n · (x, 1))². */
function meet(planes: readonly { n: readonly number[]; weight: number }[]): XYZ | null {
  const a = [0, 0, 0, 0, 0, 0];
  const g = [0, 0, 0];
  for (const { n, weight } of planes) {
    const [x, y, z, d] = n as [number, number, number, number];
    [x * x, x * y, x * z, y * y, y * z, z * z].forEach((v, k) => (a[k]! += weight * v));
    [x * d, y * d, z * d].forEach((v, k) => (g[k]! -= weight * v));
  }
  return solve(a, g);
}

/** A⁻¹ g of a symmetric matrix (xx, xy, xz, yy, yz, zz); null where it is flat. */
function solve(a: readonly number[], g: readonly number[]): XYZ | null {
  const [xx, xy, xz, yy, yz, zz] = a as [number, number, number, number, number, number];
  const [c0, c1, c2] = [yy * zz - yz * yz, xz * yz - xy * zz, xy * yz - xz * yy];
  const det = xx * c0 + xy * c1 + xz * c2;
  const size = Math.max(xx, yy, zz);
  if (!(Math.abs(det) > 1e-12 * size ** 3)) return null;
  const [d1, d2, d3] = [xx * zz - xz * xz, xy * xz - xx * yz, xx * yy - xy * xy];
  const [p, q, r] = g as [number, number, number];
  const point = [c0 * p + c1 * q + c2 * r, c1 * p + d1 * q + d2 * r, c2 * p + d2 * q + d3 * r];
  return point.map((v) => v / det) as unknown as XYZ;
}

/** Where another camera sees the ray of a pixel, from half to twice as far as a point. */
export function rayIn(from: Row, at: XY, near: XYZ, other: Row, steps = 48): XY[] {
  const ab = from[0] === AFFINE ? null : straighten(from, at);
  if (ab === null) return [];
  const turn = (k: number) => [from[k]!, from[k + 3]!, from[k + 6]!] as const; // Rᵀ, row by row
  const back = (v: XYZ): XYZ =>
    [12, 13, 14].map((k) => turn(k).reduce((sum, r, i) => sum + r * v[i]!, 0)) as unknown as XYZ;
  const along = back([ab[0], ab[1], 1]);
  const centre = back([-from[21]!, -from[22]!, -from[23]!]);
  const far = depth(from, near);
  return Array.from({ length: steps }, (_, k) => {
    const reach = far * 2 ** ((2 * k) / (steps - 1) - 1);
    return project(other, centre.map((c, i) => c + reach * along[i]!) as unknown as XYZ);
  }).filter((one) => one !== null);
}
