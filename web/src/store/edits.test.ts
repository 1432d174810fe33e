import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { fakeServer, type Asked } from "../fake";
import type { Change, Edits, InstanceValue, Message } from "../types.gen";
import * as edits from "./edits";
import * as outbox from "./outbox";
import { forgetOwn, ownChanges } from "./own";
import { openPages } from "./pages";
import * as rows from "./rows";
import * as session from "./session";
import { memoryShelf } from "./shelf";
import { toasts } from "./toasts";

const mouse = (x: number): InstanceValue => ({ origin: 0, points: [[0, x, 1, 2]] });
const KEY = [1, 0, 1];
const shown = () => rows.frameRows(1, 0).value.instances.get(1);
const move = (x: number): Change => rows.change("instances", KEY, mouse(x));

let gone: boolean;
let seq: number;
let asked: Asked[];

function message(at: number, value: InstanceValue | null, id: string | null = null): Message {
  const changes: Message["changes"] = [["instances", KEY, value]];
  const nothing = { by: "Mei", at: "", action: "move", job: null, people: [] };
  return { type: "edit", seq: at, id, changes, ...nothing };
}

beforeEach(async () => {
  vi.useFakeTimers();
  gone = false;
  seq = 10;
  asked = fakeServer(({ path, body }) => {
    if (gone) return "offline";
    if (path !== "edits") return { json: { seq, actions: ["move"], video: null, frame: null } };
    const ids = (body as Edits).edits.map((e) => e.id);
    seq += ids.length;
    return { json: { seq, done: ids, problem: null } };
  });
  session.role.value = "edit";
  session.refused.value = "";
  session.seq.value = session.heard.value = 0;
  toasts.value = [];
  rows.setOwn(ownChanges);
  forgetOwn();
  rows.forgetLog();
  await edits.openEdits();
  const nothing = { seq: 1, time_s: 0, frame_row: null, prediction: null };
  rows.takeFrame({ video: 1, frame: 0, instances: [[1, mouse(0)]], ...nothing });
});
afterEach(() => {
  outbox.closeOutbox();
  vi.useRealTimers();
});

const sent = (): Edits["edits"] =>
  asked.filter(({ path }) => path === "edits").flatMap(({ body }) => (body as Edits).edits);

test("an edit is shown at once and says what it saw", async () => {
  edits.edit("move", [move(5)]);
  expect(shown()).toEqual(mouse(5));
  edits.edit("move", [move(6)]);
  await vi.advanceTimersByTimeAsync(10);
  const [first, second] = sent();
  expect(first!.changes[0]).toMatchObject({ saw: mouse(0), value: mouse(5) });
  expect(second!.changes[0]).toMatchObject({ saw: mouse(5), value: mouse(6) });
  expect(first!.id).not.toBe(second!.id);
});

test("what changes nothing is no edit", async () => {
  edits.edit("nothing", [move(0)]);
  await vi.advanceTimersByTimeAsync(10);
  expect(sent()).toEqual([]);
});

test("nudges within a second are one edit, from what the first saw to what the last left", async () => {
  for (const x of [1, 2, 3]) {
    edits.edit("nudge nose", [move(x)], "nudge 1 0");
    await vi.advanceTimersByTimeAsync(400);
  }
  await vi.advanceTimersByTimeAsync(1500);
  edits.edit("nudge nose", [move(9)], "nudge 1 0");
  await vi.advanceTimersByTimeAsync(1500);
  expect(sent().map((e) => [e.changes[0]!.saw, e.changes[0]!.value])).toEqual([
    [mouse(0), mouse(3)],
    [mouse(3), mouse(9)],
  ]);
});

test("points travel in the order of their keypoints", async () => {
  const value = { origin: 0, points: [[2, 1, 1, 2], [0, 1, 1, 2]] };
  edits.edit("place", [rows.change("instances", [1, 0, 2], value)]);
  await vi.advanceTimersByTimeAsync(10);
  const points = (sent()[0]!.changes[0]!.value as InstanceValue).points;
  expect(points.map((p) => p[0])).toEqual([0, 2]);
});

test("who may only look changes nothing, and is told once", async () => {
  session.role.value = "read";
  edits.edit("move", [move(5)]);
  edits.edit("move", [move(6)]);
  await vi.advanceTimersByTimeAsync(10);
  expect(shown()).toEqual(mouse(0));
  expect(sent()).toEqual([]);
  expect(toasts.value.length).toBe(1);
});

test("others' edits are shown; the echo of my own, late or early, is not", async () => {
  edits.take(message(11, mouse(50)));
  expect(shown()).toEqual(mouse(50));
  edits.edit("move", [move(5)]);
  await vi.advanceTimersByTimeAsync(10);
  const { id } = sent()[0]!;
  edits.edit("move", [move(6)]);
  edits.take(message(12, mouse(5), id));
  expect(shown()).toEqual(mouse(6));
});

test("an edit of another on a row where mine waits is shown only if it came after mine", async () => {
  for (const [at, mine, expected] of [[4, 5, mouse(5)], [500, 6, mouse(70)]] as const) {
    gone = true;
    rows.applyChanges([["instances", KEY, mouse(0)]]);
    edits.edit("move", [move(mine)]);
    edits.take(message(at, mouse(70)));
    expect(shown()).toEqual(mouse(mine));
    gone = false;
    await vi.advanceTimersByTimeAsync(5000);
    expect(shown()).toEqual(expected);
  }
});

test("undo waits until all edits are safe", async () => {
  edits.edit("move", [move(5)]);
  edits.edit("nudge", [move(6)], "nudge");
  const done = edits.undo();
  await vi.advanceTimersByTimeAsync(2000);
  await done;
  const paths = asked.map(({ path }) => path).filter((path) => !path.startsWith("frames"));
  expect(paths.at(-1)).toBe("undo");
  expect(sent().map((e) => e.action)).toEqual(["move", "nudge"]);
  expect(paths.filter((path) => path === "undo").length).toBe(1);
});

test("undo without a server says why it does nothing", async () => {
  gone = true;
  edits.edit("move", [move(5)]);
  const done = edits.undo();
  await vi.advanceTimersByTimeAsync(100);
  await done;
  expect(asked.every(({ path }) => path === "edits")).toBe(true);
  expect(toasts.value[0]?.text).toContain("wait");
});

test("taking theirs shows theirs", async () => {
  const theirs = { table: "instances", key: KEY, value: mouse(33), by: "Mei", at: "", seq: 9 };
  asked = fakeServer(({ path }) => {
    const json = { code: "conflict", message: "Mei was faster", hint: "", theirs: [theirs] };
    if (path === "edits") return { status: 409, json };
    return "offline";
  });
  edits.edit("move", [move(5)]);
  await vi.advanceTimersByTimeAsync(10);
  expect(outbox.conflict.value?.theirs).toEqual([theirs]);
  await edits.settle(false);
  expect(shown()).toEqual(mouse(33));
  expect(outbox.saved.value.pending).toBe(0);
});

test("values are equal whatever the order of their fields", () => {
  expect(edits.same({ a: 1, b: [1, null] }, { b: [1, null], a: 1 })).toBe(true);
  expect(edits.same({ a: 1 }, { a: 1, b: 2 })).toBe(false);
  expect(edits.same([1], { 0: 1 })).toBe(false);
  expect(edits.same(null, {})).toBe(false);
});

test("two edits as one keep rows that only one of them touched", () => {
  const a: Change = { table: "frames", key: [1, 0], saw: 1, value: 2 };
  const b: Change = { table: "frames", key: [1, 1], saw: 3, value: 4 };
  const again: Change = { ...a, saw: 2, value: 5 };
  expect(edits.merged([a], [again, b])).toEqual([{ ...a, value: 5 }, b]);
});

test("a shelf that breaks does not break editing", async () => {
  const broken = { ...memoryShelf(), put: () => Promise.reject(new Error("quota")) };
  outbox.closeOutbox();
  await outbox.openOutbox({
    shelf: broken,
    tab: "t",
    pages: openPages("t"),
    project: () => "p",
    dropped: () => undefined,
    confirmed: () => undefined,
    adopted: () => undefined,
    taken: () => undefined,
  });
  edits.edit("move", [move(5)]);
  await vi.advanceTimersByTimeAsync(10);
  expect(sent().length).toBe(1);
});
