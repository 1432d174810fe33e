// What is marked on the timeline of a video, by frame: what the server said, own edits on top.
import { signal, type Signal } from "@preact/signals";
import type { Change, FrameValue, Marks } from "../types.gen";

/** Of one frame. */
export interface Mark {
  readonly animals: number;
  readonly complete: number; // -1: nothing said
  readonly flag: number;
}

interface Held {
  readonly said: Map<number, Mark>;
  at: number; // seq of the newest answer about all frames
  readonly shown: Signal<ReadonlyMap<number, Mark>>;
}

const NOTHING: Mark = { animals: 0, complete: -1, flag: 0 };
const held = new Map<number, Held>();

function of(video: number): Held {
  let one = held.get(video);
  if (one === undefined) {
    one = { said: new Map(), at: -1, shown: signal<ReadonlyMap<number, Mark>>(new Map()) };
    held.set(video, one);
  }
  return one;
}

/** Marks of a video by frame; empty until they were brought. */
export function marks(video: number): Signal<ReadonlyMap<number, Mark>> {
  return of(video).shown;
}

/** Videos of which some marks are here. */
export function marked(): number[] {
  return [...held.keys()];
}

/** The line of the log up to which all marks of a video are known. */
export function markedAt(video: number): number {
  return held.get(video)?.at ?? -1;
}

/** The log is another: what was said counts until the server says more. */
export function forgetMarks(): void {
  for (const one of held.values()) one.at = -1;
}

/** Take over what the server says of the frames from `first` to `last`. */
export function takeMarks(answer: Marks, first = 0, last = Infinity): void {
  const one = of(answer.video);
  const { said } = one;
  if (answer.seq < one.at) return; // an older answer that came late
  if (first === 0 && last === Infinity) one.at = answer.seq;
  for (const frame of [...said.keys()]) if (frame >= first && frame <= last) said.delete(frame);
  answer.frame.forEach((frame, i) => {
    const [animals, flag] = [answer.animals[i] ?? 0, answer.flag[i] ?? 0];
    said.set(frame, { animals, complete: answer.complete[i] ?? -1, flag });
  });
}

/** Take over what the server says of a frame in part, such as its row alone. */
export function takeMark(video: number, frame: number, part: Partial<Mark>): void {
  const { said } = of(video);
  const next = { ...(said.get(frame) ?? NOTHING), ...part };
  if (empty(next)) said.delete(frame);
  else said.set(frame, next);
}

/** The part of a mark that the row of a frame holds. */
export function ofRow(row: FrameValue | null): Pick<Mark, "complete" | "flag"> {
  return { complete: row?.complete ?? -1, flag: row?.flag ?? 0 };
}

/** What the server said of a frame, with own changes of it on top. */
export function withOwn(video: number, frame: number, own: Iterable<Change>): Mark {
  let mark = of(video).said.get(frame) ?? NOTHING;
  for (const { table, key, saw, value } of own) {
    if (key[0] !== video || key[1] !== frame) continue;
    if (table === "frames") mark = { ...mark, ...ofRow(value as FrameValue | null) };
    else if (table === "instances") {
      const animals = mark.animals + +(value !== null) - +(saw !== null);
      mark = { ...mark, animals: Math.max(animals, 0) };
    }
  }
  return mark;
}

/** Show one frame's mark. */
export function showMark(video: number, frame: number, mark: Mark): void {
  const { shown } = of(video);
  const old = shown.peek().get(frame) ?? NOTHING;
  if (mark.animals === old.animals && mark.complete === old.complete && mark.flag === old.flag)
    return;
  const all = new Map(shown.peek());
  if (empty(mark)) all.delete(frame);
  else all.set(frame, mark);
  shown.value = all;
}

/** Show all that the server said, and of some frames something else. */
export function showMarks(video: number, others: ReadonlyMap<number, Mark>): void {
  const all = new Map(of(video).said);
  for (const [frame, mark] of others) {
    if (empty(mark)) all.delete(frame);
    else all.set(frame, mark);
  }
  of(video).shown.value = all;
}

function empty(mark: Mark): boolean {
  return mark.animals === 0 && mark.complete < 0 && mark.flag === 0;
}
