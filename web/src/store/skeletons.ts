// Skeletons on the page: names, sides, pairs, what contradicts itself. Same rules as the server.
import type { Skeleton } from "../types.gen";

/** The skeleton that a change says, with or without an order of its keypoints; null: none. */
export function plainSkeleton(value: unknown): Skeleton | null {
  if (typeof value !== "object" || value === null) return null;
  if ("keypoints" in value) return value as Skeleton;
  return "skeleton" in value ? plainSkeleton(value.skeleton) : null;
}

function like(word: string, model: string): string {
  if (model === model.toUpperCase()) return word.toUpperCase();
  return model[0] === model[0]!.toUpperCase() ? word[0]!.toUpperCase() + word.slice(1) : word;
}

const lower = (c: string): boolean => c !== "" && c === c.toLowerCase() && c !== c.toUpperCase();
const upper = (c: string): boolean => c !== "" && c === c.toUpperCase() && c !== c.toLowerCase();
const digit = (c: string): boolean => /^\d$/.test(c);

/** The name of the other side ("leftear" to "rightear"), or null where a name has no side. */
export function mirroredName(name: string): string | null {
  const low = name.toLowerCase();
  for (const [one, other] of [["left", "right"], ["right", "left"]] as const) {
    const at = low.indexOf(one);
    if (at < 0) continue;
    const found = name.slice(at, at + one.length);
    return name.slice(0, at) + like(other, found) + name.slice(at + one.length);
  }
  for (const sep of ["_", "-", ".", " "]) {
    const parts = name.split(sep);
    const at = parts.findIndex((part) => ["l", "r"].includes(part.toLowerCase()));
    if (parts.length < 2 || at < 0) continue;
    const other = like(parts[at]!.toLowerCase() === "l" ? "r" : "l", parts[at]!);
    return parts.with(at, other).join(sep);
  }
  return mirroredLetter(name);
}

/** Side letters in camel case: eyeL, LHand, forelegR2, paw1LH. */
function mirroredLetter(name: string): string | null {
  const n = name.length;
  const middle = Array.from({ length: Math.max(n - 2, 0) }, (_, i) => i + 1);
  for (const i of n > 1 ? [n - 1, 0, ...middle] : []) {
    const letter = name[i]!;
    if (letter !== "L" && letter !== "R") continue;
    const before = name[i - 1] ?? "";
    const after = name[i + 1] ?? "";
    const starts = before === "" || lower(before) || digit(before);
    const alone = starts && (after === "" || !lower(after) || i === 0);
    if (alone && (before !== "" || upper(after)))
      return name.slice(0, i) + (letter === "L" ? "R" : "L") + name.slice(i + 1);
  }
  return null;
}

/** Pairs found by name, mutual; -1 where no partner is present. */
export function guessSwap(names: readonly string[]): number[] {
  const index = new Map(names.map((name, j) => [name, j]));
  const swap = names.map((name) => index.get(mirroredName(name) ?? "") ?? -1);
  return swap.map((k, j) => (k >= 0 && k !== j && swap[k] === j ? k : -1));
}

/** Names in pasted text: by line, comma or semicolon, else by space. */
export function parseNames(text: string): string[] {
  const lines = text.split(/[\n\r,;\t]+/).map((name) => name.trim().replace(/^["']|["']$/g, ""));
  const names = lines.filter((name) => name !== "");
  return names.length === 1 && /\s/.test(names[0]!) ? names[0]!.split(/\s+/) : names;
}

/** What speaks against a list of names: sentences, none if it is fine. */
export function nameProblems(names: readonly string[]): string[] {
  const problems = [];
  if (names.length === 0) problems.push("Give at least one keypoint.");
  if (names.some((name) => name.trim() === "")) problems.push("A keypoint has an empty name.");
  const twice = new Set(names.filter((name, i) => name !== "" && names.indexOf(name) !== i));
  for (const name of twice) problems.push(`“${name}” occurs twice; rename one of the two.`);
  return problems;
}

/** Names with a side whose partner is not in the list: to be looked at, not wrong. */
export function lonely(names: readonly string[]): string[] {
  const swap = guessSwap(names);
  return names.filter((name, j) => swap[j] === -1 && mirroredName(name) !== null);
}

/** One row of the editor: a keypoint and what it was before (-1: it is new). */
export interface Draft {
  name: string;
  was: number;
  parent: Draft | null;
  pair: Draft | null;
}

/** A skeleton while it is edited: rows point at rows, so that order is free. */
export interface DraftSkeleton {
  name: string;
  rows: Draft[];
  edges: [Draft, Draft][];
}

/** Open a skeleton for editing. */
export function draftOf(skeleton: Skeleton): DraftSkeleton {
  const rows: Draft[] = skeleton.keypoints.map((name, was) => {
    return { name, was, parent: null, pair: null };
  });
  rows.forEach((row, j) => {
    row.parent = rows[skeleton.parent[j] ?? -1] ?? null;
    row.pair = rows[skeleton.swap[j] ?? -1] ?? null;
  });
  const edges = (skeleton.edges ?? []).map(([a, b]) => [rows[a]!, rows[b]!] as [Draft, Draft]);
  return { name: skeleton.name ?? "animal", rows, edges };
}

/** The skeleton that a draft stands for; `source[j]` is the old number of keypoint j, or -1. */
export function closeDraft(draft: DraftSkeleton): { skeleton: Skeleton; source: number[] } {
  const at = (row: Draft | null): number => (row === null ? -1 : draft.rows.indexOf(row));
  const edges = draft.edges
    .map(([a, b]) => [at(a), at(b)] as [number, number])
    .filter(([a, b]) => a >= 0 && b >= 0 && a !== b);
  const skeleton = {
    name: draft.name,
    keypoints: draft.rows.map((row) => row.name.trim()),
    parent: draft.rows.map((row) => at(row.parent)),
    swap: draft.rows.map((row) => at(row.pair)),
    edges,
  };
  return { skeleton, source: draft.rows.map((row) => row.was) };
}

/** Pair two rows, or none; the pairs that they had before end, so that pairs stay mutual. */
export function pairRows(one: Draft, other: Draft | null): void {
  for (const row of [one, other]) {
    if (row?.pair) row.pair.pair = null;
    if (row) row.pair = null;
  }
  if (other === null || other === one) return;
  one.pair = other;
  other.pair = one;
}

/** Draw a line between two rows: a bone where the child has no parent yet, else an edge. */
export function joinRows(draft: DraftSkeleton, from: Draft, to: Draft): void {
  if (from === to || joined(draft, from, to)) return;
  if (to.parent === null && !hangsOn(from, to)) to.parent = from;
  else if (from.parent === null && !hangsOn(to, from)) from.parent = to;
  else draft.edges.push([from, to]);
}

/** Take the line between two rows away. */
export function partRows(draft: DraftSkeleton, a: Draft, b: Draft): void {
  if (a.parent === b) a.parent = null;
  if (b.parent === a) b.parent = null;
  draft.edges = draft.edges.filter(([p, q]) => !((p === a && q === b) || (p === b && q === a)));
}

/** Whether a line joins two rows. */
export function joined(draft: DraftSkeleton, a: Draft, b: Draft): boolean {
  const line = draft.edges.some(([p, q]) => (p === a && q === b) || (p === b && q === a));
  return line || a.parent === b || b.parent === a;
}

function hangsOn(row: Draft, ancestor: Draft): boolean {
  for (let at: Draft | null = row; at !== null; at = at.parent) if (at === ancestor) return true;
  return false;
}

/** Rows that a row may hang on without hanging on itself. */
export function hangable(draft: DraftSkeleton, row: Draft): Draft[] {
  return draft.rows.filter((one) => !hangsOn(one, row));
}

/** Take a row out; what hung on it hangs on what it hung on. */
export function removeRow(draft: DraftSkeleton, row: Draft): void {
  pairRows(row, null);
  for (const other of draft.rows) if (other.parent === row) other.parent = row.parent;
  draft.rows = draft.rows.filter((one) => one !== row);
  draft.edges = draft.edges.filter(([a, b]) => a !== row && b !== row);
}

/** Whether labels keep their numbers: old keypoints stand first and in their old order. */
export function keepsNumbers(source: readonly number[], old: number): boolean {
  return source.every((was, j) => (j < old ? was === j : was === -1)) && source.length >= old;
}
