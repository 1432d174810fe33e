// The one way to change labels: applied at once, kept, sent, undone.
import { signal } from "@preact/signals";
import { ApiError, post, sentence, uuid } from "../api";
import type { Change, Edit, Message, Problem, Restore, Stepped, Steps, Theirs } from "../types.gen";
import * as outbox from "./outbox";
import { acknowledge, echo, known } from "./own";
import { openPages } from "./pages";
import * as rows from "./rows";
import { edited, hearTo, heard, loadProject, mayEdit, project, refused, role, seq } from "./session";
import { openShelf } from "./shelf";
import { toast } from "./toasts";
import { goTo } from "./view";

/** An undo or redo that would undo somebody else's change, too. */
export interface Blocked {
  what: "undo" | "redo";
  /** So many of my edits were to be undone; with force, all of them. */
  n: number;
  theirs: Theirs[];
}
export const blocked = signal<Blocked | null>(null);

const MERGE_MS = 1000;
let last: { edit: Edit; merge: string; at: number } | null = null;
const ANSWER_MS = 30_000;
const MOST = 1000; // steps at once
const TRIES = 3; // of an undo; it carries a number, so it happens once

/** Change rows as one step of undo. Edits with the same `merge` within a second become one. */
export function edit(action: string, changes: Change[], merge?: string): void {
  const real = changes.map(tidy).filter((c) => !same(c.saw, c.value));
  if (real.length === 0 || !allowed()) return;
  edited.value = true;
  const joins = merge !== undefined && last?.merge === merge && outbox.isHeld(last.edit.id);
  if (joins && Date.now() - last!.at < MERGE_MS) {
    last!.edit = { ...last!.edit, action, changes: merged(last!.edit.changes, real) };
    last!.at = Date.now();
    outbox.enqueue(last!.edit, MERGE_MS);
    rows.showRows(real);
    return;
  }
  const made: Edit = { id: uuid(), action: action.slice(0, 80), changes: real };
  last = merge === undefined ? null : { edit: made, merge, at: Date.now() };
  outbox.enqueue(made, merge === undefined ? 0 : MERGE_MS);
  rows.showRows(real);
}

function allowed(): boolean {
  if (mayEdit.peek()) return true;
  const why = role.peek() === "read" ? "You may look, not edit." : refused.peek();
  toast(why, { kind: "warn", once: "refused" });
  return false;
}

/** Points stand in the order of their keypoints, as the server keeps them. */
function tidy(change: Change): Change {
  if (change.table !== "instances" || change.value === null) return change;
  const value = change.value as { origin: number; points: [number, ...unknown[]][] };
  return { ...change, value: { ...value, points: value.points.toSorted((a, b) => a[0] - b[0]) } };
}

/** Whether two values of rows are equal, whatever the order of their fields. */
export function same(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [p, q] = [a as Record<string, unknown>, b as Record<string, unknown>];
  const names = Object.keys(p);
  return names.length === Object.keys(q).length && names.every((n) => n in q && same(p[n], q[n]));
}

/** Two edits after one another as one: what the first saw, what the second left. */
export function merged(first: readonly Change[], second: readonly Change[]): Change[] {
  const all = new Map(first.map((c) => [rows.rowName(c.table, c.key), c]));
  for (const c of second) {
    const name = rows.rowName(c.table, c.key);
    all.set(name, { ...c, saw: all.has(name) ? all.get(name)!.saw : c.saw });
  }
  return [...all.values()];
}

/** Take my last edit back. */
export function undo(): Promise<void> {
  return again("undo");
}

/** Make the edit again that I took back last. */
export function redo(): Promise<void> {
  return again("redo");
}

/** Steps of undo, redo and restore that are asked for and not yet answered. */
export const stepping = signal(0);
let turn: Promise<void> = Promise.resolve();

/** One step after another, however fast the keys come. */
function inTurn(step: () => Promise<void>): Promise<void> {
  stepping.value++;
  turn = turn.then(step, step).finally(() => stepping.value--);
  return turn;
}

/** Undo or redo; `force`: also what somebody has changed since. `n`: so many of my edits. */
export function again(what: "undo" | "redo", n = 1, force = false): Promise<void> {
  return allowed() ? inTurn(() => step(what, n, force)) : Promise.resolve();
}

async function step(what: "undo" | "redo", n: number, force: boolean): Promise<void> {
  last = null;
  if (!(await outbox.drained())) {
    if (outbox.saved.peek().pending > 0)
      toast("Edits wait for the server; undo works again when they are saved.", { kind: "warn" });
    return; // else who held an edit back has said why it is not kept
  }
  let left = n;
  try {
    const answer = await stepped(what, force, n, (rest) => (left = rest));
    if (answer.actions.length === 0) toast(`Nothing to ${what}.`);
    else toast(`${what === "undo" ? "Undone" : "Done again"}: ${answer.actions[0]}`);
    if (answer.video !== null && answer.frame !== null && answer.frame !== undefined)
      goTo(answer.frame, answer.video ?? undefined);
    blocked.value = null;
    await caughtUp(answer);
  } catch (error) {
    const conflict = error instanceof ApiError && error.problem.code === "conflict";
    if (conflict) blocked.value = { what, n: left, theirs: (error as ApiError).problem.theirs ?? [] };
    else toast(sentence(error), { kind: "error" });
  }
}

/** As many steps as are wanted, in requests of as many as the server takes; the last answer. */
async function stepped(
  what: "undo" | "redo",
  force: boolean,
  n: number,
  tell: (left: number) => void,
): Promise<Stepped> {
  for (let left = n; ; ) {
    const most = Math.min(left, MOST);
    const answer = await surely<Stepped>(what, { id: uuid(), n: most, force });
    left -= most;
    tell(left);
    if (left === 0 || answer.actions.length < most) return answer;
  }
}

/** Post what happens once however often it comes, again where nobody answers. */
async function surely<T>(path: string, body: Steps | Restore): Promise<T> {
  for (let left = TRIES; ; ) {
    try {
      return await post<T>(path, body, { within: ANSWER_MS });
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 0 || --left === 0) throw error;
    }
  }
}

/** The feed brings what an undo changed; where it is late, the frame is read again. */
async function caughtUp(answer: Stepped): Promise<void> {
  const until = Date.now() + 500;
  while (heard.peek() < answer.seq && Date.now() < until)
    await new Promise((resolve) => setTimeout(resolve, 10));
  if (heard.peek() >= answer.seq || answer.video == null || answer.frame == null) return;
  await rows.loadFrame(answer.video, answer.frame, true).catch(() => undefined);
}

/** Bring one frame back as it was after an edit. */
export function restore(video: number, frame: number, at: number): Promise<void> {
  return allowed() ? inTurn(() => broughtBack(video, frame, at)) : Promise.resolve();
}

async function broughtBack(video: number, frame: number, at: number): Promise<void> {
  if (!(await outbox.drained())) return;
  const body: Restore = { id: uuid(), video, frame, seq: at };
  try {
    await surely("restore", body);
    goTo(frame, video);
    await rows.loadFrame(video, frame, true);
    toast(`Frame ${frame} is again as it was after edit ${at}.`);
  } catch (error) {
    toast(sentence(error), { kind: "error" });
  }
}

/** Take over an edit that the feed brought. */
export function take(message: Message): void {
  const at = message.seq ?? 0;
  seq.value = Math.max(seq.peek(), at);
  const own = message.id == null ? null : echo(message.id);
  const told: rows.RowChange[] = message.changes ?? [];
  // an edit of many rows is told without them; of an own one they are known
  const all = [...(own?.changes ?? []).map(plain), ...told];
  hearTo(at, message.at ?? "");
  rows.hear(at, all);
  rows.showRows(changesOf(known(heard.peek())));
  if (told.some(([table]) => table === "videos")) void loadProject().catch(() => undefined);
}

function plain({ table, key, value }: Change): rows.RowChange {
  return [table, key, value];
}

function changesOf(edits: readonly Edit[]): Change[] {
  return edits.flatMap(({ changes }) => changes);
}

function confirmed(edits: Edit[], at: number): void {
  acknowledge(edits, at);
  known(heard.peek());
  rows.showRows(changesOf(edits));
}

function adopted(edits: Edit[]): void {
  rows.showRows(changesOf(edits));
  const more = edits.length === 1 ? "An edit" : `${edits.length} edits`;
  toast(`${more} of an earlier page ${edits.length === 1 ? "is" : "are"} being saved.`);
}

function taken(edits: Edit[]): void {
  last = null;
  rows.showRows(changesOf(edits));
}

function dropped(lost: Edit, problem: Problem): void {
  toast(`“${lost.action}” was not taken: ${problem.message} ${problem.hint ?? ""}`.trim(), {
    kind: "error",
  });
  last = null;
  readAgain(lost.changes);
}

function readAgain(changes: readonly Change[]): void {
  rows.showRows(changes);
  const places = new Map<string, [number, number]>();
  let whole = false;
  for (const { table, key } of changes) {
    if (table === "instances" || table === "frames") places.set(`${key[0]},${key[1]}`, [key[0]!, key[1]!]);
    else whole = true;
  }
  if (whole) void loadProject().catch(() => undefined);
  for (const [video, frame] of places.values())
    void rows.loadFrame(video, frame, true).catch(() => undefined);
}

/** Decide the open conflict. */
export function settle(mine: boolean): void {
  const open = outbox.settle(mine);
  if (open === null || mine) return;
  last = null;
  for (const { table, key, value, seq: at } of open.theirs)
    if (at > heard.peek()) rows.applyChanges([[table, key, value]], at);
  readAgain(open.edit.changes);
}

/** Begin to send; what an earlier page left is shown and sent first. */
export async function openEdits(): Promise<void> {
  const tab = uuid();
  const pages = openPages(tab);
  const shelf = await openShelf();
  const folder = project.peek()?.folder ?? ""; // under which they were kept before there were ids
  const filed = { project: () => project.peek()?.id || folder, formerly: [folder] };
  await outbox.openOutbox({ ...filed, shelf, pages, tab, dropped, confirmed, adopted, taken });
}
