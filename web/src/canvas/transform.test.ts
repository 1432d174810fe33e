import { expect, test } from "vitest";
import {
  boxOf,
  clampTo,
  fit,
  fitBox,
  inside,
  keepInSight,
  MAX_ZOOM,
  pan,
  pinch,
  toScreen,
  toVideo,
  zoomAt,
} from "./transform";

const picture = { width: 640, height: 480 };
const stage = { width: 1000, height: 700 };

test("the centre of pixel (100, 200) is 100, 200 at every zoom and pan", () => {
  for (const zoom of [1, 3, 8, 0.7312])
    for (const offset of [0, 17, -311.37]) {
      const view = { zoom, x: offset, y: offset / 2 };
      // the pixel's square is [100, 101) × [200, 201) times the zoom
      const at = { x: view.x + 100.5 * zoom, y: view.y + 200.5 * zoom };
      expect(toVideo(view, at)).toEqual({ x: 100, y: 200 });
      const back = toScreen(view, { x: 100, y: 200 });
      expect(back.x).toBeCloseTo(at.x, 9);
      expect(back.y).toBeCloseTo(at.y, 9);
    }
});

test("a whole screen pixel is within half a pixel of the screen", () => {
  for (const zoom of [1, 3, 8])
    for (let dx = -0.5; dx <= 0.5; dx += 0.125) {
      const at = toScreen({ zoom, x: 3, y: 4 }, { x: 100, y: 200 });
      const found = toVideo({ zoom, x: 3, y: 4 }, { x: at.x + dx, y: at.y });
      expect(Math.abs(found.x - 100)).toBeLessThanOrEqual(0.5 / zoom + 1e-3);
    }
});

test("zooming keeps what lies below the pointer", () => {
  let view = fit(picture, stage);
  const pointer = { x: 313, y: 207 };
  const below = toVideo(view, pointer);
  for (const factor of [1.2, 3, 0.4, 1.7]) view = zoomAt(view, pointer, factor);
  expect(toVideo(view, pointer).x).toBeCloseTo(below.x, 2);
  expect(toVideo(view, pointer).y).toBeCloseTo(below.y, 2);
  expect(zoomAt(view, pointer, 1e9).zoom).toBe(MAX_ZOOM);
});

test("fit shows all corners", () => {
  const view = fit(picture, stage);
  for (const corner of [{ x: 0, y: 0 }, { x: 639, y: 479 }]) {
    const at = toScreen(view, corner);
    expect(at.x).toBeGreaterThan(0);
    expect(at.x).toBeLessThan(stage.width);
    expect(at.y).toBeGreaterThan(0);
    expect(at.y).toBeLessThan(stage.height);
  }
});

test("a pinch carries both points along", () => {
  const view = fit(picture, stage);
  const [a, b] = [{ x: 100, y: 100 }, { x: 200, y: 100 }];
  const [c, d] = [{ x: 50, y: 150 }, { x: 350, y: 150 }];
  const after = pinch(view, a, b, c, d);
  expect(after.zoom).toBeCloseTo(view.zoom * 3);
  expect(toVideo(after, c).x).toBeCloseTo(toVideo(view, a).x, 2);
  expect(toVideo(after, d).x).toBeCloseTo(toVideo(view, b).x, 2);
  expect(pinch(view, a, a, c, c).zoom).toBe(view.zoom);
});

test("the edges of the picture are those of its outer pixels", () => {
  expect(inside(picture, { x: -0.5, y: 0 })).toBe(true);
  expect(inside(picture, { x: -0.51, y: 0 })).toBe(false);
  expect(inside(picture, { x: 639.49, y: 479.49 })).toBe(true);
  expect(inside(picture, { x: 639.5, y: 0 })).toBe(false);
  expect(clampTo(picture, { x: -3, y: 900 })).toEqual({ x: 0, y: 479 });
});

test("a picture can not be lost by panning", () => {
  const lost = keepInSight(pan(fit(picture, stage), 9999, -9999), picture, stage);
  expect(lost.x).toBeLessThanOrEqual(stage.width - 48);
  expect(lost.y + picture.height * lost.zoom).toBeGreaterThanOrEqual(48);
});

test("an animal is brought to the middle", () => {
  const box = boxOf([{ x: 10, y: 20 }, { x: 30, y: 60 }]);
  expect(box).toEqual({ left: 10, top: 20, right: 30, bottom: 60 });
  const view = fitBox(box!, stage);
  const middle = toScreen(view, { x: 20, y: 40 });
  expect(middle.x).toBeCloseTo(500);
  expect(middle.y).toBeCloseTo(350);
  expect(boxOf([])).toBeNull();
});
