import { expect, test } from "vitest";
import { filtered, neighbour, nextOpen, progressOf, queueOf } from "./queue";

const mark = (complete: number, animals = 1, flag = 0) => ({ complete, animals, flag });
const suggestion = (video: number, frame: number, holder: string | null = null) => ({
  video,
  frame,
  reason: "k-means",
  score: 0.5,
  rank: frame,
  done: false,
  holder,
});

const marks = new Map([
  [1, new Map([[40, mark(1)], [12, mark(2)], [99, mark(-1, 0, 1)]])],
  [2, new Map([[3, mark(1, 0)]])],
]);
const queue = queueOf([suggestion(1, 70), suggestion(1, 12), suggestion(2, 1, "Mei")], marks);

test("suggested and marked frames are one list in order, each once", () => {
  expect(queue.map((one) => [one.video, one.frame])).toEqual([[1, 12], [1, 40], [1, 70], [1, 99], [2, 1], [2, 3]]);
  expect(queue[0]).toMatchObject({ reason: "k-means", progress: "draft" });
  expect(queue[1]).toMatchObject({ reason: "", progress: "done" });
});

test("a frame without animals that is done is done", () => {
  expect(progressOf(mark(1, 0))).toBe("done");
  expect(progressOf(mark(0))).toBe("draft");
  expect(progressOf(mark(-1, 0, 1))).toBe("open");
  expect(progressOf(undefined)).toBe("open");
});

test("filters split the list into parts that make the whole", () => {
  const parts = (["open", "draft", "done"] as const).map((filter) => filtered(queue, filter).length);
  expect(parts).toEqual([3, 1, 2]);
  expect(filtered(queue, "all")).toHaveLength(6);
  expect(filtered(queue, "flag").map((one) => one.frame)).toEqual([99]);
});

test("J and K go from where one is, also between frames of the queue", () => {
  expect(neighbour(queue, { video: 1, frame: 50 }, 1)?.frame).toBe(70);
  expect(neighbour(queue, { video: 1, frame: 50 }, -1)?.frame).toBe(40);
  expect(neighbour(queue, { video: 1, frame: 12 }, -1)).toBeNull();
  expect(neighbour(queue, { video: 1, frame: 99 }, 1)).toMatchObject({ video: 2, frame: 1 });
});

test("Enter skips what is done or held by somebody, and begins anew at the end", () => {
  expect(nextOpen(queue, { video: 1, frame: 12 })?.frame).toBe(70);
  expect(nextOpen(queue, { video: 1, frame: 99 })).toMatchObject({ video: 1, frame: 12 });
  expect(nextOpen([], { video: 1, frame: 0 })).toBeNull();
});
