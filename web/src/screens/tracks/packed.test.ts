import { describe, expect, it } from "vitest";
import { middleOf, nearest, NOBODY, sizeOf, unpack } from "./packed";

function packed(): ArrayBuffer {
  // three bodies in frames 5 and 6: animal 1, nobody, no animal; two keypoints each
  const buffer = new ArrayBuffer(16 + 3 * 12 + 3 * 2 * 12);
  const data = new DataView(buffer);
  [3, 2, 5, 7].forEach((value, i) => data.setUint32(4 * i, value, true));
  [5, 5, 6, 1, -1, -2, 40, 41, 42].forEach((value, i) => data.setInt32(16 + 4 * i, value, true));
  const points = [10, 20, 1, 30, 20, 1, NaN, NaN, 0, 7, 8, 1, 0, 0, 1, 0, 0, 1];
  points.forEach((value, i) => data.setFloat32(52 + 4 * i, value, true));
  return buffer;
}

describe("unpack", () => {
  const bodies = unpack(packed());
  it("lays bodies out by frame and leaves out who is no animal", () => {
    expect([...bodies.keys()]).toEqual([5, 6]);
    expect(bodies.get(6)).toEqual([]);
    expect(bodies.get(5)).toEqual([
      { animal: 1, row: 40, points: [{ x: 10, y: 20 }, { x: 30, y: 20 }] },
      { animal: NOBODY, row: 41, points: [null, { x: 7, y: 8 }] },
    ]);
  });
  it("finds middle, size and who is near", () => {
    const [one, two] = bodies.get(5)!;
    expect(middleOf(one)).toEqual({ x: 20, y: 20 });
    expect(sizeOf(one)).toBe(20);
    expect(middleOf(undefined)).toBeNull();
    expect(nearest([one!, two!], { x: 8, y: 8 }, 5)).toBe(two);
    expect(nearest([one!, two!], { x: 200, y: 8 }, 5)).toBeNull();
  });
});
