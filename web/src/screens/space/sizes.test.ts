import { expect, test } from "vitest";
import type { XYZ } from "./cameras";
import { floor, plus, seen, type Eye } from "./orbit";
import type { Moment } from "./packed";
import { standing } from "./sizes";

const UP: XYZ = [0, -1, 0];
const [WIDTH, HEIGHT] = [400, 300];

/** A small animal at a height; with the eye that "fit" gives. */
function at(height: number): { points: XYZ[]; eye: Eye; floor: number } {
  const points: XYZ[] = [[500, -height, 300], [560, -height - 30, 300], [520, -height - 10, 340]];
  const moment = [points.map((xyz) => ({ xyz, views: [] }))] as unknown as Moment;
  const now = standing(moment, UP);
  return { points, eye: { turn: 0.7, rise: 0.5, up: UP, ...now }, floor: now.floor };
}

test.each([0, 40, 100, -20, 5000, -900])("an animal %s above 0 and the floor below it are in the picture", (height) => {
  const { points, eye, floor: base } = at(height);
  const place = seen(eye, WIDTH, HEIGHT);
  const below: XYZ = [eye.middle[0], -base, eye.middle[2]];
  const [a, b] = floor(UP);
  const around = [a, b].flatMap((way) => [0.1, -0.1].map((far) => plus(below, way, far * eye.across)));
  for (const spot of [...points, below, ...around]) {
    const { x, y } = place(spot);
    expect(x).toBeGreaterThan(0);
    expect(x).toBeLessThan(WIDTH);
    expect(y).toBeGreaterThan(0);
    expect(y).toBeLessThan(HEIGHT);
  }
});

test("the floor is at 0 where the animal is near it, else below the animal", () => {
  expect(at(40).floor).toBe(0);
  expect(at(5000).floor).toBeCloseTo(5000);
  expect(at(-900).floor).toBeCloseTo(-900);
});
