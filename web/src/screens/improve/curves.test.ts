import { expect, test } from "vitest";
import type { Curve, Job } from "../../types.gen";
import { best, clock, columns, elapsed, newest, px, ticks } from "./curves";

const curve: Curve = {
  step: [1, 100, 200, 300], seconds: [0, 5, 9, 13], train: [2, 0, 0.5, 0.4],
  val_px: [null, 9, 3, 4], p95_px: [null, 40, 12, null],
};

test("a log axis is given nothing it cannot show", () => {
  expect(columns(curve)).toEqual([
    [1, 100, 200, 300], [2, null, 0.5, 0.4], [null, 9, 3, 4], [null, 40, 12, null],
  ]);
});

test("the newest numbers and the best ones are not the same", () => {
  expect(newest(curve)).toEqual({ p50: 4, p95: null });
  expect(best(curve)).toEqual({ step: 200, px: 3 });
  expect(newest({ ...curve, val_px: [null, null, null, null] })).toBeNull();
  expect(newest(null)).toBeNull();
});

test("times and px as people write them", () => {
  expect([130, 3730, 59.6, -1].map(clock)).toEqual(["2:10", "1:02:10", "1:00", "0:00"]);
  expect([0.123, 3.14, 123.4, null].map(px)).toEqual(["0.12", "3.1", "123", "–"]);
});

test("a job that ended has stopped its clock", () => {
  const job = { started: "2026-01-01T00:00:00Z", ended: "2026-01-01T00:02:10Z" } as Job;
  expect(elapsed(job, Date.now())).toBe(130);
  expect(elapsed({ ...job, ended: null }, Date.parse("2026-01-01T00:00:07Z"))).toBe(7);
  expect(elapsed({ ...job, started: null }, 0)).toBeNull();
});

test("ticks are round numbers inside of the axis", () => {
  expect(ticks(0.9, 30)).toEqual([1, 2, 5, 10, 20]);
  expect(ticks(0.03, 0.3)).toEqual([0.05, 0.1, 0.2]);
});
