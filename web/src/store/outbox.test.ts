import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { fakeServer, settled, type Asked } from "../fake";
import type { Applied, Edit, Edits, Problem } from "../types.gen";
import * as outbox from "./outbox";
import type { Pages } from "./pages";
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

let adopted: Edit[];
let taken: Edit[];

function pagesOf(alive: readonly string[], sure = true): Pages {
  return { sure, alive: () => Promise.resolve(new Set(alive)), close: () => undefined };
}

async function open(shelf: Shelf = memoryShelf(kept, true), tab = "here", alive = ["here"]): Promise<Edit[]> {
  adopted = [];
  await outbox.openOutbox(opened(shelf, tab, pagesOf(alive)));
  return adopted;
}

function opened(shelf: Shelf, tab: string, pages: Pages): outbox.Opened {
  return {
    shelf,
    tab,
    pages,
    project: () => "mice-id",
    formerly: ["/data/mice"],
    dropped: (edit) => void lost.push(edit),
    confirmed: (edits) => void confirmed.push(...edits.map((e) => e.id)),
    adopted: (edits) => void adopted.push(...edits),
    taken: (edits) => void taken.push(...edits),
  };
}

beforeEach(() => {
  vi.useFakeTimers();
  [kept, lost, confirmed, adopted, taken] = [[], [], [], [], []];
  session.seq.value = 0;
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
  await open(memoryShelf(kept, true), "killed", ["killed"]);
  for (let n = 0; n < 5; n++) outbox.enqueue(made(n));
  await settled();
  outbox.closeOutbox(); // nothing of it survives but the shelf
  at.gone = false;
  const left = await open(memoryShelf(kept, true), "next", ["next"]);
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
  expect(await open(memoryShelf(kept, true), "here", ["here", "other"])).toEqual([]);
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

test("edits that were made before the shelf was open are sent, and kept", async () => {
  const at = server();
  outbox.enqueue(made(1));
  await settled();
  expect(at.asked.length).toBe(0);
  at.gone = true;
  await open();
  await settled();
  expect(kept.map((w) => [w.tab, w.project])).toEqual([["here", "mice-id"]]);
});

test("edits that were kept under the folder are found under the project's id", async () => {
  const at = server();
  kept.push({ n: 1, tab: "gone", project: "/data/mice", edit: made(1) });
  kept.push({ n: 2, tab: "gone", project: "mice-id", edit: made(2) });
  kept.push({ n: 3, tab: "gone", project: "flies-id", edit: made(3) });
  await open();
  await vi.advanceTimersByTimeAsync(10);
  expect(at.log).toEqual([1, 2].map((n) => made(n).id));
  expect(kept.map((w) => w.project)).toEqual(["flies-id"]);
});

test("a page that ends while another is open leaves its edits to that one", async () => {
  const at = server();
  const alive = ["here", "other"];
  await open(memoryShelf(kept, true), "here", alive);
  kept.push({ n: 1, tab: "other", project: "mice-id", edit: made(1) });
  await vi.advanceTimersByTimeAsync(20_000);
  expect(at.log).toEqual([]);
  alive.pop();
  await vi.advanceTimersByTimeAsync(20_000);
  expect(at.log).toEqual([made(1).id]);
  expect(kept).toEqual([]);
});

test("what one page is done with is not taken from another in the same place", async () => {
  server();
  await open(memoryShelf(kept, true), "here", ["here", "other"]);
  outbox.enqueue(made(1));
  kept.push({ n: kept[0]!.n, tab: "other", project: "mice-id", edit: made(2) });
  await vi.advanceTimersByTimeAsync(10);
  expect(kept.map((w) => w.edit.id)).toEqual([made(2).id]);
});

test("edits of two pages in one place are both kept, each page's in order", async () => {
  const at = server();
  for (const [tab, first] of [["a", 10], ["b", 20]] as const)
    for (const n of [0, 1, 2]) kept.push({ n, tab, project: "mice-id", edit: made(first + n) });
  await open();
  await vi.advanceTimersByTimeAsync(10);
  const order = (first: number) => at.log.filter((id) => id.startsWith(`edit-${first / 10}`));
  expect(at.log.length).toBe(6);
  expect(order(10)).toEqual([10, 11, 12].map((n) => made(n).id));
  expect(order(20)).toEqual([20, 21, 22].map((n) => made(n).id));
  expect(kept).toEqual([]);
});

test("a page that the browser had stopped does not send what another took over", async () => {
  const at = server();
  at.gone = true;
  await outbox.openOutbox(opened(memoryShelf(kept, true), "here", pagesOf(["here", "other"], false)));
  for (const n of [1, 2]) outbox.enqueue(made(n));
  await vi.advanceTimersByTimeAsync(1000);
  kept.splice(0, 1, { ...kept[0]!, tab: "other" }); // while it slept
  at.gone = false;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(taken.map((e) => e.id)).toEqual([made(1).id]);
  expect(at.log).toEqual([made(2).id]);
  expect(kept.map((w) => w.tab)).toEqual(["other"]);
});

test("a server that is frozen is asked again, and nothing happens twice", async () => {
  let frozen = true;
  const log: string[] = [];
  fakeServer(async ({ body }) => {
    if (frozen) await new Promise(() => undefined);
    const ids = (body as Edits).edits.map((e) => e.id);
    for (const id of ids) if (!log.includes(id)) log.push(id);
    return { json: { seq: 1, done: ids, problem: null } };
  });
  await open();
  outbox.enqueue(made(1));
  await vi.advanceTimersByTimeAsync(29_000);
  expect(session.connection.value).toBe("live");
  await vi.advanceTimersByTimeAsync(2000);
  expect(session.connection.value).toBe("lost");
  frozen = false;
  await vi.advanceTimersByTimeAsync(40_000);
  expect(log).toEqual([made(1).id]);
  expect(outbox.saved.value.pending).toBe(0);
});

test("a shelf that never answers hinders nothing", async () => {
  const at = server();
  const never = (): Promise<never> => new Promise(() => undefined);
  const dead: Shelf = { lasts: true, others: never, tabs: never, put: never, remove: never, adopt: never };
  void outbox.openOutbox(opened(dead, "here", pagesOf(["here"], false)));
  outbox.enqueue(made(1));
  outbox.enqueue(made(2));
  await vi.advanceTimersByTimeAsync(10_000);
  expect(at.log).toEqual([1, 2].map((n) => made(n).id));
});

test("a disk that takes nothing is said", async () => {
  server();
  const full = { ...memoryShelf([], true), put: () => Promise.reject(new Error("quota")) };
  await outbox.openOutbox(opened(full, "here", pagesOf(["here"])));
  expect(outbox.fleeting.value).toBe(false);
  outbox.enqueue(made(1));
  await vi.advanceTimersByTimeAsync(10);
  expect(outbox.fleeting.value).toBe(true);
});

test("what the browser threw away is sent all the same", async () => {
  const at = server();
  at.gone = true;
  await outbox.openOutbox(opened(memoryShelf(kept, true), "here", pagesOf(["here"], false)));
  for (const n of [1, 2]) outbox.enqueue(made(n));
  await vi.advanceTimersByTimeAsync(1000);
  kept.length = 0; // no room on the disk, or the person cleared the data of sites
  at.gone = false;
  await vi.advanceTimersByTimeAsync(10_000);
  expect(at.log).toEqual([1, 2].map((n) => made(n).id));
  expect(taken).toEqual([]);
});

test("edits made before the shelf is open go after those of a page that is gone", async () => {
  vi.resetModules();
  const fresh = await import("./outbox"); // a page that has just begun
  const at = server();
  const minuteAgo = (Date.now() - 60_000) * 1000;
  for (const n of [1, 2]) kept.push({ n: minuteAgo + n, tab: "gone", project: "mice-id", edit: made(n) });
  fresh.enqueue(made(3));
  await fresh.openOutbox(opened(memoryShelf(kept, true), "here", pagesOf(["here"])));
  await vi.advanceTimersByTimeAsync(1000);
  expect(at.log).toEqual([1, 2, 3].map((n) => made(n).id));
  fresh.closeOutbox();
});

test("what is not given holds back nothing else", async () => {
  const at = server();
  await open();
  for (const give of [() => Promise.resolve(false), () => Promise.reject(new Error("broken"))]) {
    const stop = outbox.holdsBack(give);
    const edit = made(at.log.length);
    outbox.enqueue(edit, 5000);
    expect(await outbox.drained()).toBe(false);
    stop();
    expect(at.log).toContain(edit.id);
  }
  expect(await outbox.drained()).toBe(true);
});
