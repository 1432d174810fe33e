import { expect, test } from "vitest";
import { AS_STORED, autoLevels, histogram, plain, table, tone } from "./picture";

const greys = Array.from({ length: 256 }, (_, i) => i / 255);

test("as stored, every grey is itself", () => {
  for (const grey of greys) expect(tone(AS_STORED, grey)).toBeCloseTo(grey, 9);
  expect(plain(AS_STORED)).toBe(true);
  expect(plain({ ...AS_STORED, gamma: 1.1 })).toBe(false);
});

test("invert exchanges black and white, twice is nothing", () => {
  const levels = { ...AS_STORED, invert: true };
  for (const grey of greys) expect(tone(levels, tone(levels, grey))).toBeCloseTo(grey, 9);
});

test("no setting turns the order of greys around, except invert", () => {
  for (const gamma of [0.2, 1, 5])
    for (const contrast of [-1, 0, 0.9, 1]) {
      const shown = greys.map((grey) => tone({ ...AS_STORED, gamma, contrast }, grey));
      for (let i = 1; i < shown.length; i++) expect(shown[i]).toBeGreaterThanOrEqual(shown[i - 1]!);
      expect(Math.min(...shown)).toBeGreaterThanOrEqual(0);
      expect(Math.max(...shown)).toBeLessThanOrEqual(1);
    }
});

test("γ above 1 lifts the shadows", () => {
  expect(tone({ ...AS_STORED, gamma: 2 }, 0.25)).toBeCloseTo(0.5);
});

test("auto levels stretch the range that is used", () => {
  // 1,000 pixels between greys 60 and 180, and two outliers
  const pixels = new Uint8ClampedArray(1002 * 4);
  for (let i = 0; i < 1000; i++) pixels.fill(60 + (i % 121), i * 4, i * 4 + 3);
  pixels.fill(255, 1000 * 4, 1001 * 4);
  const { low, high } = autoLevels(histogram(pixels));
  expect(low * 255).toBeCloseTo(60, 0);
  expect(high * 255).toBeCloseTo(180, 0);
  const levels = { ...AS_STORED, low, high };
  expect(tone(levels, 60 / 255)).toBeCloseTo(0, 1);
  expect(tone(levels, 180 / 255)).toBeCloseTo(1, 1);
});

test("a picture of one grey keeps its grey", () => {
  expect(autoLevels(histogram(new Uint8ClampedArray(400).fill(90)))).toEqual({ low: 0, high: 1 });
  expect(autoLevels(new Uint32Array(256))).toEqual({ low: 0, high: 1 });
});

test("the table begins and ends where the tone does", () => {
  const values = table({ ...AS_STORED, gamma: 2 }).split(" ").map(Number);
  expect(values[0]).toBe(0);
  expect(values.at(-1)).toBe(1);
  expect(values[16]).toBeCloseTo(0.5);
});
