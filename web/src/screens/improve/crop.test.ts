import { expect, test } from "vitest";
import { around, distance, fit, placed, worth } from "./crop";

test("the centre of a pixel lies in the middle of its square", () => {
  const fitted = fit([10, 20, 20, 30], 100, 100); // ten pixels on a hundred
  expect(placed(fitted, 10, 20)).toEqual([5, 5]);
  expect(placed(fitted, 19, 29)).toEqual([95, 95]);
});

test("a flat box stands in the middle and is not stretched", () => {
  const fitted = fit([0, 0, 20, 10], 100, 100);
  expect(fitted.scale).toBe(5);
  expect(placed(fitted, -0.5, -0.5)).toEqual([0, 25]);
  expect(placed(fitted, 19.5, 9.5)).toEqual([100, 75]);
});

test("a crop stays in the frame", () => {
  const frame = { width: 100, height: 50 };
  expect(around(50, 20, [20, 10], frame)).toEqual([40.5, 15.5, 60.5, 25.5]);
  expect(around(2, 48, [20, 10], frame)).toEqual([0, 40, 20, 50]);
  expect(around(50, 20, [20, 60], frame)).toEqual([40.5, -5, 60.5, 55]);
});

test("the error of a tile is the median over what both say", () => {
  expect(distance([[0, 0], [0, 0], null, [0, 0]], [[3, 4], [0, 1], [9, 9], null])).toBe(3);
  expect(distance([null], [[0, 0]])).toBeNull();
});

test("a tile shows the animal with some room, and the whole picture where nothing is known", () => {
  expect(worth([null, [50, 50], [150, 90]], 400, 300)).toEqual([25.5, 0, 175.5, 150]);
  expect(worth([null], 40, 30)).toEqual([0, 0, 40, 30]);
});
