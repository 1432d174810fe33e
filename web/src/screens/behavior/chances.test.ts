import { expect, test } from "vitest";
import type { BehaviorChances } from "../../types.gen";
import { cells, heightOf, likeliest, ROW } from "./chances";

const found: BehaviorChances = {
  first: 100, last: 139, labels: [2, 7],
  percent: [[90, 91, 10, 1], [10, 9, 90, 0]],
};

test("equal neighbours are one cell, and what is impossible is not drawn", () => {
  expect([...cells(found)]).toEqual([
    { label: 2, row: 0, from: 100, to: 120, percent: 90 }, { label: 2, row: 0, from: 120, to: 130, percent: 10 },
    { label: 7, row: 1, from: 100, to: 120, percent: 10 }, { label: 7, row: 1, from: 120, to: 130, percent: 90 },
  ]);
});

test("the likeliest label of a frame", () => {
  expect(likeliest(found, 100)).toEqual({ label: 2, percent: 90 });
  expect(likeliest(found, 119)).toEqual({ label: 2, percent: 91 });
  expect(likeliest(found, 120)).toEqual({ label: 7, percent: 90 });
  expect(likeliest(found, 139)).toEqual({ label: 2, percent: 1 });
  expect(likeliest(found, 140)).toBeNull();
  expect(likeliest(null, 5)).toBeNull();
});

test("no probabilities take no room", () => {
  expect(heightOf(null)).toBe(0);
  expect(heightOf(found)).toBe(2 * ROW + 6);
});
