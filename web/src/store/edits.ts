// The one way to change labels: applied at once, kept, sent, undone.
import { signal } from "@preact/signals";
import { ApiError, post, sentence, uuid } from "../api";
import type { Change, Edit, Message, Problem, Restore, Stepped, Steps, Theirs } from "../types.gen";
import * as outbox from "./outbox";
import { applyChanges, loadFrame, rowName, type RowChange } from "./rows";
import { heard, loadProject, mayEdit, refused, role, seq } from "./session";
import { openShelf, pages } from "./shelf";
import { toast } from "./toasts";
import { goTo } from "./view";

/** An undo or redo that would undo somebody else's change, too. */
export interface Blocked {
  what: "undo" | "redo";
  theirs: Theirs[];
}
export const blocked = signal<Blocked | null>(null);

const MERGE_MS = 1000;
let last: { edit: Edit; merge: string; at: number } | null = null;
const sent = new Set<string>(); // ids of own edits whose echo is still to come
const skipped = new Map<string, { seq: number; change: RowChange }>();

/** Change rows as one step of undo. Edits with the same `merge` within a second become one. */
export function edit(action: string, changes: Change[], merge?: string): void {
  const real = changes.map(tidy).filter((c) => !same(c.saw, c.value));
  if (real.length === 0 || !allowed()) return;
  applyChanges(real.map(({ table, key, value }) => [table, key, value] as const));
  const joins = merge !== undefined && last?.merge === merge && outbox.isHeld(last.edit.id);
  if (joins && Date.now() - last!.at < MERGE_MS) {
    last!.edit = { ...last!.edit, action, changes: merged(last!.edit.changes, real) };
    last!.at = Date.now();
    outbox.enqueue(last!.edit, MERGE_MS);
    return;
  }
  const made: Edit = { id: uuid(), action: action.slice(0, 80), changes: real };
  last = merge === undefined ? null : { edit: made, merge, at: Date.now() };
  outbox.enqueue(made, merge === undefined ? 0 : MERGE_MS);
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
  const all = new Map(first.map((c) => [rowName(c.table, c.key), c]));
  for (const c of second) {
    const name = rowName(c.table, c.key);
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
    toast("Edits wait for the server; undo works again when they are saved.", { kind: "warn" });
    return;
  }
  const body: Steps = { id: uuid(), n, force };
  try {
    const answer = await post<Stepped>(what, body);
    if (answer.actions.length === 0) toast(`Nothing to ${what}.`);
    else toast(`${what === "undo" ? "Undone" : "Done again"}: ${answer.actions[0]}`);
    if (answer.video !== null && answer.frame !== null && answer.frame !== undefined)
      goTo(answer.frame, answer.video ?? undefined);
    blocked.value = null;
    await caughtUp(answer);
  } catch (error) {
    const conflict = error instanceof ApiError && error.problem.code === "conflict";
    if (conflict) blocked.value = { what, theirs: (error as ApiError).problem.theirs ?? [] };
    else toast(sentence(error), { kind: "error" });
  }
}

/** The feed brings what an undo changed; where it is late, the frame is read again. */
async function caughtUp(answer: Stepped): Promise<void> {
  const until = Date.now() + 500;
  while (heard.peek() < answer.seq && Date.now() < until)
    await new Promise((resolve) => setTimeout(resolve, 10));
  if (heard.peek() >= answer.seq || answer.video == null || answer.frame == null) return;
  await loadFrame(answer.video, answer.frame, true).catch(() => undefined);
}

/** Bring one frame back as it was after an edit. */
export function restore(video: number, frame: number, at: number): Promise<void> {
  return allowed() ? inTurn(() => broughtBack(video, frame, at)) : Promise.resolve();
}

async function broughtBack(video: number, frame: number, at: number): Promise<void> {
  if (!(await outbox.drained())) return;
  const body: Restore = { id: uuid(), video, frame, seq: at };
  try {
    await post("restore", body);
    goTo(frame, video);
    await loadFrame(video, frame, true);
    toast(`Frame ${frame} is again as it was after edit ${at}.`);
  } catch (error) {
    toast(sentence(error), { kind: "error" });
  }
}

/** Show an edit that the feed brought. Own edits are shown already. */
export function take(message: Message): void {
  const at = message.seq ?? 0;
  seq.value = Math.max(seq.peek(), at);
  if (message.id != null && (sent.delete(message.id) || outbox.isWaiting(message.id))) return;
  const show: RowChange[] = [];
  for (const one of message.changes ?? []) {
    // a row with an own edit on its way: the server decides, and says so with 409
    if (outbox.waits(one[0], one[1])) skipped.set(rowName(one[0], one[1]), { seq: at, change: one });
    else show.push(one);
  }
  applyChanges(show);
  if (show.some(([table]) => table === "videos")) void loadProject().catch(() => undefined);
}

function confirmed(edits: Edit[], at: number): void {
  for (const { id, changes } of edits) {
    sent.add(id);
    for (const { table, key } of changes) {
      const name = rowName(table, key);
      const later = skipped.get(name);
      if (later === undefined || outbox.waits(table, key)) continue;
      skipped.delete(name);
      if (later.seq > at) applyChanges([later.change]);
    }
  }
  // echoes that never come (a feed that began later) must not pile up
  for (const id of sent) {
    if (sent.size <= 2000) break;
    sent.delete(id);
  }
}

function dropped(lost: Edit, problem: Problem): void {
  toast(`“${lost.action}” was not taken: ${problem.message} ${problem.hint ?? ""}`.trim(), {
    kind: "error",
  });
  last = null;
  readAgain(lost.changes);
}

function readAgain(changes: readonly Change[]): void {
  const places = new Map<string, [number, number]>();
  for (const { table, key, saw } of changes) {
    if (table === "instances" || table === "frames") places.set(`${key[0]},${key[1]}`, [key[0]!, key[1]!]);
    else applyChanges([[table, key, saw]]);
  }
  for (const [video, frame] of places.values())
    void loadFrame(video, frame, true).catch(() => undefined);
}

/** Decide the open conflict. */
export async function settle(mine: boolean): Promise<void> {
  const open = await outbox.settle(mine);
  if (open === null || mine) return;
  last = null;
  applyChanges(open.theirs.map(({ table, key, value }) => [table, key, value] as const));
  readAgain(open.edit.changes.filter((c) => c.table === "instances" || c.table === "frames"));
}

/** Begin to send; what an earlier page left is shown and sent first. */
export async function openEdits(project: string): Promise<void> {
  const tab = uuid();
  const [shelf, alive] = await Promise.all([openShelf(), pages(tab)]);
  const left = await outbox.openOutbox({ shelf, tab, project, alive, dropped, confirmed });
  for (const one of left) applyChanges(one.changes.map((c) => [c.table, c.key, c.value] as const));
  if (left.length > 0) toast(`${left.length} edits of an earlier page are being saved.`);
}
