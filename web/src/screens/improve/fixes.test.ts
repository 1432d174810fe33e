import { expect, test } from "vitest";
import type { Job, Problem } from "../../types.gen";
import { fixOf } from "./fixes";

function failed(code: string, more: Partial<Job> = {}): Job {
  const problem: Problem = { code, message: "the memory was not enough", hint: "", theirs: [] };
  const times = { created: "", started: null, ended: null };
  const course = { done: 0, total: 0, item: "", seconds_left: null, result: null };
  return {
    id: "train-1", stage: "train", title: "Train", state: "failed", by: "", ...times, ...course,
    problem, config: { fit: { rate: 0.1 } }, inputs: { labels: "x" }, ...more,
  };
}

test("too little memory: smaller batches where there are batches, else the CPU, which has more", () => {
  expect(fixOf(failed("memory"))).toMatchObject({ kind: "resume", fix: "memory" });
  expect(fixOf(failed("memory", { stage: "predict" }))).toMatchObject({ kind: "resume", fix: "cpu" });
  expect(fixOf(failed("cpu"))).toMatchObject({ kind: "resume", fix: "cpu", text: "Restart on the CPU" });
});

test("each trouble has its own way out, and what ended well has none", () => {
  expect(fixOf(failed("video"))?.kind).toBe("relink");
  expect(fixOf(failed("disk"))?.kind).toBe("disk");
  expect(fixOf(failed("bug"))?.kind).toBe("restart");
  expect(fixOf(failed("input"))).toBeNull(); // settings are changed in the form
  expect(fixOf(failed("", { state: "lost", problem: null }))?.kind).toBe("resume");
  for (const state of ["done", "running", "queued"] as const)
    expect(fixOf(failed("", { state, problem: null }))).toBeNull();
});
