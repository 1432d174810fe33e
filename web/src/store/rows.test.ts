import { effect } from "@preact/signals";
import { beforeEach, expect, test } from "vitest";
import { fakeServer } from "../fake";
import type { Frame, InstanceValue } from "../types.gen";
import * as rows from "./rows";
import * as session from "./session";

const mouse = (x: number): InstanceValue => ({ origin: 0, points: [[0, x, 1, 2]] });

function said(video: number, frame: number, animals: [number, InstanceValue][] = []): Frame {
  const nothing = { seq: 1, time_s: 0, frame_row: null, prediction: null };
  return { video, frame, instances: animals, ...nothing };
}

beforeEach(() => {
  rows.setPending(() => []);
  session.individuals.value = [];
  session.suggestions.value = [];
});

test("a frame is asked for once, and again only when told to", async () => {
  const asked = fakeServer(({ path }) => ({ json: said(1, Number(path.split("/")[2])) }));
  await Promise.all([rows.loadFrame(1, 5), rows.loadFrame(1, 5)]);
  await rows.loadFrame(1, 5);
  expect(asked.length).toBe(1);
  await rows.loadFrame(1, 5, true);
  expect(asked.length).toBe(2);
});

test("changes make new objects and leave the old ones as they were", () => {
  const before = rows.takeFrame(said(2, 0, [[1, mouse(10)]]));
  rows.applyChanges([["instances", [2, 0, 1], mouse(20)]]);
  expect(before.instances.get(1)).toEqual(mouse(10));
  expect(rows.frameRows(2, 0).value.instances.get(1)).toEqual(mouse(20));
  rows.applyChanges([["instances", [2, 0, 1], null]]);
  expect(rows.frameRows(2, 0).value.instances.size).toBe(0);
});

test("own edits that wait stand on top of what the server says", () => {
  rows.setPending(() => [
    ["instances", [3, 0, 1], mouse(99)],
    ["instances", [3, 1, 1], mouse(77)],
  ]);
  expect(rows.takeFrame(said(3, 0, [[1, mouse(1)]])).instances.get(1)).toEqual(mouse(99));
});

test("what a row holds is found for every table", () => {
  rows.takeFrame({ ...said(4, 0, [[-1, mouse(3)]]), frame_row: { complete: 2, flag: 0, note: "" } });
  rows.applyChanges([
    ["individuals", [1], { name: "A" }],
    ["suggestions", [4, 0], { reason: "far", score: 0.5, rank: 3, done: 0 }],
  ]);
  expect(rows.rowValue("instances", [4, 0, -1])).toEqual(mouse(3));
  expect(rows.rowValue("instances", [4, 0, 7])).toBeNull();
  expect(rows.rowValue("frames", [4, 0])).toEqual({ complete: 2, flag: 0, note: "" });
  expect(rows.rowValue("individuals", [1])).toEqual({ name: "A" });
  expect(rows.rowValue("suggestions", [4, 0])).toEqual({
    reason: "far",
    score: 0.5,
    rank: 3,
    done: 0,
  });
  rows.applyChanges([["suggestions", [4, 0], null]]);
  expect(rows.rowValue("suggestions", [4, 0])).toBeNull();
});

test("an answer that a change overtook does not take the change back", async () => {
  session.seq.value = 4;
  let asked = 0;
  fakeServer(() => {
    asked += 1;
    if (asked === 1) {
      session.seq.value = 5; // while the server's older answer is on its way
      rows.applyChanges([["instances", [9, 0, 1], mouse(50)]]);
      return { json: { ...said(9, 0), seq: 4 } };
    }
    return { json: { ...said(9, 0, [[1, mouse(50)]]), seq: 5 } };
  });
  expect((await rows.loadFrame(9, 0)).instances.get(1)).toEqual(mouse(50));
  expect(asked).toBe(2);
});

test("marks follow the rows, also of frames that were never loaded", async () => {
  fakeServer(() => ({ json: { video: 5, frame: [3], animals: [2], complete: [1], flag: [0] } }));
  await rows.loadMarks(5);
  const mark = (frame: number) => rows.marks(5).value.get(frame);
  expect(mark(3)).toEqual({ animals: 2, complete: 1, flag: 0 });
  rows.takeFrame(said(5, 8));
  rows.applyChanges([["instances", [5, 8, 1], mouse(1)]]);
  rows.applyChanges([["instances", [5, 8, 1], mouse(2)]]);
  expect(mark(8)?.animals).toBe(1);
  rows.applyChanges([["frames", [5, 8], { complete: 1, flag: 1, note: "" }]]);
  expect(mark(8)).toEqual({ animals: 1, complete: 1, flag: 1 });
  rows.applyChanges([
    ["instances", [5, 8, 1], null],
    ["frames", [5, 8], null],
  ]);
  expect(mark(8)).toBeUndefined();
  rows.applyChanges([["instances", [5, 70, 1], mouse(1)]]);
  expect(mark(70)?.animals).toBe(1);
});

test("memory does not grow with the number of frames that were seen", () => {
  const first = rows.frameRows(6, 0);
  for (let i = 0; i < 2000; i++) rows.frameRows(6, i);
  expect(rows.frameRows(6, 0)).not.toBe(first);
  expect(rows.frameRows(6, 1999)).toBe(rows.frameRows(6, 1999));
});

test("forgetting frames ends, though those who look at them read them again", () => {
  const place = { video: 71, frame: 3 };
  rows.frameRows(71, 4);
  let seen = 0;
  const stop = effect(() => {
    void rows.frameRows(place.video, place.frame).value;
    if (++seen > 20) throw new Error("it never ends");
  });
  rows.forgetFrames();
  expect(seen).toBe(2);
  stop();
});
