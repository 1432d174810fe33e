// Rows of the project as a whole: animals, suggestions, skeleton; own edits on what was said.
import type { Change, Individual, Project, Skeleton, Suggestion } from "../types.gen";
import type { RowChange } from "./rows";
import * as session from "./session";
import { plainSkeleton } from "./skeletons";

interface Whole {
  readonly individuals: Individual[];
  readonly suggestions: Suggestion[];
  readonly skeleton: Skeleton | null;
}

let said: Whole = { individuals: [], suggestions: [], skeleton: null };
let at = -1; // seq of the newest answer that was taken over
let own: (at: number) => Iterable<Change> = () => [];

/** Let own edits that the log up to `at` does not hold stand on top. */
export function setOwnWhole(changes: (at: number) => Iterable<Change>): void {
  own = changes;
}

/** Lay over an answer what is newer than it: what the feed told, and own edits. */
export function lay(next: Project, since: readonly RowChange[]): Project {
  if (next.seq >= at) {
    at = next.seq;
    const { individuals, suggestions, skeleton } = next;
    said = since.reduce(changed, { individuals, suggestions, skeleton });
  } else {
    // an older answer that came late
    const holder = new Map(next.suggestions.map((one) => [`${one.video},${one.frame}`, one.holder]));
    const held = (one: Suggestion): Suggestion => ({
      ...one,
      holder: holder.get(`${one.video},${one.frame}`) ?? null,
    });
    said = { ...said, suggestions: said.suggestions.map(held) };
  }
  return { ...next, ...whole() };
}

/** Take over rows as they stood at a line of the log, unless more is known; show them. */
export function takeWhole(changes: Iterable<RowChange>, seq: number): void {
  if (seq > at) for (const one of changes) said = changed(said, one);
  showWhole();
}

/** Show what was said with the own edits as they are now. */
export function showWhole(): void {
  const { individuals, suggestions, skeleton } = whole();
  session.individuals.value = individuals;
  session.suggestions.value = suggestions;
  session.skeleton.value = skeleton;
}

/** Whether rows of a table are kept here. */
export function isWhole(table: string): boolean {
  return table === "individuals" || table === "suggestions" || table === "skeleton";
}

/** Forget of which state of the log this is; another log begins. */
export function forgetWhole(): void {
  at = -1;
}

function whole(): Whole {
  let now = said;
  for (const { table, key, value } of own(Math.max(at, session.heard.peek()))) now = changed(now, [table, key, value]);
  return now;
}

function changed(now: Whole, [table, key, value]: RowChange): Whole {
  if (table === "individuals") return { ...now, individuals: individual(now.individuals, key[0]!, value) };
  if (table === "suggestions") return { ...now, suggestions: suggestion(now.suggestions, key, value) };
  if (table === "skeleton" && value !== null)
    return { ...now, skeleton: plainSkeleton(value) ?? now.skeleton };
  return now;
}

function individual(old: readonly Individual[], id: number, value: unknown): Individual[] {
  const others = old.filter((one) => one.id !== id);
  if (value !== null) others.push({ id, name: (value as { name: string }).name });
  return others.sort((a, b) => a.id - b.id);
}

function suggestion(old: readonly Suggestion[], key: readonly number[], value: unknown): Suggestion[] {
  const [video, frame] = key as [number, number];
  const place = old.findIndex((one) => one.video === video && one.frame === frame);
  if (value === null) return old.filter((_, i) => i !== place);
  const empty = { reason: "", score: null, rank: 0, done: false, holder: null };
  const row = value as Partial<Suggestion>;
  const next: Suggestion = { ...empty, ...old[place], ...row, done: !!row.done, video, frame };
  return place < 0 ? [...old, next] : old.with(place, next);
}
