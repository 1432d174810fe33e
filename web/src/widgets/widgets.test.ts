import { expect, test } from "vitest";
import { draftOf } from "../store/skeletons";
import type { LogLine } from "../types.gen";
import { spots } from "./bones";
import { stepsBack } from "./history";
import { inSight } from "./list";
import { score, typedFrame } from "./palette";
import { consequences } from "./skeleton";

test("a list draws what is in sight and a little more, however long it is", () => {
  expect(inSight(0, 100, 20, 1_000_000)).toEqual([0, 9]);
  const [first, stop] = inSight(2000, 100, 20, 1_000_000);
  expect(first).toBeLessThanOrEqual(100);
  expect(stop).toBeGreaterThanOrEqual(105);
  expect(inSight(2000, 100, 20, 3)[1]).toBe(3);
});

test("the palette finds words in any order, beginnings first", () => {
  expect(score("Undo my last edit", "last un")).toBeGreaterThan(0);
  expect(score("Undo my last edit", "redo")).toBe(0);
  expect(score("Next frame", "next")).toBeGreaterThan(score("Go to the next", "next"));
  expect(score("anything", "")).toBeGreaterThan(0);
});

test.each([
  ["812", 812],
  ["f812", 812],
  ["frame 54 000", 54000],
  ["54\u202f000", 54000],
  ["f8a", null],
  ["", null],
])("“%s” is frame %s", (typed, frame) => expect(typedFrame(typed)).toBe(frame));

test("undo to a line takes my standing edits above it, not others' and no undos", () => {
  const line = (seq: number, by: string, more: Partial<LogLine> = {}): LogLine => {
    return { seq, by, at: "", action: "", target: null, places: [], rows: 1, standing: true, ...more };
  };
  const log = [
    line(9, "me"),
    line(8, "Mei"),
    line(7, "me", { standing: false }),
    line(6, "me", { action: "undo", target: 7 }),
    line(5, "me"),
    line(4, "me"),
  ];
  expect(stepsBack(log, log[5]!, "me")).toBe(2);
  expect(stepsBack(log, log[0]!, "me")).toBe(0);
  expect(stepsBack(log, log[5]!, "Mei")).toBe(1);
});

const PAIR = { name: "a", keypoints: ["nose", "tail"], parent: [-1, 0], swap: [-1, -1], edges: [] };

test("keypoints of the editor stand where the labelled animal has them, new ones on a circle", () => {
  const { rows } = draftOf(PAIR);
  rows.push({ name: "hip", was: -1, parent: null, pair: null });
  const all = spots(rows, [[0, 30, 40, 2], [1, null, null, 0]], [100, 100]);
  expect([all[0]!.x, all[0]!.y]).toEqual([30, 40]);
  for (const one of all.slice(1)) expect(Math.hypot(one.x - 50, one.y - 50)).toBeCloseTo(38);
});

test("the editor says what goes and what is new", () => {
  expect(consequences([0, 1], PAIR)).toEqual([]);
  expect(consequences([1, -1], PAIR)).toEqual([
    "1 keypoint will be unset in all labels.",
    "The points of nose go from all labels.",
  ]);
});
