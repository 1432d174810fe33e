// Edits on their way: kept in IndexedDB, posted in order, dropped once the server has them.
import { signal } from "@preact/signals";
import { forGood, notNow, post, sentence } from "../api";
import type { Applied, Edit, Edits, Problem, Theirs } from "../types.gen";
import { running as runningPages, type Pages } from "./pages";
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

/** Whether edits that wait would be lost with the page: the browser keeps nothing for it. */
export const fleeting = signal(false);

/** An edit in the queue; `n` is its place, `tab` the page that sends it, `project` its id. */
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
  /** Edits of pages that are gone are this page's now. */
  adopted(edits: Edit[]): void;
  /** Edits are another page's now: the browser had stopped this one. */
  taken(edits: Edit[]): void;
}

/** What an outbox needs. `project`: its id; `formerly`: names under which edits were kept. */
export interface Opened extends Listeners {
  shelf: Shelf;
  pages: Pages;
  tab: string;
  project: () => string;
  formerly?: readonly string[];
}

const BATCH = 100;
const BATCH_BYTES = 4 << 20; // the server takes 8 MiB
const RETRY_MS = [300, 600, 1000, 2000, 3000];
const ANSWER_MS = 30_000; // a frozen server, a cable pulled: ask again, by then on a new line
const ADOPT_MS = 5000;
const SHELF_MS = 2000;

let at: Opened | null = null;
let ready = false; // older edits of pages that are gone are in the queue by now
let adopting = false;
let queue: Waiting[] = [];
let nextPlace = Date.now() * 1000; // after what older pages left, from the first edit on
let held: { id: string; until: number } | null = null;
let running: Promise<void> | null = null;
let timer: ReturnType<typeof setTimeout> | undefined;
let looking: ReturnType<typeof setInterval> | undefined;
let failures = 0;
let one = false; // post singly, to learn which edit of a batch is refused
const forced = new Set<string>();
const shelved = new Set<string>(); // ids of edits of the queue that lie on the shelf

/** Begin: take over what pages that are gone left behind, and send it. */
export async function openOutbox(opened: Opened): Promise<void> {
  at = opened;
  ready = false;
  fleeting.value = !opened.shelf.lasts;
  nextPlace = Math.max(nextPlace, Date.now() * 1000);
  queue = queue.map((w) => ({ ...w, tab: opened.tab, project: opened.project() }));
  for (const w of queue) keep(w); // made while the shelf was opened
  clearInterval(looking);
  looking = setInterval(() => void adopt(), ADOPT_MS);
  await soon(adopt(), undefined);
  ready = true;
  flush();
}

/** Something of the shelf, or `otherwise` where the shelf does not answer. */
async function soon<T>(wanted: Promise<T>, otherwise: T): Promise<T> {
  let late: ReturnType<typeof setTimeout> | undefined;
  const none = new Promise<T>((resolve) => {
    late = setTimeout(() => resolve(otherwise), SHELF_MS);
  });
  return Promise.race([wanted.catch(() => otherwise), none]).finally(() => clearTimeout(late));
}

/** Send what pages left that run no more. */
async function adopt(): Promise<void> {
  const here = at;
  if (here === null || adopting) return;
  adopting = true;
  const given = await left(here).catch(() => []); // a shelf that breaks: own edits go all the same
  adopting = false;
  if (at === here && given.length > 0) adopted(here, given);
}

async function left(here: Opened): Promise<Waiting[]> {
  const { shelf, pages, tab } = here;
  const names = new Set([here.project(), ...(here.formerly ?? [])]);
  const others = (await shelf.tabs()).filter((name) => name !== tab);
  const alive = others.length > 0 ? await runningPages(pages, others) : new Set(others);
  if (others.every((name) => alive.has(name))) return [];
  return shelf.adopt(tab, (w) => !alive.has(w.tab) && names.has(w.project));
}

function adopted(here: Opened, given: Waiting[]): void {
  // a page that was killed while it adopted an edit left it twice
  const ids = new Set(queue.map((w) => w.edit.id));
  const once = given.filter(({ edit }) => !ids.has(edit.id) && ids.add(edit.id));
  forget(given.filter((w) => !once.includes(w)));
  for (const { edit } of once) shelved.add(edit.id);
  queue = [...once, ...queue].sort((a, b) => a.n - b.n);
  nextPlace = Math.max(nextPlace, ...queue.map((w) => w.n + 1));
  count();
  here.adopted(once.map((w) => w.edit));
  flush();
}

/** Whether an edit is this page's and waits. */
function isWaiting(id: string): boolean {
  return queue.some((w) => w.edit.id === id);
}

function keep(w: Waiting): void {
  void at?.shelf.put(w).then(
    () => void (isWaiting(w.edit.id) && shelved.add(w.edit.id)),
    () => (fleeting.value = true), // the page still holds it
  );
}

function forget(some: readonly Waiting[]): void {
  if (some.length > 0) void at?.shelf.remove(some).catch(() => undefined);
}

/** Forget everything in memory; tests and a change of project. */
export function closeOutbox(): void {
  clearTimeout(timer);
  clearInterval(looking);
  at = null;
  ready = adopting = false;
  queue = [];
  shelved.clear();
  fleeting.value = false;
  held = running = null;
  failures = 0;
  one = false;
  forced.clear();
  conflict.value = null;
  count();
}

/** Say again what waits and what is safe. */
export function count(): void {
  saved.value = { pending: queue.length, seq: seq.peek() };
}

/** Put an edit at the end; one that is there already is replaced. `hold` ms it may still change. */
export function enqueue(edit: Edit, hold = 0): void {
  const place = queue.findIndex((w) => w.edit.id === edit.id);
  const n = queue[place]?.n ?? nextPlace++;
  const kept: Waiting = { n, tab: at?.tab ?? "", project: at?.project() ?? "", edit };
  if (place < 0) queue.push(kept);
  else queue[place] = kept;
  held = hold > 0 ? { id: edit.id, until: Date.now() + hold } : null;
  keep(kept);
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

/** Edits that wait, oldest first. */
export function* waitingEdits(): Generator<Edit> {
  for (const { edit } of queue) yield edit;
}

const restful = new Set<() => Promise<boolean>>();

/** Let `drained` ask for what waits outside of the queue; `give` sends it, and says if it is kept. */
export function holdsBack(give: () => Promise<boolean>): () => void {
  restful.add(give);
  return () => void restful.delete(give);
}

/** Resolve when nothing waits any more, or sending has stopped; what is not given stops nothing. */
export async function drained(): Promise<boolean> {
  const given = await Promise.all([...restful].map((give) => give().catch(() => false)));
  release();
  while (running !== null) await running;
  return queue.length === 0 && !given.includes(false);
}

/** Send now what may be sent; called again by itself until nothing is left. */
export function flush(): void {
  if (running !== null || at === null || !ready) return;
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

/** Leave out what another page took over while the browser had stopped this one. */
async function still(): Promise<void> {
  if (at === null || at.pages.sure || shelved.size === 0) return;
  const before = new Set(shelved);
  const found = await soon(at.shelf.others(at.tab), []);
  if (at === null) return;
  // what is under no name was sent by the other already, or the browser threw it away: the server
  // keeps edits by their id, so to send it is right in both cases
  const theirs = new Set(found.map((w) => w.edit.id));
  const taken = queue.filter(({ edit }) => before.has(edit.id) && theirs.has(edit.id));
  if (taken.length === 0) return;
  queue = queue.filter((w) => !taken.includes(w));
  for (const { edit } of taken) shelved.delete(edit.id);
  count();
  at.taken(taken.map((w) => w.edit));
}

async function send(): Promise<void> {
  await still();
  const picked = batch();
  if (picked.length === 0) return;
  const force = forced.has(picked[0]!.edit.id);
  const body: Edits = { edits: picked.map((w) => w.edit), force };
  let answer: Applied;
  try {
    answer = await post<Applied>("edits", body, { within: ANSWER_MS });
  } catch (error) {
    failed(picked, error);
    return;
  }
  failures = 0;
  connection.value = "live";
  refused.value = "";
  done(picked, answer);
}

function done(picked: Waiting[], answer: Applied): void {
  const safe = picked.filter((w) => answer.done.includes(w.edit.id));
  const rest = picked.filter((w) => !answer.done.includes(w.edit.id));
  seq.value = Math.max(seq.peek(), answer.seq);
  drop(safe);
  at?.confirmed(safe.map((w) => w.edit), answer.seq);
  const problem = answer.problem ?? null;
  if (problem !== null && rest.length > 0) refuse(rest[0]!, problem);
  else if (rest.length === 0) one = false;
  else failures += 1; // neither done nor refused: ask again, but not at once
}

function drop(some: Waiting[]): void {
  const ids = new Set(some.map((w) => w.edit.id));
  queue = queue.filter((w) => !ids.has(w.edit.id));
  for (const id of ids) {
    forced.delete(id);
    shelved.delete(id);
  }
  count();
  forget(some); // not waited for: a disk that hangs must not stop the post
}

const PASSING = new Set(["full", "read-only", "busy", "bug", "http", "missing"]); // codes

function failed(picked: Waiting[], error: unknown): void {
  if (forGood(error)) {
    connection.value = "live";
    refused.value = "";
    failures = 0;
    if (picked.length === 1) refuse(picked[0]!, error.problem);
    else one = true;
    return;
  }
  failures += 1;
  if (notNow(error)) {
    connection.value = "live";
    refused.value = sentence(error);
  } else connection.value = "lost";
}

function refuse(w: Waiting, problem: Problem): void {
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
  drop([w]);
  at?.dropped(w.edit, problem);
}

/** Decide a conflict: mine is sent again and wins, or mine is dropped and theirs stands. */
export function settle(mine: boolean): Conflict | null {
  const open = conflict.peek();
  if (open === null) return null;
  const w = queue.find((one) => one.edit.id === open.edit.id);
  if (mine) forced.add(open.edit.id);
  else if (w !== undefined) drop([w]);
  conflict.value = null;
  flush();
  return open;
}
