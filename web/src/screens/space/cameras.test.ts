import { expect, test } from "vitest";
import { project, rayIn, straighten, triangulate, type Row, type XYZ } from "./cameras";
import library from "./library.json";

// cameras (pinhole twice, fisheye, affine) and what gambol.kernels says of them
const rows = library.cameras as Row[];
const points = library.points as unknown as XYZ[];

test("projects as the library does, through every kind of lens", () => {
  for (const [v, row] of rows.entries())
    for (const [k, point] of points.entries()) {
      const at = project(row, point)!;
      expect(at.x).toBeCloseTo(library.images[v]![k]![0]!, 7);
      expect(at.y).toBeCloseTo(library.images[v]![k]![1]!, 7);
    }
});

test("sees nothing that lies behind it", () => {
  const behind = project(rows[0]!, [0, 0, -1000]);
  expect(behind).toBeNull();
});

test("straightens as the library does", () => {
  for (const [v, all] of library.straight.entries())
    for (const [k, [a, b]] of all.entries()) {
      const [x, y] = library.images[v]![k]!;
      const got = straighten(rows[v]!, { x: x!, y: y! })!;
      expect(got[0]).toBeCloseTo(a!, 9);
      expect(got[1]).toBeCloseTo(b!, 9);
    }
});

test("triangulates noisy views to the library's linear point", () => {
  for (const [k, all] of library.noisy.entries()) {
    const seen = all.map(([x, y], v) => ({ row: rows[v]!, at: { x: x!, y: y! }, weight: 1 }));
    const found = triangulate(seen)!;
    for (const [axis, value] of found.entries())
      expect(Math.abs(value - library.found[k]![axis]!)).toBeLessThan(0.05);
  }
});

test("without noise the point itself comes back, from two views as well", () => {
  for (const [k, point] of points.entries())
    for (const pair of [[0, 1], [1, 2], [0, 3]]) {
      const seen = pair.map((v) => {
        const [x, y] = library.images[v]![k]!;
        return { row: rows[v]!, at: { x: x!, y: y! }, weight: 1 };
      });
      triangulate(seen)!.forEach((value, axis) => expect(value).toBeCloseTo(point[axis]!, 4));
    }
  expect(triangulate([])).toBeNull();
});

test("the ray of a pixel passes the image of its point in the other view", () => {
  for (const [k, point] of points.entries()) {
    const [x, y] = library.images[0]![k]!;
    const curve = rayIn(rows[0]!, { x: x!, y: y! }, point, rows[1]!, 400);
    const [u, v] = library.images[1]![k]!;
    const away = curve.map((at) => Math.hypot(at.x - u!, at.y - v!));
    expect(Math.min(...away)).toBeLessThan(1.5);
  }
});
