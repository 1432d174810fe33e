import { describe, expect, it } from "vitest";
import type { FrameRows } from "../../store/rows";
import type { FrameValue, PredictedAnimal } from "../../types.gen";
import { drafts } from "./teach";

const two = [
  { id: 1, name: "mouse 1" },
  { id: 2, name: "mouse 2" },
];

function seen(animal: number | null, x: number): PredictedAnimal {
  const points = [[x, 5, 0.9], [x + 9, 7, 0.8]] as PredictedAnimal["points"];
  return { animal, name: `animal${x}`, score: 0.9, points, covariance: [[1, 0, 1], [1, 0, 1]] };
}

function frame(animals: PredictedAnimal[], row: FrameValue | null = null): FrameRows {
  const prediction = { run: "track-1", animals };
  return { video: 1, frame: 5, loaded: true, instances: new Map(), row, prediction };
}

describe("labels out of tracks", () => {
  it("are all animals of the frame, mended by a person, not done, and in the queue", () => {
    const step = drafts(frame([seen(2, 10), seen(1, 50), seen(null, 90)]), two, null)!;
    const animals = step.changes.filter((one) => one.table === "instances");
    expect(animals.map((one) => one.key[2])).toEqual([2, 1, -1]);
    for (const { value, saw } of animals) expect([value, saw]).toMatchObject([{ origin: 2 }, null]);
    expect(animals[1]!.value).toMatchObject({ points: [[0, 50, 5, 2], [1, 59, 7, 2]] });
    const frames = step.changes.filter((one) => one.table === "frames");
    expect(frames.map((one) => one.value)).toMatchObject([{ complete: 2 }]);
    const queued = step.changes.filter((one) => one.table === "suggestions");
    expect(queued).toMatchObject([{ key: [1, 5], saw: null, value: { reason: "proofread tracks", done: 0 } }]);
  });
  it("keep what is labelled already, and leave a frame alone that is done or empty", () => {
    const there = frame([seen(2, 10), seen(1, 50)]);
    const rows = { ...there, instances: new Map([[1, { origin: 0, points: [] }]]) };
    const step = drafts(rows, two, { reason: "old", score: 0.5, rank: 3, done: 1 })!;
    expect(step.changes.filter((one) => one.table === "instances").map((one) => one.key[2])).toEqual([2]);
    expect(step.changes.at(-1)!.value).toEqual({ reason: "proofread tracks", score: 0.5, rank: 3, done: 0 });
    expect(drafts(frame([seen(1, 10)], { complete: 1, flag: 0, note: "" }), two, null)).toBeNull();
    expect(drafts(frame([]), two, null)).toBeNull();
  });
});
