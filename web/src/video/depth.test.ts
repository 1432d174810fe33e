import { expect, test } from "vitest";
import { moved, readLevels, through } from "./depth";
import { frameUrl, Frames } from "./frames";

const video = { id: 1, fingerprint: "ab", frames: 9 };

test("levels are read little-endian", () => {
  const view = new DataView(new ArrayBuffer(12));
  [65535, 300, 4096].forEach((value, i) => view.setUint32(4 * i, value, true));
  expect(readLevels(view.buffer)).toEqual({ top: 65535, low: 300, high: 4096 });
});

test("white stays above black, and both within the range", () => {
  const window = { low: 100, high: 200 };
  expect(moved(window, "low", 150.4, 4095)).toEqual({ low: 150, high: 200 });
  expect(moved(window, "low", 900, 4095)).toEqual({ low: 900, high: 901 });
  expect(moved(window, "high", 50, 4095)).toEqual({ low: 49, high: 50 });
  expect(moved(window, "low", 9999, 4095)).toEqual({ low: 4094, high: 4095 });
  expect(moved(window, "high", -5, 4095)).toEqual({ low: 0, high: 1 });
});

test("each window has its own pictures, and none the stored ones", async () => {
  const seen = through(video, { low: 5, high: 90 });
  expect(through(video, null)).toBe(video);
  expect(frameUrl(seen, 3)).toMatch(/frames\/3\.jpg\?lo=5&hi=90$/);
  expect(frameUrl(video, 3)).toMatch(/frames\/3\.jpg$/);
  const picture = { width: 1, height: 1 } as ImageBitmap;
  const frames = new Frames(async () => picture);
  frames.prefetch = false;
  frames.aim({}, seen, 3);
  await new Promise((done) => setTimeout(done));
  expect(frames.at(seen, 3)).toEqual({ kind: "picture", picture });
  expect(frames.at(video, 3)).toBeNull();
});
