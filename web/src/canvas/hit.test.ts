import { expect, test } from "vitest";
import { ellipse, paintOf, type Figure } from "./figure";
import { boxOnStage, hitHandle, hitMarker, lever, middle } from "./hit";

const view = { zoom: 2, x: 10, y: 20 };

function figure(key: string, spots: [number, number][], guess = false): Figure {
  return {
    key,
    colour: "#fff",
    dash: false,
    name: key,
    guess,
    spots: spots.map(([x, y]) => ({ x, y, shape: "disc" as const })),
  };
}

const on = (x: number, y: number) => ({ x: (x + 0.5) * 2 + 10, y: (y + 0.5) * 2 + 20 });

test("a mouse reaches 10 px, a finger 24", () => {
  const figures = [figure("1", [[50, 50]])];
  const at = { x: on(50, 50).x + 10, y: on(50, 50).y };
  expect(hitMarker(figures, view, at, "mouse", null)).toMatchObject({ figure: "1", keypoint: 0 });
  expect(hitMarker(figures, view, { x: at.x + 0.1, y: at.y }, "mouse", null)).toBeNull();
  expect(hitMarker(figures, view, { x: at.x + 14, y: at.y }, "touch", null)).not.toBeNull();
  expect(hitMarker(figures, view, { x: at.x + 14.1, y: at.y }, "touch", null)).toBeNull();
});

test("the nearest marker wins, the selected animal's at nearly the same place", () => {
  const figures = [figure("1", [[50, 50]]), figure("2", [[51, 50]])];
  expect(hitMarker(figures, view, on(50, 50), "mouse", null)).toMatchObject({ figure: "1" });
  expect(hitMarker(figures, view, on(51, 50), "mouse", null)).toMatchObject({ figure: "2" });
  expect(hitMarker(figures, view, on(50, 50), "mouse", "2")).toMatchObject({ figure: "2" });
});

test("a label lies above the prediction that it was made of", () => {
  const figures = [figure("g", [[50, 50]], true), figure("1", [[50, 50]])];
  expect(hitMarker(figures, view, on(50, 50), "mouse", null)).toMatchObject({ figure: "1" });
});

test("the box has a lever, corners and a line, and nothing inside", () => {
  const animal = figure("1", [[10, 10], [60, 40]]);
  const box = boxOnStage(animal, view)!;
  const part = (x: number, y: number) => {
    const hit = hitHandle(animal, view, { x, y }, "mouse");
    return hit?.kind === "handle" ? hit.part : null;
  };
  expect(part(lever(box).x, lever(box).y)).toBe("turn");
  expect(part(box.left, box.bottom)).toBe("scale");
  expect(part((box.left + box.right) / 2, box.bottom + 3)).toBe("move");
  expect(part((box.left + box.right) / 2, (box.top + box.bottom) / 2)).toBeNull();
  expect(part(box.right + 30, box.bottom + 30)).toBeNull();
  expect(middle(animal)).toEqual({ x: 35, y: 25 });
  expect(boxOnStage(figure("1", [[1, 1]]), view)).toBeNull();
});

test("the ellipse has the eigenvectors of the covariance", () => {
  // variances 9 and 1, turned by 30 degrees
  const [c, s] = [Math.cos(Math.PI / 6), Math.sin(Math.PI / 6)];
  const found = ellipse({ xx: 9 * c * c + s * s, xy: 8 * c * s, yy: 9 * s * s + c * c });
  expect(found.a).toBeCloseTo(3);
  expect(found.b).toBeCloseTo(1);
  expect(found.angle).toBeCloseTo(Math.PI / 6);
});

test("the ninth animal has the first colour again, dashed", () => {
  expect(paintOf(8)).toEqual({ ...paintOf(0), dash: true });
  expect(new Set([...Array(8).keys()].map((n) => paintOf(n).colour)).size).toBe(8);
});
