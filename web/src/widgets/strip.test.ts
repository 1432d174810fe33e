import { expect, test } from "vitest";
import { columnOf, columns, DONE, DRAFT, frameAtX, runs, SUGGESTED } from "./strip";

test("the strongest mark of a pixel is seen", () => {
  const marks = [[0, SUGGESTED], [5, DONE], [9, DRAFT], [995, DRAFT], [2000, DONE]] as const;
  const strip = columns(marks, { first: 0, last: 999 }, 100);
  expect(strip[0]).toBe(DONE);
  expect(strip[99]).toBe(DRAFT);
  expect(strip.filter((kind) => kind > 0)).toHaveLength(2);
});

test("a click on the column of a frame leads to a frame of that column", () => {
  for (const [frames, width] of [[1000, 100], [7, 100], [1, 40]] as const) {
    const span = { first: 0, last: frames - 1 };
    for (let frame = 0; frame < frames; frame++) {
      const x = columnOf(frame, span, width);
      expect(Math.abs(frameAtX(x + 0.5, span, width) - frame)).toBeLessThanOrEqual(Math.max(1, frames / width));
    }
    expect(frameAtX(-5, span, width)).toBe(0);
    expect(frameAtX(width + 5, span, width)).toBe(frames - 1);
  }
});

test("runs are drawn once each, gaps not at all", () => {
  expect(runs(Uint8Array.from([0, 2, 2, 0, 3, 2]))).toEqual([[2, 1, 2], [3, 4, 1], [2, 5, 1]]);
  expect(runs(new Uint8Array(5))).toEqual([]);
});
