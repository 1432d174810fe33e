// Numbers, times and changes in words.
import type { InstanceValue, Theirs } from "../types.gen";
import { same } from "./edits";
import { animalName } from "./session";

/** How long ago a time was: "8 s ago", "5 min ago", "3 h ago", else the date. */
export function ago(at: string, now = Date.now()): string {
  const then = Date.parse(at);
  if (Number.isNaN(then)) return at;
  const seconds = Math.max(Math.round((now - then) / 1000), 0);
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return new Date(then).toLocaleDateString();
}

/** A count with its noun: "1 edit", "2 edits". */
export function count(n: number, noun: string): string {
  return `${grouped(n)} ${noun}${n === 1 ? "" : "s"}`;
}

/** A whole number in groups of three: "54 000". */
export function grouped(n: number): string {
  return String(Math.round(n)).replace(/\B(?=(\d{3})+(?!\d))/g, "\u202f");
}

/** Bytes for people: "7.4 MB". */
export function size(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  const i = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), units.length - 1);
  const value = bytes / 1000 ** i;
  return `${i === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[i]}`;
}

/** Keypoints that differ between two values of an animal. */
export function moved(before: InstanceValue | null, after: InstanceValue | null): number {
  const points = (value: InstanceValue | null) => new Map(value?.points.map((p) => [p[0], p]));
  const [a, b] = [points(before), points(after)];
  const all = new Set([...a.keys(), ...b.keys()]);
  return [...all].filter((k) => !same(a.get(k), b.get(k))).length;
}

/** What somebody did to a row that I saw as `saw` (undefined: not known): "Mei moved 2 points of mouse 1, 8 s ago". */
export function deed(theirs: Theirs, saw: unknown, now = Date.now()): string {
  const when = ago(theirs.at, now);
  const by = theirs.by || "Somebody";
  if (theirs.table !== "instances") {
    const thing = theirs.table === "frames" ? "this frame" : `the ${theirs.table}`;
    return `${by} changed ${thing}, ${when}`;
  }
  const who = animalName(theirs.key[2] ?? 0);
  if (theirs.value === null) return `${by} deleted ${who}, ${when}`;
  if (saw === undefined) return `${by} changed ${who}, ${when}`;
  if (saw === null) return `${by} labelled ${who}, ${when}`;
  const n = moved(saw as InstanceValue, theirs.value as InstanceValue);
  return `${by} moved ${count(n, "point")} of ${who}, ${when}`;
}
