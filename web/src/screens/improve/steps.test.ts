import { expect, test } from "vitest";
import type { Job, Round } from "../../types.gen";
import { missing, stripOf, trainingOf, type Course } from "./steps";

const round = (number: number, labels: number): Round => ({
  number, run: `train-${number}`, labels, minutes: 3, p50_px: 4, p95_px: 14, fixes_per_frame: null, seconds_per_frame: null,
});
const job = (stage: string, done = 0, total = 0): Job => ({
  id: `${stage}-1`, stage, title: stage, state: "running", by: "", created: "", started: null, ended: null,
  done, total, item: "", seconds_left: null, result: null, problem: null, config: {}, inputs: {},
});
const course = (more: Partial<Course> = {}): Course => ({
  done: 0, queue: { done: 0, total: 0 }, rounds: [], training: null, predicting: null, suggesting: null, predicted: null, ...more,
});
const told = (more: Partial<Course>) => {
  const strip = stripOf(course(more));
  return [strip.round, strip.steps.map((s) => `${s.text} ${s.state}`).join(", "), strip.next?.name ?? null];
};

test("an afternoon, step by step", () => {
  expect(told({})).toEqual([1, "Label 0 now, Train later, Predict later, Correct later", "suggest"]);
  const queue = { done: 6, total: 20 };
  expect(told({ done: 6, queue })).toEqual([1, "Label 6 now, Train later, Predict later, Correct later", "label"]);
  expect(told({ done: 10, queue })).toEqual([1, "Label 10 done, Train now, Predict later, Correct later", "train"]);
  expect(told({ done: 10, queue, training: job("train", 63, 100) })).toEqual([
    1, "Label 10 done, Train 63 % now, Predict later, Correct later", "label",
  ]);
  const rounds = [round(1, 10)];
  expect(told({ done: 10, queue, rounds })).toEqual([
    1, "Label 10 done, Train done, Predict now, Correct 6 of 20 later", "predict",
  ]);
  expect(told({ done: 10, queue, rounds, predicting: job("predict-frames", 2, 4) })).toEqual([
    1, "Label 10 done, Train done, Predict 50 % now, Correct 6 of 20 later", null,
  ]);
  const predicted = "train-1";
  expect(told({ done: 10, queue, rounds, predicted })).toEqual([
    1, "Label 10 done, Train done, Predict done, Correct 6 of 20 now", "correct",
  ]);
  expect(told({ done: 24, queue: { done: 20, total: 20 }, rounds, predicted })).toEqual([
    2, "Label 24 done, Train now, Predict later, Correct 20 of 20 later", "train",
  ]);
});

test("the second training may be waited for with corrections", () => {
  const now = { done: 24, queue: { done: 2, total: 20 }, rounds: [round(1, 10)], predicted: "train-1" };
  expect(told({ ...now, training: job("train", 1, 4) })).toEqual([
    2, "Label 24 done, Train 25 % now, Predict later, Correct 2 of 20 later", "correct",
  ]);
});

test("a trained network without a queue asks for frames", () => {
  expect(told({ done: 12, rounds: [round(1, 12)] })[2]).toBe("suggest");
  expect(told({ done: 12, rounds: [round(1, 12)], suggesting: job("suggest") })[2]).toBeNull();
});

test("it says how many frames are missing", () => {
  expect(missing(6)).toBe("label 10 frames: 4 to go");
  expect(missing(10)).toBeNull();
});

test("guesses are of the training that made them, whoever asked for them and however", () => {
  const plain = { ...job("predict-frames"), state: "done" as const, result: { run: "train-1", frames: 2 } };
  const chosen = { ...plain, result: null, inputs: { run: "train-2" } };
  expect(trainingOf("predict-frames-1", [plain])).toBe("train-1");
  expect(trainingOf("predict-frames-1", [chosen])).toBe("train-2");
  const done = (id: string, ended: string) => ({ ...job("train"), id, ended, state: "done" as const });
  const old = { ...plain, result: { frames: 2 }, started: "2026-01-03" }; // before jobs said which
  const trainings = [done("train-1", "2026-01-01"), done("train-2", "2026-01-02"), done("train-3", "2026-01-04")];
  expect(trainingOf("predict-frames-1", [old, ...trainings])).toBe("train-2");
  expect(trainingOf("train-3", [job("train")])).toBe("train-3"); // the training looked itself
});
