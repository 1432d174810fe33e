import { expect, test, vi } from "vitest";
import { fakeServer } from "../../fake";
import { jobs } from "../../store/jobs";
import * as session from "../../store/session";
import type { Job, Space3d } from "../../types.gen";
import * as desk from "./desk";
import { clocksOf, filmNamed, hindrance, watch } from "./prepare";
import { Taken } from "./setup";

const films = [
  { id: 1, name: "mouse-cam_1.mp4" },
  { id: 2, name: "mouse-cam_10.mp4" },
  { id: 3, name: "top.mp4" },
  { id: 4, name: "top 2.mp4" },
];

test("a film belongs to the camera whose name it holds as a word", () => {
  expect(filmNamed("cam_1", films)).toBe(1);
  expect(filmNamed("Cam_10", films)).toBe(2);
  expect(filmNamed("side", films)).toBeNull();
  expect(filmNamed("top", films)).toBeNull(); // two could be meant
  expect(filmNamed("mp4", films)).toBeNull(); // the ending names nobody
  expect(filmNamed("c.m_1", films)).toBeNull();
});

test("what a synchronization found becomes offsets of films", () => {
  const found = {
    lags: { top: 0, side: 3.25, back: null },
    drift: { top: 0, side: 1e-4, back: null },
    dropped: [
      { view: "side", frame: 40, frames: 2, span: [38, 41] },
      { view: "top", frame: 7, frames: 1, span: [7, 7] },
    ],
    reference: "top",
    videos: { top: 5, side: 6, back: 7 },
  };
  expect(clocksOf(found)).toEqual([
    { video: 5, lag: 0, drift: 0, drops: [], skips: [] },
    { video: 6, lag: 3.25, drift: 1e-4, drops: [[40, 2]], skips: [[7, 1]] },
    { video: 7, lag: 0, drift: 0, drops: [], skips: [[7, 1]] },
  ]);
  expect(clocksOf(null)).toEqual([]);
  expect(clocksOf({ cameras: 3 })).toEqual([]);
});

const job = (id: string, stage: string, state = "done"): Job => ({ id, stage, state }) as unknown as Job;

test("only 3D poses that are new are opened, and every new calibration is read", async () => {
  vi.useFakeTimers();
  const run = (name: string): Space3d => ({ run: name, rig: "g", frames: 9, fps: 30, keypoints: [], views: [] }) as unknown as Space3d;
  const space = { runs: [run("new"), run("old")], rigs: [], clocks: [] };
  const asked = fakeServer(() => ({ json: space }));
  desk.space.value = space;
  desk.open("old");
  const stop = watch();
  const after = async (now: Job[]): Promise<[string | undefined, number]> => {
    jobs.value = now;
    await vi.advanceTimersByTimeAsync(10);
    return [desk.run.value?.run, asked.splice(0).length];
  };
  const [three, four, five] = [job("triangulate-3", "triangulate"), job("triangulate-4", "triangulate"), job("calibrate-5", "calibrate")];
  expect(await after([four, three])).toEqual(["old", 0]); // the first answer about jobs
  expect(await after([four])).toEqual(["old", 0]); // one is dismissed
  expect(await after([four, three])).toEqual(["old", 0]); // and comes back
  expect(await after([job("calibrate-5", "calibrate", "running"), four])).toEqual(["old", 0]);
  expect(await after([five, four])).toEqual(["old", 1]);
  expect(await after([job("triangulate-6", "triangulate", "running"), five, four])).toEqual(["old", 0]);
  expect(await after([job("triangulate-6", "triangulate"), five, four])).toEqual(["new", 1]);
  stop();
  jobs.value = [];
  vi.useRealTimers();
});

test("a full disk is told as such, not as a link that may only look", () => {
  [session.role.value, session.refused.value] = ["edit", "The disk is full."];
  expect(hindrance.value).toBe("The disk is full");
  session.role.value = "read";
  expect(hindrance.value).toBe("this link may only look");
  [session.role.value, session.refused.value] = ["edit", ""];
  expect(hindrance.value).toBe("a calibration is missing");
});

test("who may only look cannot take offsets over", () => {
  const found = { lags: { top: 0, side: 3 }, drift: {}, dropped: [], reference: "top", videos: { top: 5, side: 6 } };
  jobs.value = [{ ...job("synchronize-1", "synchronize"), result: found } as unknown as Job];
  const disabled = (): unknown => button(Taken())?.props["disabled"];
  session.role.value = "edit";
  expect(disabled()).toBe(false);
  session.role.value = "read";
  expect(disabled()).toBe(true);
  jobs.value = [];
});

type Node = { type: unknown; props: Record<string, unknown> };
function button(node: unknown): Node | null {
  if (Array.isArray(node)) return node.map(button).find((one) => one !== null) ?? null;
  if (typeof node !== "object" || node === null) return null;
  const one = node as Node;
  return one.type === "button" ? one : button(one.props["children"]);
}
