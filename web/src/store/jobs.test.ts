import { beforeEach, expect, test } from "vitest";
import type { Job } from "../types.gen";
import * as jobs from "./jobs";
import { toasts } from "./toasts";

function job(id: string, state: Job["state"], more: Partial<Job> = {}): Job {
  const times = { created: `2026-01-01T00:00:0${id}Z`, started: null, ended: null };
  const course = { done: 0, total: 0, item: "", seconds_left: null };
  const rest = { result: null, problem: null, config: {}, inputs: {} };
  return { id, stage: "train", title: `Training ${id}`, state, by: "", ...times, ...course, ...rest, ...more };
}

beforeEach(() => {
  jobs.jobs.value = [];
  toasts.value = [];
});

test("the newest job stands first, what runs is shown before what waits", () => {
  jobs.takeJob(job("1", "running"));
  jobs.takeJob(job("3", "queued"));
  jobs.takeJob(job("2", "done"));
  expect(jobs.jobs.value.map((one) => one.id)).toEqual(["3", "2", "1"]);
  expect(jobs.active.value.map((one) => one.id)).toEqual(["1", "3"]);
});

test("a deleted job is gone, and its end is not told", () => {
  jobs.takeJob(job("1", "running"));
  jobs.takeJob(job("2", "done"));
  jobs.dropJob("1");
  expect(jobs.jobs.value.map((one) => one.id)).toEqual(["2"]);
  expect(toasts.value).toEqual([]);
});

test("percent is known where the number of steps is", () => {
  expect(jobs.percent(job("1", "running"))).toBeNull();
  expect(jobs.percent(job("1", "running", { done: 63, total: 100 }))).toBe(63);
  expect(jobs.percent(job("1", "running", { done: 101, total: 100 }))).toBe(100);
});

test("the end of a job is told once, with its reason", () => {
  const ended: string[] = [];
  jobs.onEnd((one) => ended.push(one.id));
  const problem = { code: "memory", message: "Too little memory.", hint: "Halve the batch.", theirs: [] };
  jobs.takeJob(job("1", "running"));
  jobs.takeJob(job("1", "failed", { problem }));
  jobs.takeJob(job("1", "failed", { problem }));
  jobs.takeJob(job("2", "done")); // ended before this page began
  expect(ended).toEqual(["1"]);
  expect(toasts.value.map((one) => one.text)).toEqual([
    "Training 1 failed. Too little memory. Halve the batch.",
  ]);
});
