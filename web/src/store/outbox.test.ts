import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { fakeServer, settled, type Asked } from "../fake";
import type { Applied, Edit, Edits, Problem } from "../types.gen";
import * as outbox from "./outbox";
import * as session from "./session";
import { memoryShelf, type Shelf } from "./shelf";
import type { Waiting } from "./outbox";

let kept: Waiting[];
let lost: Edit[];
let confirmed: string[];

function made(n: number): Edit {
  const change = { table: "frames" as const, key: [1, n], saw: null, value: { complete: 2 } };
  return { id: `edit-${n}-0000`, action: `edit ${n}`, changes: [change] };
}

/** A server that keeps edits by id, as ours does, and may be gone or refuse. */
function server(refuse: (edit: Edit, force: boolean) => [number, Partial<Problem>] | null = () => null) {
  const log: string[] = [];
  const state = { gone: false, loseAnswers: 0, log, asked: [] as Asked[] };
  state.asked = fakeServer(({ body }) => {
    if (state.gone) return "offline";
    const { edits, force = false } = body as Edits;
    const done: string[] = [];
    for (const edit of edits) {
      const no = refuse(edit, force);
      if (no !== null) {
        const problem = { code: "input", message: "no", hint: "", theirs: [], ...no[1] };
        if (done.length === 0) return { status: no[0], json: problem };
        return { json: { seq: log.length, done, problem } satisfies Applied };
      }
      if (!log.includes(edit.id)) log.push(edit.id);
      done.push(edit.id);
    }
    if (state.loseAnswers-- > 0) return "offline";
    return { json: { seq: log.length, done, problem: null } satisfies Applied };
  });
  return state;
}

function open(shelf: Shelf = memoryShelf(kept), tab = "here", alive = ["here"]): Promise<Edit[]> {
  return outbox.openOutbox({
    shelf,
    tab,
    project: "/data/mice",
    alive: new Set(alive),
    dropped: (edit) => void lost.push(edit),
    confirmed: (edits) => void confirmed.push(...edits.map((e) => e.id)),
  });
}

beforeEach(() => {
  vi.useFakeTimers();
  [kept, lost, confirmed] = [[], [], []];
  session.refused.value = "";
  session.connection.value = "live";
});
afterEach(() => {
  outbox.closeOutbox();
  vi.useRealTimers();
});

test("edits arrive in order, are dropped when acknowledged, and the count says so", async () => {
  const at = server();
  await open();
  for (let n = 0; n < 250; n++) outbox.enqueue(made(n));
  expect(outbox.saved.value.pending).toBe(250);
  await vi.advanceTimersByTimeAsync(10);
  expect(at.log).toEqual(Array.from({ length: 250 }, (_, n) => made(n).id));
  expect(outbox.saved.value).toEqual({ pending: 0, seq: 250 });
  expect(kept).toEqual([]);
  expect(confirmed.length).toBe(250);
});

test("a server that is gone loses nothing and doubles nothing", async () => {
  const at = server();
  await open();
  at.gone = true;
  for (let n = 0; n < 5; n++) outbox.enqueue(made(n));
  await vi.advanceTimersByTimeAsync(2000);
  expect(session.connection.value).toBe("lost");
  expect(kept.length).toBe(5);
  at.gone = false;
  at.loseAnswers = 2; // written, but the page does not hear of it
  await vi.advanceTimersByTimeAsync(20_000);
  expect(at.log).toEqual([0, 1, 2, 3, 4].map((n) => made(n).id));
  expect(session.connection.value).toBe("live");
  expect(outbox.saved.value.pending).toBe(0);
});

test("a page that was killed leaves its edits to the next, in order", async () => {
  const at = server();
  at.gone = true;
  await open(memoryShelf(kept), "killed", ["killed"]);
  for (let n = 0; n < 5; n++) outbox.enqueue(made(n));
  await settled();
  outbox.closeOutbox(); // nothing of it survives but the shelf
  at.gone = false;
  const left = await open(memoryShelf(kept), "next", ["next"]);
  expect(left.map((e) => e.id)).toEqual([0, 1, 2, 3, 4].map((n) => made(n).id));
  outbox.enqueue(made(5));
  await vi.advanceTimersByTimeAsync(10);
  expect(at.log).toEqual([0, 1, 2, 3, 4, 5].map((n) => made(n).id));
});

test("an edit that two killed pages left is one edit", async () => {
  const at = server();
  for (const tab of ["a", "b"]) kept.push({ n: 1, tab, project: "/data/mice", edit: made(1) });
  expect(await open()).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(10);
  expect(at.log).toEqual([made(1).id]);
  expect((at.asked[0]!.body as Edits).edits).toHaveLength(1);
});

test("edits of another page that still runs, or of another project, are left alone", async () => {
  const at = server();
  kept.push({ n: 1, tab: "other", project: "/data/mice", edit: made(1) });
  kept.push({ n: 2, tab: "gone", project: "/data/flies", edit: made(2) });
  expect(await open(memoryShelf(kept), "here", ["here", "other"])).toEqual([]);
  await vi.advanceTimersByTimeAsync(10);
  expect(at.log).toEqual([]);
  expect(kept.length).toBe(2);
});

test("an edit that may still change waits, and goes as it was last", async () => {
  const at = server();
  await open();
  outbox.enqueue(made(1), 1000);
  await vi.advanceTimersByTimeAsync(900);
  outbox.enqueue({ ...made(1), action: "nudge twice" }, 1000);
  expect(kept.length).toBe(1);
  await vi.advanceTimersByTimeAsync(900);
  expect(at.asked.length).toBe(0);
  await vi.advanceTimersByTimeAsync(200);
  expect((at.asked[0]!.body as Edits).edits[0]!.action).toBe("nudge twice");
});

test("the next edit lets a held one go before it", async () => {
  const at = server();
  await open();
  outbox.enqueue(made(1), 1000);
  outbox.enqueue(made(2));
  await vi.advanceTimersByTimeAsync(10);
  expect(at.log).toEqual([made(1).id, made(2).id]);
});

test("an edit that the server refuses is dropped and told; those after it go on", async () => {
  const at = server((edit) => (edit.id === made(2).id ? [422, { message: "no such frame" }] : null));
  await open();
  for (let n = 1; n <= 4; n++) outbox.enqueue(made(n));
  await vi.advanceTimersByTimeAsync(5000);
  expect(lost.map((e) => e.id)).toEqual([made(2).id]);
  expect(at.log).toEqual([1, 3, 4].map((n) => made(n).id));
});

const CLASH: [number, Partial<Problem>] = [409, { code: "conflict" }];

test("a conflict stops the queue until it is decided; mine is then sent with force", async () => {
  const at = server((edit, force) => (edit.id === made(1).id && !force ? CLASH : null));
  await open();
  for (let n = 0; n < 3; n++) outbox.enqueue(made(n));
  await vi.advanceTimersByTimeAsync(5000);
  expect(outbox.conflict.value?.edit.id).toBe(made(1).id);
  expect(at.log).toEqual([made(0).id]);
  await outbox.settle(true);
  await vi.advanceTimersByTimeAsync(10);
  expect(at.log).toEqual([0, 1, 2].map((n) => made(n).id));
  const sent = at.asked.map(({ body }) => body as Edits).filter((body) => body.force);
  expect(sent.map((body) => body.edits.map((e) => e.id))).toEqual([[made(1).id]]);
});

test("taking theirs drops mine and nothing else", async () => {
  const at = server((edit) => (edit.id === made(1).id ? CLASH : null));
  await open();
  for (let n = 0; n < 3; n++) outbox.enqueue(made(n));
  await vi.advanceTimersByTimeAsync(5000);
  await outbox.settle(false);
  await vi.advanceTimersByTimeAsync(10);
  expect(at.log).toEqual([0, 2].map((n) => made(n).id));
});

test("a full disk refuses further edits, keeps those that wait, and tries again", async () => {
  let full = true;
  const at = server(() => (full ? [507, { code: "full", message: "The disk is full." }] : null));
  await open();
  outbox.enqueue(made(1));
  await vi.advanceTimersByTimeAsync(4000);
  expect(session.refused.value).toContain("The disk is full.");
  expect(session.mayEdit.value).toBe(false);
  expect(session.connection.value).toBe("live");
  full = false;
  await vi.advanceTimersByTimeAsync(4000);
  expect(at.log).toEqual([made(1).id]);
  expect(session.mayEdit.value).toBe(true);
});

test.each(["full", "busy", "bug", "read-only"])(
  "an edit in the middle of a batch that finds the disk %s is kept",
  async (code) => {
    let full = true;
    const state = server((edit) => (full && edit.id === made(2).id ? [507, { code }] : null));
    await open();
    for (const n of [1, 2, 3]) outbox.enqueue(made(n));
    await vi.advanceTimersByTimeAsync(4000);
    expect(lost).toEqual([]);
    full = false;
    await vi.advanceTimersByTimeAsync(60_000);
    await settled();
    expect(state.log).toEqual([1, 2, 3].map((n) => made(n).id));
  },
);

test("a page whose key has ended says so, and keeps its edits", async () => {
  const json = { code: "unauthorized", message: "No key.", hint: "Open the link again.", theirs: [] };
  fakeServer(() => ({ status: 401, json }));
  await open();
  outbox.enqueue(made(1));
  await vi.advanceTimersByTimeAsync(5000);
  expect(session.refused.value).toBe("No key. Open the link again.");
  expect(session.connection.value).toBe("live");
  expect(kept).toHaveLength(1);
});

test("no request is larger than the server takes", async () => {
  const at = server();
  await open();
  for (let n = 0; n < 6; n++) outbox.enqueue({ ...made(n), action: "x".repeat(1 << 20) });
  await vi.advanceTimersByTimeAsync(10);
  for (const { body } of at.asked) expect(JSON.stringify(body).length).toBeLessThan(8 << 20);
  expect(at.log.length).toBe(6);
});
