import { expect, test } from "vitest";
import type { InstanceValue } from "../types.gen";
import {
  ABSENT,
  adopted,
  apart,
  between,
  carry,
  centredAt,
  COVERED,
  labelOf,
  meanPose,
  mirrored,
  moved,
  pointOf,
  poseOf,
  scaled,
  similarity,
  turned,
  VISIBLE,
  withoutPoint,
  withPoint,
  type Pose,
} from "./pose";

const label: InstanceValue = {
  origin: 0,
  points: [
    [0, 10, 20, 2],
    [1, 30, 20, 1],
    [3, null, null, 0],
  ],
};

test("visible, covered, absent and unset are four things", () => {
  expect(pointOf(label, 0)).toEqual({ x: 10, y: 20, state: VISIBLE });
  expect(pointOf(label, 1)?.state).toBe(COVERED);
  expect(pointOf(label, 3)).toEqual({ x: null, y: null, state: ABSENT });
  expect(pointOf(label, 2)).toBeNull();
});

test("placing keeps the order of keypoints and the other points", () => {
  const placed = withPoint(label, 2, { x: 5, y: 6 }, VISIBLE);
  expect(placed.points.map((point) => point[0])).toEqual([0, 1, 2, 3]);
  expect(withoutPoint(placed, 2)).toEqual(label);
  expect(withPoint(null, 1, { x: 1, y: 2 }, COVERED)).toEqual({ origin: 0, points: [[1, 1, 2, 1]] });
});

test("absent has no position", () => {
  expect(withPoint(label, 0, { x: 1, y: 1 }, ABSENT).points[0]).toEqual([0, null, null, 0]);
});

test("a label without points is no label", () => {
  const one = withPoint(null, 0, { x: 1, y: 1 }, VISIBLE);
  expect(withoutPoint(one, 0)).toBeNull();
});

test("a hand on a model's point makes it a mended one, a person's stays a person's", () => {
  const model = { ...label, origin: 1 };
  expect(withPoint(model, 0, { x: 1, y: 1 }, VISIBLE).origin).toBe(2);
  expect(moved(model, 1, 1).origin).toBe(2);
  expect(moved(label, 1, 1).origin).toBe(0);
});

test("moving, turning and scaling are undone by their inverses", () => {
  const centre = { x: 7, y: -3 };
  const there = scaled(turned(moved(label, 3, 4), centre, 0.7), centre, 2.5);
  const back = moved(turned(scaled(there, centre, 1 / 2.5), centre, -0.7), -3, -4);
  for (const [k, x, y] of label.points) {
    const found = pointOf(back, k)!;
    if (x === null || y === null) expect(found.x).toBeNull();
    else {
      expect(found.x).toBeCloseTo(x, 9);
      expect(found.y).toBeCloseTo(y, 9);
    }
  }
});

test("a quarter turn carries right to down, as the screen has it", () => {
  const value = withPoint(null, 0, { x: 1, y: 0 }, VISIBLE);
  const at = pointOf(turned(value, { x: 0, y: 0 }, Math.PI / 2), 0)!;
  expect(at.x).toBeCloseTo(0);
  expect(at.y).toBeCloseTo(1);
});

test("left and right exchanged twice is nothing; states go along", () => {
  const swap = [-1, 2, 1, -1];
  const once = mirrored(label, swap);
  expect(pointOf(once, 2)).toEqual({ x: 30, y: 20, state: COVERED });
  expect(pointOf(once, 1)).toBeNull();
  expect(mirrored(once, swap)).toEqual(label);
});

test("an adopted prediction has its positions, and no point where it saw none", () => {
  const animal = {
    animal: null,
    name: "",
    score: 1,
    points: [[1, 2, 0.9], [null, null, 0.1], [3, 4, 0.2]] as [number | null, number | null, number][],
    covariance: null,
  };
  expect(adopted(animal)).toEqual({ origin: 2, points: [[0, 1, 2, 2], [2, 3, 4, 2]] });
});

test("a similarity carries a turned and scaled pose onto itself", () => {
  const pose: Pose = [{ x: 0, y: 0 }, { x: 10, y: 0 }, { x: 0, y: 5 }, null];
  const there = poseOf(scaled(turned(labelOf(pose, 0), { x: 3, y: 3 }, 1.1), { x: 0, y: 0 }, 1.7), 4);
  const by = similarity(pose, there)!;
  for (const [k, at] of pose.entries())
    if (at !== null) {
      expect(carry(by, at).x).toBeCloseTo(there[k]!.x, 9);
      expect(carry(by, at).y).toBeCloseTo(there[k]!.y, 9);
    }
  const shift = similarity(pose, [{ x: 7, y: 8 }, null, null, null])!;
  expect(carry(shift, { x: 1, y: 1 })).toEqual({ x: 8, y: 9 });
  expect(similarity(pose, [null, null, null, { x: 0, y: 0 }])).toBeNull();
});

test("the mean of one animal seen in many places is the animal", () => {
  const pose: Pose = [{ x: 0, y: 0 }, { x: 10, y: 0 }, { x: 0, y: 5 }, { x: -8, y: 1 }];
  const seen = [0.3, 1, 2, 4].map((angle) =>
    poseOf(turned(moved(labelOf(pose, 0), 50 * angle, 9), { x: 20, y: 5 }, angle), 4),
  );
  seen[1] = seen[1]!.map((at, k) => (k === 3 ? null : at));
  const mean = meanPose(seen)!;
  const distance = (of: Pose, a: number, b: number) =>
    Math.hypot(of[a]!.x - of[b]!.x, of[a]!.y - of[b]!.y);
  for (const [a, b] of [[0, 1], [0, 2], [1, 3]] as const)
    expect(distance(mean, a, b)).toBeCloseTo(distance(pose, a, b), 6);
  expect(meanPose([])).toBeNull();
  expect(meanPose([[null, null]])).toBeNull();
});

test("a pose is brought to the pointer", () => {
  const there = centredAt([{ x: 0, y: 0 }, { x: 4, y: 2 }, null], { x: 100, y: 50 });
  expect(there).toEqual([{ x: 98, y: 49 }, { x: 102, y: 51 }, null]);
});

test("distance of poses goes in parts of the animal, and needs a shared keypoint", () => {
  const pose: Pose = [{ x: 0, y: 0 }, { x: 30, y: 40 }];
  expect(apart(pose, pose.map((at) => at && { x: at.x + 5, y: at.y }))).toBeCloseTo(0.1);
  expect(apart(pose, [null, null])).toBe(Infinity);
});

test("interpolation is on the line, needs both ends, and is not a person's", () => {
  const last = moved(label, 10, 20);
  const middle = between({ frame: 10, value: label }, { frame: 20, value: last }, 13);
  expect(middle.origin).toBe(1);
  expect(pointOf(middle, 0)).toEqual({ x: 13, y: 26, state: VISIBLE });
  expect(pointOf(middle, 1)?.state).toBe(COVERED);
  expect(pointOf(middle, 3)).toBeNull();
});
