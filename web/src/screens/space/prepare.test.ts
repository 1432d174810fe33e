import { expect, test } from "vitest";
import { clocksOf, filmNamed } from "./prepare";

const films = [
  { id: 1, name: "mouse-cam_1.mp4" },
  { id: 2, name: "mouse-cam_10.mp4" },
  { id: 3, name: "top.mp4" },
  { id: 4, name: "top 2.mp4" },
];

test("a film belongs to the camera whose name it holds as a word", () => {
  expect(filmNamed("cam_1", films)).toBe(1);
  expect(filmNamed("Cam_10", films)).toBe(2);
  expect(filmNamed("side", films)).toBeNull();
  expect(filmNamed("top", films)).toBeNull(); // two could be meant
  expect(filmNamed("mp4", films)).toBeNull(); // the ending names nobody
  expect(filmNamed("c.m_1", films)).toBeNull();
});

test("what a synchronization found becomes offsets of films", () => {
  const found = {
    lags: { top: 0, side: 3.25, back: null },
    drift: { top: 0, side: 1e-4, back: null },
    dropped: [
      { view: "side", frame: 40, frames: 2, span: [38, 41] },
      { view: "top", frame: 7, frames: 1, span: [7, 7] },
    ],
    reference: "top",
    videos: { top: 5, side: 6, back: 7 },
  };
  expect(clocksOf(found)).toEqual([
    { video: 5, lag: 0, drift: 0, drops: [], skips: [] },
    { video: 6, lag: 3.25, drift: 1e-4, drops: [[40, 2]], skips: [[7, 1]] },
    { video: 7, lag: 0, drift: 0, drops: [], skips: [[7, 1]] },
  ]);
  expect(clocksOf(null)).toEqual([]);
  expect(clocksOf({ cameras: 3 })).toEqual([]);
});
