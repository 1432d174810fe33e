import { effect } from "@preact/signals";
import { afterAll, beforeAll, beforeEach, expect, test, vi } from "vitest";
import { fakeServer } from "../fake";
import type { Change, Frame, InstanceValue } from "../types.gen";
import * as rows from "./rows";
import * as session from "./session";
import * as view from "./view";

const mouse = (x: number): InstanceValue => ({ origin: 0, points: [[0, x, 1, 2]] });

function said(video: number, frame: number, animals: [number, InstanceValue][] = []): Frame {
  const nothing = { seq: 1, time_s: 0, frame_row: null, prediction: null };
  return { video, frame, instances: animals, ...nothing };
}

beforeAll(() => void vi.useFakeTimers());
afterAll(() => void vi.useRealTimers());
beforeEach(() => {
  rows.setOwn(() => []);
  session.heard.value = 0;
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
  const place = (frame: number, x: number): Change => {
    return { table: "instances", key: [3, frame, 1], saw: null, value: mouse(x) };
  };
  rows.setOwn(() => [place(0, 99), place(1, 77)]);
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

test("an answer that news overtook does not take them back, and is asked for once", async () => {
  let asked = 0;
  fakeServer(() => {
    asked += 1;
    rows.hear(5, [["instances", [9, 0, 1], mouse(50)]]); // while the older answer is on its way
    return { json: { ...said(9, 0, [[2, mouse(2)]]), seq: 4 } };
  });
  const { instances } = await rows.loadFrame(9, 0);
  expect([...instances]).toEqual([[2, mouse(2)], [1, mouse(50)]]);
  expect(asked).toBe(1);
});

test("news that an answer holds already are not applied to it again", async () => {
  fakeServer(() => {
    rows.hear(5, [["instances", [9, 1, 1], mouse(50)]]);
    return { json: { ...said(9, 1, [[1, mouse(60)]]), seq: 6 } }; // 6 moved it to 60
  });
  expect((await rows.loadFrame(9, 1)).instances.get(1)).toEqual(mouse(60));
});

test("an older answer that comes after a newer one changes nothing", () => {
  rows.takeFrame({ ...said(9, 2, [[1, mouse(8)]]), seq: 8 });
  rows.takeFrame({ ...said(9, 2, [[1, mouse(7)]]), seq: 7 });
  expect(rows.frameRows(9, 2).value.instances.get(1)).toEqual(mouse(8));
});

test("answers about a log that was replaced are asked for again", async () => {
  let asked = 0;
  fakeServer(() => {
    if (++asked === 1) rows.forgetLog();
    return { json: { ...said(9, 3, [[1, mouse(asked)]]), seq: 90 - asked } };
  });
  expect((await rows.loadFrame(9, 3)).instances.get(1)).toEqual(mouse(2));
});

test("a frame for which nobody answers can be asked for again", async () => {
  fakeServer(() => new Promise(() => undefined)); // a frozen server
  const failed = rows.loadFrame(9, 4).then(() => "answered", (error: unknown) => String(error));
  await vi.advanceTimersByTimeAsync(31_000);
  expect(await failed).toContain("does not answer");
});

test("marks follow the rows, also of frames that are not here", async () => {
  const asked = fakeServer(({ path }) => {
    const of = { video: 5, seq: 9, flag: [0] };
    if (path.includes("from=70&to=71"))
      return { json: { ...of, frame: [70, 71], animals: [2, 1], complete: [2, 2], flag: [0, 0] } };
    return { json: { ...of, frame: [3], animals: [2], complete: [1] } };
  });
  await vi.advanceTimersByTimeAsync(20_000); // what tests before this one left
  asked.splice(0);
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
  // somebody moves an animal that was there: how many there are only the server knows
  for (const x of [1, 2, 3]) rows.applyChanges([["instances", [5, 70, 1], mouse(x)]]);
  rows.applyChanges([["instances", [5, 71, 1], mouse(1)]]);
  await vi.advanceTimersByTimeAsync(1000);
  expect(asked.length).toBe(2);
  expect([mark(70)?.animals, mark(71)?.animals, mark(3)?.animals]).toEqual([2, 1, 2]);
});

test("marks that are read while an edit waits do not take it back", async () => {
  fakeServer(() => ({ json: { video: 6, seq: 9, frame: [], animals: [], complete: [], flag: [] } }));
  const done: Change = { table: "frames", key: [6, 5], saw: null, value: { complete: 1, flag: 0, note: "" } };
  const new_: Change = { table: "instances", key: [6, 5, 1], saw: null, value: mouse(1) };
  rows.setOwn(() => [done, new_]);
  await rows.loadMarks(6);
  expect(rows.marks(6).value.get(5)).toEqual({ animals: 1, complete: 1, flag: 0 });
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

test("the frame on the screen hears news however many others were read", async () => {
  fakeServer(({ path }) => ({ json: said(41, Number(path.split("/")[2])) }));
  [view.video.value, view.frame.value] = [41, 0];
  const shown = rows.frameRows(41, 0);
  await rows.loadFrame(41, 0);
  for (let frame = 1; frame < 700; frame++) await rows.loadFrame(41, frame);
  rows.applyChanges([["frames", [41, 0], { complete: 1, flag: 0, note: "" }]], 5);
  expect(shown.value.row).toEqual({ complete: 1, flag: 0, note: "" });
  view.video.value = null;
});
