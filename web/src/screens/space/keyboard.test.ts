import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { fakeServer, settled, type Asked } from "../../fake";
import { undo } from "../../store/edits";
import * as session from "../../store/session";
import type { Decide, Space3d } from "../../types.gen";
import * as desk from "./desk";
import { nudges } from "./keyboard";

const view = { camera: "top", video: null, lag: 0, drift: 0, drops: [], skips: [] };
const runOf = (run: string): Space3d =>
  ({ run, rig: "rig", frames: 100, fps: 30, keypoints: ["nose", "tail"], views: [view] }) as unknown as Space3d;

let asked: Asked[];
const places = (): [string, number, number, number, number | null][] =>
  asked
    .filter(({ method }) => method === "POST")
    .map(({ path, body }) => {
      const said = body as Decide;
      return [path.split("/")[1]!, said.frame, said.animal, said.keypoint, said.x ?? null];
    });

beforeEach(() => {
  vi.useFakeTimers();
  asked = fakeServer(() => ({ json: {} }));
  [session.role.value, session.refused.value] = ["edit", ""];
  desk.space.value = { runs: [runOf("one"), runOf("two")], rigs: [], clocks: [] };
  desk.open("one");
  desk.goTo(7);
  desk.chosen.value = { animal: 0, keypoint: 0 };
  desk.camera.value = "top";
  desk.hold({ animal: 0, keypoint: 0 }, "top", { x: 10, y: 10 });
});
afterEach(async () => {
  await vi.advanceTimersByTimeAsync(1000);
  desk.draft.value = null;
  vi.useRealTimers();
});
const nudge = (): boolean => nudges()["move.right"]();

test("nudges after one another are one decision", async () => {
  nudge();
  await vi.advanceTimersByTimeAsync(500);
  nudge();
  await vi.advanceTimersByTimeAsync(500);
  expect(places()).toEqual([]);
  await vi.advanceTimersByTimeAsync(200);
  expect(places()).toEqual([["one", 7, 0, 0, 12]]);
});

test("a nudge belongs to the moment that was shown, and is kept when it is left", async () => {
  nudge();
  desk.goTo(8);
  await settled();
  expect(places()).toEqual([["one", 7, 0, 0, 11]]);
  expect(desk.held.value).toBeNull();
  await vi.advanceTimersByTimeAsync(1000);
  expect(places()).toHaveLength(1);
});

test("a nudge belongs to the point that was chosen", async () => {
  nudge();
  desk.chosen.value = { animal: 1, keypoint: 1 };
  await vi.advanceTimersByTimeAsync(1000);
  expect(places()).toEqual([["one", 7, 0, 0, 11]]);
});

test("a nudge belongs to the run that was open", async () => {
  nudge();
  desk.open("two");
  await settled();
  expect(places()).toEqual([["one", 7, 0, 0, 11]]);
});

test("who leaves the screen, or chooses another point, keeps the nudge at once", async () => {
  const stop = desk.follow();
  desk.chosen.value = { animal: 0, keypoint: 0 };
  desk.camera.value = "top";
  desk.hold({ animal: 0, keypoint: 0 }, "top", { x: 10, y: 10 });
  nudge();
  desk.chosen.value = { animal: 0, keypoint: 1 };
  expect(places()).toEqual([["one", 7, 0, 0, 11]]);
  desk.hold({ animal: 0, keypoint: 1 }, "top", { x: 20, y: 20 });
  nudge();
  stop();
  await settled();
  expect(places()).toEqual([["one", 7, 0, 0, 11], ["one", 7, 0, 1, 21]]);
});

test("a nudge made while the one before is on its way is not lost, and goes before what comes next", async () => {
  nudge();
  await vi.advanceTimersByTimeAsync(600);
  desk.hold({ animal: 0, keypoint: 0 }, "top", { x: 30, y: 30 });
  nudge();
  await desk.decide({ do: "accept" });
  expect(places()).toEqual([["one", 7, 0, 0, 11], ["one", 7, 0, 0, 31], ["one", 7, 0, 0, null]]);
});

test("undo takes back a nudge that still rests, not the step before it", async () => {
  nudge();
  await undo();
  expect(asked.filter(({ method }) => method === "POST").map(({ path }) => path)).toEqual([
    "runs3d/one/decisions", "undo",
  ]);
  await vi.advanceTimersByTimeAsync(1000);
  expect(places().filter(([run]) => run === "one")).toHaveLength(1);
});

test("a nudge that is refused is gone, and the step before it stays", async () => {
  asked = fakeServer(({ path }) =>
    path.endsWith("decisions") ? { status: 422, json: { code: "input", message: "out of the picture" } } : { json: {} },
  );
  nudge();
  await undo();
  expect(asked.filter(({ path }) => path === "undo")).toEqual([]);
});
