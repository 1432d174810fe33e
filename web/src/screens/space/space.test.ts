import { expect, test } from "vitest";
import type { FrameRows } from "../../store/rows";
import { frameOf } from "./clock";
import { draw, floor, seen, type Eye } from "./orbit";
import { unpack } from "./packed";
import { animalKey, changesOf, labelOf } from "./teach";

const late = { lag: 0, drift: 0, drops: [], skips: [] };

test("views are late by whole frames and by parts", () => {
  expect(frameOf(late, 10, 100)).toBe(10);
  expect(frameOf({ ...late, lag: 2.4 }, 10, 100)).toBe(12);
  expect(frameOf({ ...late, lag: -3 }, 2, 100)).toBeNull();
  expect(frameOf({ ...late, lag: 5, drift: 0.01 }, 200, 300)).toBe(207);
});

test("a lost frame is missing, and what follows keeps its place", () => {
  const view = { ...late, drops: [[4, 2]] as [number, number][] }; // its frame 4 comes after a gap
  const frames = Array.from({ length: 8 }, (_, t) => frameOf(view, t, 100));
  expect(frames).toEqual([0, 1, 2, 3, null, null, 4, 5]);
  const clock = { ...late, skips: [[3, 1]] as [number, number][] }; // the clock lost one itself
  expect([2, 3, 4].map((t) => frameOf(clock, t, 100))).toEqual([2, 4, 5]);
});

test("points come out of their bytes", () => {
  const [f, n, j, v] = [2, 1, 2, 2];
  const data = new DataView(new ArrayBuffer(20 + 4 * f * n * j * (10 + 5 * v)));
  [f, n, j, v, 32].forEach((one, k) => data.setUint32(4 * k, one, true));
  for (let k = 0; k < f * n * j * (10 + 5 * v); k++) data.setFloat32(20 + 4 * k, k, true);
  data.setFloat32(20, NaN, true);
  const got = unpack(data.buffer);
  expect(got.first).toBe(32);
  expect(got.moments.length).toBe(2);
  expect(got.moments[0]![0]![0]!.xyz).toBeNull();
  expect(got.moments[1]![0]![1]!.xyz).toEqual([9, 10, 11]);
  expect(got.moments[0]![0]![0]!.views[1]!.at).toEqual({ x: 41, y: 49 });
});

test("turning the eye leaves the middle in the middle", () => {
  for (const turn of [0, 1, 4]) {
    const eye: Eye = { turn, rise: 0.4, across: 10, middle: [3, 4, 5], up: [0, 0, 1] };
    const place = seen(eye, 200, 100);
    expect(place([3, 4, 5])).toMatchObject({ x: 100, y: 50 });
    expect(place([3, 4, 6]).y).toBeLessThan(50);
  }
  const [a, b] = floor([0, 1, 0]);
  expect(a[1]).toBeCloseTo(0);
  expect(b[1]).toBeCloseTo(0);
  expect(draw).toBeTypeOf("function");
});

const empty: FrameRows = { video: 2, frame: 7, loaded: true, instances: new Map(), row: null, prediction: null };

test("a reconstructed animal becomes a label, covered where the view did not see it", () => {
  const told = [{ at: { x: 1, y: 2 }, seen: true }, { at: { x: 3, y: 4 }, seen: false }, { at: null, seen: false }];
  const value = labelOf(told, [1, 0, 2], null);
  expect(value).toEqual({ origin: 2, points: [[0, 3, 4, 1], [1, 1, 2, 2]] });
  const changes = changesOf(empty, 1, value);
  expect(changes.map((one) => one.table)).toEqual(["instances", "frames"]);
  const done = { ...empty, row: { complete: 1, flag: 0, note: "" } };
  expect(changesOf(done, 1, value).length).toBe(1);
  expect(labelOf([{ at: null, seen: false }], [0], value).points).toEqual(value.points);
});

test("animals keep their names, a lone one is the project's only one", () => {
  const all = [{ id: 4, name: "mouse" }];
  expect(animalKey("mouse", 1, 2, all)).toBe(4);
  expect(animalKey("animal", 0, 1, all)).toBe(4);
  expect(animalKey("rat", 1, 2, all)).toBe(-2);
});
