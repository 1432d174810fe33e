import { afterEach, beforeEach, expect, test } from "vitest";
import { fakeServer, type Asked } from "../fake";
import { blocked } from "../store/edits";
import { closeOutbox } from "../store/outbox";
import * as session from "../store/session";
import type { LogLine, Steps } from "../types.gen";
import { lines, load, stepsBack, undoTo } from "./history";

const line = (seq: number, by: string, more: Partial<LogLine> = {}): LogLine => ({
  seq, at: "", by, action: "move", target: null, places: [], rows: 1, standing: true, ...more,
});

beforeEach(() => {
  session.role.value = "edit";
  session.refused.value = "";
  session.user.value = "me";
  blocked.value = null;
});
afterEach(closeOutbox);

/** A server with a log; undo is refused because of somebody else's change if `clash`. */
function server(log: LogLine[], clash = false): Asked[] {
  return fakeServer(({ path }) => {
    if (path.startsWith("history")) {
      const before = Number(/before=(\d+)/.exec(path)?.[1] ?? Infinity);
      const n = Number(/n=(\d+)/.exec(path)![1]);
      return { json: log.filter(({ seq }) => seq < before).slice(0, n) };
    }
    if (clash) return { status: 409, json: { code: "conflict", message: "", hint: "", theirs: [] } };
    return { json: { seq: 0, actions: ["move"], video: null, frame: null } };
  });
}

const steps = (asked: Asked[]): [number, boolean | undefined][] =>
  asked.filter(({ path }) => path === "undo").map(({ body }) => [(body as Steps).n!, (body as Steps).force]);

test("the making of the project is no step back", () => {
  const log = [line(2, "me"), line(1, "me", { action: "create" })];
  expect(stepsBack(log, line(0, "x"), "me")).toBe(1);
});

test("undo to a line takes back mine alone, also such as the panel has not read", async () => {
  const log: LogLine[] = [];
  for (let seq = 1300; seq > 0; seq--) log.push(line(seq, seq % 2 ? "me" : "Mei"));
  const asked = server(log);
  await undoTo(log.find(({ seq }) => seq === 100)!);
  expect(steps(asked)).toEqual([[600, false]]);
});

test("undone edits, undos and others' edits are no steps; none is no question", async () => {
  const log = [line(5, "Mei"), line(4, "me", { target: 3, action: "undo" }), line(3, "me", { standing: false })];
  const asked = server(log);
  await undoTo(line(2, "me"));
  expect(steps(asked)).toEqual([]);
});

test("what somebody else's change holds back keeps its number of steps", async () => {
  server([line(5, "me"), line(4, "me"), line(3, "me")], true);
  await undoTo(line(2, "me"));
  expect(blocked.value).toMatchObject({ what: "undo", n: 3 });
});

test("more edits than the server takes back at once are taken back all the same", async () => {
  const log: LogLine[] = [];
  for (let seq = 2300; seq > 0; seq--) log.push(line(seq, "me"));
  const asked = fakeServer(({ path, body }) => {
    if (path.startsWith("history")) {
      const before = Number(/before=(\d+)/.exec(path)?.[1] ?? Infinity);
      return { json: log.filter(({ seq }) => seq < before).slice(0, Number(/n=(\d+)/.exec(path)![1])) };
    }
    const actions = Array.from({ length: (body as Steps).n! }, () => "move");
    return { json: { seq: 0, actions, video: null, frame: null } };
  });
  await undoTo(line(100, "me"));
  expect(steps(asked)).toEqual([[1000, false], [1000, false], [200, false]]);
});

test("of many steps those that somebody else's change holds back are asked about, and no others", async () => {
  const log: LogLine[] = [];
  for (let seq = 1500; seq > 0; seq--) log.push(line(seq, "me"));
  let undone = 0;
  fakeServer(({ path, body }) => {
    if (path.startsWith("history")) {
      const before = Number(/before=(\d+)/.exec(path)?.[1] ?? Infinity);
      return { json: log.filter(({ seq }) => seq < before).slice(0, 500) };
    }
    if (undone > 0) return { status: 409, json: { code: "conflict", message: "", hint: "", theirs: [] } };
    undone = (body as Steps).n!;
    const actions = Array.from({ length: undone }, () => "move");
    return { json: { seq: 0, actions, video: null, frame: null } };
  });
  await undoTo(line(100, "me"));
  expect(undone).toBe(1000);
  expect(blocked.value).toMatchObject({ what: "undo", n: 400 });
});

test("a new edit leaves as many lines as were read, and reads them anew", async () => {
  const log: LogLine[] = [];
  for (let seq = 900; seq > 0; seq--) log.push(line(seq, "me"));
  server(log);
  await load();
  for (let n = 0; n < 7; n++) await load(true);
  expect(lines.value).toHaveLength(800);
  log[600] = line(300, "me", { standing: false });
  log.unshift(line(901, "Mei"));
  await Promise.all([load(), load(true)]);
  expect(lines.value.map(({ seq }) => seq)).toEqual(log.map(({ seq }) => seq).slice(0, lines.value.length));
  expect(lines.value.length).toBeGreaterThanOrEqual(801);
  expect(lines.value.find(({ seq }) => seq === 300)!.standing).toBe(false);
});
