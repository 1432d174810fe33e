// Edits on their way: kept in IndexedDB, posted in order, dropped once the server has them.
import { signal } from "@preact/signals";
import { ApiError, post, sentence } from "../api";
import type { Applied, Edit, Edits, Problem, Theirs } from "../types.gen";
import type { RowChange } from "./rows";
import { connection, refused, seq } from "./session";
import type { Shelf } from "./shelf";

/** What waits, and the newest edit that is safe on the server's disk. */
export const saved = signal<{ pending: number; seq: number }>({ pending: 0, seq: 0 });

/** An edit that cannot be applied because somebody else was faster. */
export interface Conflict {
  edit: Edit;
  theirs: Theirs[];
  /** Draw theirs beside mine until it is decided. */
  both: boolean;
}
export const conflict = signal<Conflict | null>(null);

/** An edit in the queue; `n` is its place, `tab` the page that made it. */
export interface Waiting {
  n: number;
  tab: string;
  project: string;
  edit: Edit;
}

interface Listeners {
  /** The server refused an edit for good: it is dropped, its rows must be read again. */
  dropped(edit: Edit, problem: Problem): void;
  /** Edits became part of the log. */
  confirmed(edits: Edit[], at: number): void;
}

const BATCH = 100;
const BATCH_BYTES = 4 << 20; // the server takes 8 MiB
const RETRY_MS = [300, 600, 1000, 2000, 3000];

let shelf: Shelf | null = null;
let tab = "";
let folder = "";
let listeners: Listeners = { dropped: () => undefined, confirmed: () => undefined };
let queue: Waiting[] = [];
let nextPlace = 0;
let held: { id: string; until: number } | null = null;
let running: Promise<void> | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;
let failures = 0;
let one = false; // post singly, to learn which edit of a batch is refused
const forced = new Set<string>();

/** Begin: read what an earlier page left behind, and send it. */
export async function openOutbox(
  on: { shelf: Shelf; tab: string; project: string; alive: ReadonlySet<string> } & Listeners,
): Promise<Edit[]> {
  ({ shelf, tab, project: folder } = on);
  listeners = on;
  const left = (await shelf.all()).filter(
    (w) => w.project === folder && (w.tab === tab || !on.alive.has(w.tab)),
  );
  // a page that was killed while it adopted an edit leaves it twice
  const ids = new Set<string>();
  const once = (w: Waiting): boolean => !ids.has(w.edit.id) && ids.add(w.edit.id).size > 0;
  queue = [...left, ...queue].filter(once).sort((a, b) => a.n - b.n);
  nextPlace = Math.max(nextPlace, Date.now() * 1000, ...queue.map((w) => w.n + 1));
  // adopted from a page that is gone: from now on they are this page's
  for (const w of queue) if (w.tab !== tab) await shelf.put({ ...w, tab });
  queue = queue.map((w) => ({ ...w, tab }));
  count();
  flush();
  return queue.map((w) => w.edit);
}

/** Forget everything in memory; tests and a change of project. */
export function closeOutbox(): void {
  clearTimeout(timer);
  queue = [];
  held = running = null;
  failures = 0;
  one = false;
  forced.clear();
  conflict.value = null;
  count();
}

function count(): void {
  saved.value = { pending: queue.length, seq: Math.max(seq.peek(), saved.peek().seq) };
}

/** Put an edit at the end; one that is there already is replaced. `hold` ms it may still change. */
export function enqueue(edit: Edit, hold = 0): void {
  const at = queue.findIndex((w) => w.edit.id === edit.id);
  const kept: Waiting = { n: queue[at]?.n ?? nextPlace++, tab, project: folder, edit };
  if (at < 0) queue.push(kept);
  else queue[at] = kept;
  held = hold > 0 ? { id: edit.id, until: Date.now() + hold } : null;
  void shelf?.put(kept).catch(() => undefined); // no disk: the page still holds it
  count();
  flush();
}

/** Whether an edit waits and has not been sent. */
export function isHeld(id: string): boolean {
  return held?.id === id;
}

/** Let a held edit go now. */
export function release(): void {
  held = null;
  flush();
}

/** Rows that wait, oldest first. */
export function* waitingRows(): Generator<RowChange> {
  for (const { edit } of queue)
    for (const { table, key, value } of edit.changes) yield [table, key, value];
}

/** Whether a row has an edit that waits. */
export function waits(table: string, key: readonly number[]): boolean {
  const name = key.join(",");
  return queue.some((w) =>
    w.edit.changes.some((c) => c.table === table && c.key.join(",") === name),
  );
}

/** Whether an edit is this page's and waits. */
export function isWaiting(id: string): boolean {
  return queue.some((w) => w.edit.id === id);
}

/** Resolve when nothing waits any more, or sending has stopped. */
export async function drained(): Promise<boolean> {
  release();
  while (running !== null) await running;
  return queue.length === 0;
}

/** Send now what may be sent; called again by itself until nothing is left. */
export function flush(): void {
  if (running !== null || shelf === null) return;
  clearTimeout(timer);
  if (queue.length === 0 || conflict.peek() !== null) return;
  const wait = held !== null && queue[0]?.edit.id === held.id ? held.until - Date.now() : 0;
  if (wait > 0) {
    timer = setTimeout(flush, wait);
    return;
  }
  if (held !== null && held.until <= Date.now()) held = null;
  running = send().finally(() => {
    running = null;
    if (failures === 0) flush();
    else timer = setTimeout(flush, RETRY_MS[Math.min(failures, RETRY_MS.length) - 1]);
  });
}

function batch(): Waiting[] {
  const picked: Waiting[] = [];
  let size = 0;
  for (const w of queue) {
    size += JSON.stringify(w.edit).length;
    const alone = one || forced.has(w.edit.id);
    if (w.edit.id === held?.id || picked.length >= (alone ? 1 : BATCH)) break;
    if (picked.length > 0 && size > BATCH_BYTES) break;
    picked.push(w);
    if (alone) break;
  }
  return picked;
}

async function send(): Promise<void> {
  const picked = batch();
  if (picked.length === 0) return;
  const force = forced.has(picked[0]!.edit.id);
  const body: Edits = { edits: picked.map((w) => w.edit), force };
  let answer: Applied;
  try {
    answer = await post<Applied>("edits", body);
  } catch (error) {
    await failed(picked, error);
    return;
  }
  failures = 0;
  connection.value = "live";
  refused.value = "";
  await done(picked, answer);
}

async function done(picked: Waiting[], answer: Applied): Promise<void> {
  const safe = picked.filter((w) => answer.done.includes(w.edit.id));
  const rest = picked.filter((w) => !answer.done.includes(w.edit.id));
  seq.value = Math.max(seq.peek(), answer.seq);
  await drop(safe);
  listeners.confirmed(safe.map((w) => w.edit), answer.seq);
  const problem = answer.problem ?? null;
  if (problem !== null && rest.length > 0) await refuse(rest[0]!, problem);
  else if (rest.length === 0) one = false;
  else failures += 1; // neither done nor refused: ask again, but not at once
}

async function drop(some: Waiting[]): Promise<void> {
  const ids = new Set(some.map((w) => w.edit.id));
  queue = queue.filter((w) => !ids.has(w.edit.id));
  for (const id of ids) forced.delete(id);
  count();
  await shelf?.remove(some.map((w) => w.n)).catch(() => undefined);
}

// not now, and why: no key any more, may only look, read-only, too many tries, disk full
const REFUSING = new Set([401, 403, 423, 429, 507]);
const LASTING = new Set([400, 409, 413, 415, 422]);
const PASSING = new Set(["full", "read-only", "busy", "bug", "http", "missing"]); // codes

async function failed(picked: Waiting[], error: unknown): Promise<void> {
  const status = error instanceof ApiError ? error.status : 0;
  const problem = error instanceof ApiError ? error.problem : null;
  if (LASTING.has(status) && problem !== null && problem.code !== "http") {
    connection.value = "live";
    refused.value = "";
    failures = 0;
    if (picked.length === 1) await refuse(picked[0]!, problem);
    else one = true;
    return;
  }
  failures += 1;
  if (REFUSING.has(status)) {
    connection.value = "live";
    refused.value = sentence(error);
  } else connection.value = "lost";
}

async function refuse(w: Waiting, problem: Problem): Promise<void> {
  one = false;
  if (problem.code === "conflict") {
    conflict.value = { edit: w.edit, theirs: problem.theirs ?? [], both: false };
    return;
  }
  if (PASSING.has(problem.code)) {
    failures += 1; // the disk, not the edit: it waits
    refused.value = problem.message;
    return;
  }
  await drop([w]);
  listeners.dropped(w.edit, problem);
}

/** Decide a conflict: mine is sent again and wins, or mine is dropped and theirs stands. */
export async function settle(mine: boolean): Promise<Conflict | null> {
  const open = conflict.peek();
  if (open === null) return null;
  const w = queue.find((one) => one.edit.id === open.edit.id);
  if (mine) forced.add(open.edit.id);
  else if (w !== undefined) await drop([w]);
  conflict.value = null;
  flush();
  return open;
}
