// The rows of frames as signals: what the server says, with the page's own edits on top.
//
// Kept apart are what was said and what is shown. Said are answers, with what the feed told since;
// shown are the own edits on top that what was said does not hold. So an answer that is older than
// an edit, or an edit of somebody else under an own one, takes nothing back.
import { signal, type ReadonlySignal, type Signal } from "@preact/signals";
import { get } from "../api";
import type { Change, Frame, FrameValue, InstanceValue, Marks, Prediction } from "../types.gen";
import * as told from "./marks";
import * as session from "./session";
import * as view from "./view";
import { missed, note, reading } from "./told";
import { forgetWhole, isWhole, lay, setOwnWhole, showWhole, takeWhole } from "./whole";

export { marks, type Mark } from "./marks";

/** Everything known of one frame. Never changed in place: a new object for every change. */
export interface FrameRows {
  readonly video: number;
  readonly frame: number;
  readonly loaded: boolean;
  readonly instances: ReadonlyMap<number, InstanceValue>;
  readonly row: FrameValue | null;
  readonly prediction: Prediction | null;
}

/** A row that changes: table, key, value after. */
export type RowChange = readonly [table: string, key: readonly number[], value: unknown];

interface Held {
  readonly shown: Signal<FrameRows>;
  said: FrameRows;
  at: number; // seq of the newest answer that was taken over
}

const KEPT = 600; // frames; a frame of 20 animals is some 30 kB
const ANSWER_MS = 30_000;
const MARKS_MS = 200; // frames that are not here and that others change are asked for together
const AGAIN_MS = 3000;
const frames = new Map<string, Held>();
let own: (at: number) => Iterable<Change> = () => [];

/** Let own edits that the log up to `at` does not hold stand on top of what the server says. */
export function setOwn(changes: (at: number) => Iterable<Change>): void {
  own = changes;
  setOwnWhole(changes);
  session.setLaid(lay);
}

/** Name of a row, for maps. */
export function rowName(table: string, key: readonly number[]): string {
  return `${table}:${key.join(",")}`;
}

function held(video: number, frame: number): Held {
  const name = `${video},${frame}`;
  let one = frames.get(name);
  if (one === undefined) {
    const empty = { loaded: false, instances: new Map(), row: null, prediction: null };
    const said: FrameRows = { video, frame, ...empty };
    one = { said, shown: signal(said), at: -1 };
  } else {
    frames.delete(name); // again at the end: the map's order is the order of use
  }
  frames.set(name, one);
  const open = `${view.video.peek()},${view.frame.peek()}`; // on the screen: news must reach it
  for (const oldest of frames.keys()) {
    if (frames.size <= KEPT) break;
    if (oldest !== open) frames.delete(oldest);
  }
  return one;
}

/** The rows of a frame; `loaded` is false until the server has answered (see `loadFrame`). */
export function frameRows(video: number, frame: number): ReadonlySignal<FrameRows> {
  return held(video, frame).shown;
}

const loading = new Map<string, Promise<FrameRows>>();

/** Bring a frame's rows from the server unless they are here; `fresh` asks again. */
export function loadFrame(video: number, frame: number, fresh = false): Promise<FrameRows> {
  const one = held(video, frame).shown;
  const name = `${video},${frame}`;
  if (one.value.loaded && !fresh) return Promise.resolve(one.value);
  const running = loading.get(name);
  if (running !== undefined && !fresh) return running;
  const ask = (): Promise<Frame> => get<Frame>(`frames/${video}/${frame}`, { within: ANSWER_MS });
  const started = reading(ask)
    .then(({ said, since }) => takeFrame(said, since))
    .finally(() => {
      if (loading.get(name) === started) loading.delete(name);
    });
  loading.set(name, started);
  return started;
}

/** Take over a frame as the server has it, and changes that are newer than that. */
export function takeFrame(said: Frame, since: readonly RowChange[] = []): FrameRows {
  const { video, frame, seq, prediction } = said;
  const one = held(video, frame);
  if (one.said.loaded && seq < one.at) {
    one.said = { ...one.said, prediction }; // an older answer that came late
  } else {
    const rows = { row: said.frame_row, instances: new Map(said.instances), prediction };
    one.said = since.reduce(changed, { video, frame, loaded: true, ...rows });
    one.at = seq;
  }
  show(one);
  return one.shown.peek();
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

function show(one: Held): void {
  const { video, frame } = one.said;
  let rows = one.said;
  const upTo = rows.loaded ? Math.max(one.at, session.heard.peek()) : one.at;
  for (const { table, key, value } of own(upTo))
    rows = changed(rows, [table, key, value]);
  one.shown.value = rows;
  if (one.said.loaded) told.takeMark(video, frame, markOf(one.said));
  showMark(video, frame);
}

function markOf(rows: FrameRows): told.Mark {
  return { animals: rows.instances.size, ...told.ofRow(rows.row) };
}

function shownMark(video: number, frame: number): told.Mark {
  const rows = frames.get(`${video},${frame}`)?.shown.peek();
  return rows?.loaded ? markOf(rows) : told.withOwn(video, frame, own(session.heard.peek()));
}

function showMark(video: number, frame: number): void {
  told.showMark(video, frame, shownMark(video, frame));
}

/** Forget what was read of frames, but for one: a new run, or a lost thread. */
export function forgetFrames(but?: { video: number; frame: number }): void {
  // a copy: whoever hears of a change reads frames, which moves them to the end of the map
  for (const one of [...frames.values()]) {
    const { video, frame } = one.said;
    if (video === but?.video && frame === but.frame) continue;
    one.said = { ...one.said, loaded: false };
    one.shown.value = { ...one.shown.peek(), loaded: false };
  }
}

/** News were missed: frames and what is on its way have to be read again. */
export function loseThread(): void {
  missed();
  forgetFrames();
}

/** The project has another log: nothing that was said counts, and answers on their way neither. */
export function forgetLog(): void {
  forgetWhole();
  told.forgetMarks();
  for (const one of frames.values()) one.at = -1;
  loseThread();
}

/** What stands in a row now; null: no row. */
export function rowValue(table: string, key: readonly number[]): unknown {
  if (table === "instances" || table === "frames") {
    const rows = frames.get(`${key[0]},${key[1]}`)?.shown.peek();
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
/** Counts news of whether track files could be written. */
export const trackFiles = signal(0);

/** Take over what the feed told of one line of the log. */
export function hear(seq: number, changes: readonly RowChange[]): void {
  note(seq, changes);
  applyChanges(changes, seq);
}

/** Take over rows as they stood on the server at a line of the log, but where more is known. */
export function applyChanges(changes: readonly RowChange[], seq = Infinity): void {
  for (const one of changes) if (isFramed(one[0])) applyToFrame(one, seq);
  showRows(changes.map(([table, key]) => ({ table, key })));
  const whole = changes.filter(([table]) => isWhole(table));
  if (whole.length > 0) takeWhole(whole, seq);
  if (!changes.some(([table]) => table === "track_edits")) return;
  tracksChanged.value += 1;
  forgetFrames(); // predicted animals have other names now
}

/** Show rows again: the own edits of them are others now. */
export function showRows(rows: Iterable<{ table: string; key: readonly number[] }>): void {
  const places = new Map<string, readonly number[]>();
  let whole = false;
  for (const { table, key } of rows) {
    if (isFramed(table)) places.set(`${key[0]},${key[1]}`, key);
    else whole ||= isWhole(table);
  }
  for (const [name, [video, frame]] of places) {
    const one = frames.get(name);
    if (one !== undefined) show(one);
    else showMark(video!, frame!);
  }
  if (whole) showWhole();
}

function isFramed(table: string): boolean {
  return table === "instances" || table === "frames";
}

function applyToFrame(one: RowChange, seq: number): void {
  const [table, [video, frame], value] = one as [string, [number, number], unknown];
  const there = frames.get(`${video},${frame}`);
  if (there !== undefined && seq > there.at) there.said = changed(there.said, one);
  if (there?.said.loaded || seq <= told.markedAt(video)) return;
  if (table === "frames") told.takeMark(video, frame, told.ofRow(value as FrameValue | null));
  else askMark(video, frame); // only the server knows how many animals are there
}

const unknown = new Map<number, { first: number; last: number }>();
let asking: ReturnType<typeof setTimeout> | undefined;

function askMark(video: number, frame: number, wait = MARKS_MS): void {
  const { first, last } = unknown.get(video) ?? { first: frame, last: frame };
  unknown.set(video, { first: Math.min(first, frame), last: Math.max(last, frame) });
  asking ??= setTimeout(() => {
    asking = undefined;
    const all = [...unknown];
    unknown.clear();
    for (const [of, { first, last }] of all)
      void loadMarks(of, first, last).catch(() => {
        askMark(of, first, AGAIN_MS);
        askMark(of, last, AGAIN_MS);
      });
  }, wait);
}

/** Bring the marks of a video from the server, or of some of its frames. */
export async function loadMarks(video: number, first = 0, last = Infinity): Promise<void> {
  const span = Number.isFinite(last) ? `&from=${first}&to=${last}` : "";
  const ask = (): Promise<Marks> => get<Marks>(`frames?video=${video}${span}`, { within: ANSWER_MS });
  const { said, since } = await reading(ask);
  told.takeMarks(said, first, last);
  for (const one of since) {
    const [video_, frame] = one[1] as [number, number];
    if (!isFramed(one[0]) || video_ !== video) continue;
    const there = frames.get(`${video},${frame}`);
    if (there?.said.loaded) told.takeMark(video, frame, markOf(there.said));
    else applyToFrame(one, Infinity);
  }
  const others = new Map<number, told.Mark>();
  for (const { table, key } of own(session.heard.peek()))
    if (isFramed(table) && key[0] === video) others.set(key[1]!, shownMark(video, key[1]!));
  told.showMarks(video, others);
}

/** Bring the marks again of all videos that have some here. */
export async function reloadMarks(): Promise<void> {
  for (const video of told.marked()) await loadMarks(video);
}
