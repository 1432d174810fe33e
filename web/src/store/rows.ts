// The rows of frames as signals: what the server says, with the page's own edits on top.
import { signal, type ReadonlySignal, type Signal } from "@preact/signals";
import { get } from "../api";
import type {
  Change,
  Frame,
  FrameValue,
  Individual,
  InstanceValue,
  Marks,
  Prediction,
  Suggestion,
} from "../types.gen";
import * as session from "./session";
import { plainSkeleton } from "./skeletons";

/** Everything known of one frame. Never changed in place: a new object for every change. */
export interface FrameRows {
  readonly video: number;
  readonly frame: number;
  readonly loaded: boolean;
  readonly instances: ReadonlyMap<number, InstanceValue>;
  readonly row: FrameValue | null;
  readonly prediction: Prediction | null;
}

/** What is marked on the timeline of a video, by frame. */
export interface Mark {
  readonly animals: number;
  readonly complete: number; // -1: nothing said
  readonly flag: number;
}

/** A row that changes: table, key, value after. */
export type RowChange = readonly [table: string, key: readonly number[], value: unknown];

const KEPT = 600; // frames; a frame of 20 animals is some 30 kB
const frames = new Map<string, Signal<FrameRows>>();
const marked = new Map<number, Signal<ReadonlyMap<number, Mark>>>();
let pending: () => Iterable<RowChange> = () => [];

/** Let own edits that the server has not yet confirmed stand on top of what it says. */
export function setPending(changes: () => Iterable<RowChange>): void {
  pending = changes;
}

/** Name of a row, for maps. */
export function rowName(table: string, key: readonly number[]): string {
  return `${table}:${key.join(",")}`;
}

function frameSignal(video: number, frame: number): Signal<FrameRows> {
  const name = `${video},${frame}`;
  let one = frames.get(name);
  if (one === undefined) {
    const empty = { loaded: false, instances: new Map(), row: null, prediction: null };
    one = signal<FrameRows>({ video, frame, ...empty });
  } else {
    frames.delete(name); // again at the end: the map's order is the order of use
  }
  frames.set(name, one);
  for (const oldest of frames.keys()) {
    if (frames.size <= KEPT) break;
    frames.delete(oldest);
  }
  return one;
}

/** The rows of a frame; `loaded` is false until the server has answered (see `loadFrame`). */
export function frameRows(video: number, frame: number): ReadonlySignal<FrameRows> {
  return frameSignal(video, frame);
}

const loading = new Map<string, Promise<FrameRows>>();

/** Bring a frame's rows from the server unless they are here; `fresh` asks again. */
export function loadFrame(video: number, frame: number, fresh = false): Promise<FrameRows> {
  const one = frameSignal(video, frame);
  const name = `${video},${frame}`;
  if (one.value.loaded && !fresh) return Promise.resolve(one.value);
  const running = loading.get(name);
  if (running !== undefined && !fresh) return running;
  const started = read(video, frame).finally(() => {
    if (loading.get(name) === started) loading.delete(name);
  });
  loading.set(name, started);
  return started;
}

const touched = new Map<string, number>(); // changes that came of frames that are being read

/** Read a frame; again where a change overtook the answer, which would take it back. */
async function read(video: number, frame: number): Promise<FrameRows> {
  const name = `${video},${frame}`;
  try {
    for (;;) {
      const before = touched.get(name) ?? 0;
      touched.set(name, before);
      const said = await get<Frame>(`frames/${video}/${frame}`);
      if (touched.get(name) === before || said.seq >= session.seq.peek()) return takeFrame(said);
    }
  } finally {
    touched.delete(name);
  }
}

/** Take over a frame as the server has it; the page's own waiting edits stay on top. */
export function takeFrame(said: Frame): FrameRows {
  const one = frameSignal(said.video, said.frame);
  let rows: FrameRows = {
    video: said.video,
    frame: said.frame,
    loaded: true,
    instances: new Map(said.instances),
    row: said.frame_row,
    prediction: said.prediction,
  };
  for (const change of pending()) rows = changed(rows, change);
  one.value = rows;
  return rows;
}

function changed(rows: FrameRows, [table, key, value]: RowChange): FrameRows {
  if (key[0] !== rows.video || key[1] !== rows.frame) return rows;
  if (table === "frames") return { ...rows, row: value as FrameValue | null };
  if (table !== "instances") return rows;
  const instances = new Map(rows.instances);
  if (value === null) instances.delete(key[2]!);
  else instances.set(key[2]!, value as InstanceValue);
  return { ...rows, instances };
}

/** Forget what was read of frames, but for one: a new run, or a lost thread. */
export function forgetFrames(but?: { video: number; frame: number }): void {
  // a copy: whoever hears of a change reads frames, which moves them to the end of the map
  for (const one of [...frames.values()]) {
    const { video, frame } = one.peek();
    if (video !== but?.video || frame !== but.frame) one.value = { ...one.peek(), loaded: false };
  }
}

/** What stands in a row now; null: no row. */
export function rowValue(table: string, key: readonly number[]): unknown {
  if (table === "instances" || table === "frames") {
    const rows = frames.get(`${key[0]},${key[1]}`)?.peek();
    const found = table === "frames" ? rows?.row : rows?.instances.get(key[2]!);
    return found ?? null;
  }
  if (table === "individuals") {
    const found = session.individuals.peek().find((one) => one.id === key[0]);
    return found === undefined ? null : { name: found.name };
  }
  if (table === "suggestions") {
    const found = session.suggestions.peek().find((s) => s.video === key[0] && s.frame === key[1]);
    if (found === undefined) return null;
    return { reason: found.reason, score: found.score, rank: found.rank, done: +!!found.done };
  }
  if (table === "skeleton") return session.skeleton.peek();
  return null;
}

/** A change of one row from what stands there now. */
export function change(table: Change["table"], key: number[], value: unknown): Change {
  return { table, key, saw: rowValue(table, key), value };
}

/** Counts edits of identities that were heard of; who shows tracks asks again. */
export const tracksChanged = signal(0);

/** Show changed rows at once: own edits, others' edits from the feed. */
export function applyChanges(changes: Iterable<RowChange>): void {
  let identities = false;
  for (const one of changes) {
    const [table, key, value] = one;
    if (table === "instances" || table === "frames") applyToFrame(one);
    else if (table === "individuals") applyIndividual(key[0]!, value as { name: string } | null);
    else if (table === "suggestions") applySuggestion(key, value as Partial<Suggestion> | null);
    else if (table === "skeleton" && value !== null)
      session.skeleton.value = plainSkeleton(value) ?? session.skeleton.value;
    else if (table === "track_edits") identities = true;
  }
  if (!identities) return;
  tracksChanged.value += 1;
  forgetFrames(); // predicted animals have other names now
}

function applyToFrame(one: RowChange): void {
  const [video, frame] = one[1] as [number, number];
  const name = `${video},${frame}`;
  const there = frames.get(name);
  const before = there?.peek();
  if (touched.has(name)) touched.set(name, touched.get(name)! + 1);
  if (there !== undefined && before !== undefined) there.value = changed(before, one);
  markAgain(video, frame, one, before);
}

function applyIndividual(id: number, value: { name: string } | null): void {
  const others = session.individuals.value.filter((one) => one.id !== id);
  const now: Individual[] = value === null ? others : [...others, { id, name: value.name }];
  session.individuals.value = now.sort((a, b) => a.id - b.id);
}

function applySuggestion(key: readonly number[], value: Partial<Suggestion> | null): void {
  const [video, frame] = key as [number, number];
  const old = session.suggestions.value;
  const at = old.findIndex((one) => one.video === video && one.frame === frame);
  const others = old.filter((_, i) => i !== at);
  if (value === null) {
    session.suggestions.value = others;
    return;
  }
  const empty = { reason: "", score: null, rank: 0, done: false, holder: null };
  const next = { ...empty, ...old[at], ...value, done: !!value.done, video, frame };
  session.suggestions.value = at < 0 ? [...old, next] : old.with(at, next);
}

/** Marks of a video by frame; empty until `loadMarks`. */
export function marks(video: number): Signal<ReadonlyMap<number, Mark>> {
  let one = marked.get(video);
  if (one === undefined) marked.set(video, (one = signal<ReadonlyMap<number, Mark>>(new Map())));
  return one;
}

/** Bring the marks of a video from the server. */
export async function loadMarks(video: number): Promise<void> {
  const said = await get<Marks>(`frames?video=${video}`);
  const all = new Map<number, Mark>();
  said.frame.forEach((frame, i) => {
    const flag = said.flag[i] ?? 0;
    all.set(frame, { animals: said.animals[i] ?? 0, complete: said.complete[i] ?? -1, flag });
  });
  marks(video).value = all;
}

/** Bring the marks again of all videos that have some here. */
export async function reloadMarks(): Promise<void> {
  for (const video of marked.keys()) await loadMarks(video);
}

function markAgain(video: number, frame: number, one: RowChange, before?: FrameRows): void {
  const signalOf = marks(video);
  const old = signalOf.peek().get(frame) ?? { animals: 0, complete: -1, flag: 0 };
  const next = { ...old };
  if (one[0] === "frames") {
    const row = one[2] as FrameValue | null;
    next.complete = row?.complete ?? -1;
    next.flag = row?.flag ?? 0;
  } else {
    const rows = frames.get(`${video},${frame}`)?.peek();
    const was = before?.instances.has(one[1][2]!) ?? one[2] === null;
    const counted = old.animals + (one[2] === null ? (was ? -1 : 0) : was ? 0 : 1);
    next.animals = rows?.loaded ? rows.instances.size : Math.max(counted, 0);
  }
  if (next.animals === old.animals && next.complete === old.complete && next.flag === old.flag)
    return;
  const all = new Map(signalOf.peek());
  if (next.animals === 0 && next.complete < 0 && next.flag === 0) all.delete(frame);
  else all.set(frame, next);
  signalOf.value = all;
}
