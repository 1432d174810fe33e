// What the 3D screen knows: runs, cameras, points of moments, what is chosen, the queue.
import { computed, effect, signal } from "@preact/signals";
import { ApiError, bytes, get, post, sentence, uuid } from "../../api";
import type { StageTools } from "../../canvas/stage";
import type { XY } from "../../canvas/transform";
import { holdsBack } from "../../store/outbox";
import { followReports } from "../../store/reports";
import { tracksChanged } from "../../store/rows";
import * as session from "../../store/session";
import { toast } from "../../store/toasts";
import * as view from "../../store/view";
import type { Cameras, Curve2d, Curves, Decide, Decided, FilmClock, Health, PointIn, Space, Space3d, Worst, WorstQueue } from "../../types.gen";
import { readTimes } from "../../video/times";
import { project, triangulate, type Row, type XYZ } from "./cameras";
import { frameOf } from "./clock";
import { LEFT_OUT, unpack, type Moment, type Point } from "./packed";

export interface Chosen {
  readonly animal: number;
  readonly keypoint: number;
}
/** A point that the hand holds, and of which moment of which run it is. */
export interface Draft extends Chosen {
  readonly run: string;
  readonly frame: number;
  readonly camera: string;
  readonly at: XY;
  readonly xyz: XYZ | null;
}
export const LINES = ["selected", "all", "off"] as const;
export const SCALES = [1, 5, 20] as const;

/** null: not asked yet. */
export const space = signal<Space | null>(null);
const runName = view.remember("space.run", "");
export const cameras = signal<Cameras | null>(null);
export const times = signal<Float64Array | null>(null);
export const moment = signal(0);
export const chosen = signal<Chosen | null>(null);
/** The view that X and V are about: the last one that was touched. */
export const camera = signal<string | null>(null);
export const draft = signal<Draft | null>(null);
export const lines = view.remember<(typeof LINES)[number]>("space.lines", "selected");
export const scale = view.remember<(typeof SCALES)[number]>("space.arrows", 5);
export const tab = view.remember<"worst" | "health" | "setup">("space.tab", "worst");
export const queue = signal<WorstQueue | null>(null);
export const health = signal<Health | null>(null);
export const trouble = signal("");
/** Counts what was read anew. */
export const read = signal(0);
/** Curves in each camera, of the views that say something of the chosen point. */
export const curves = signal<readonly { from: string; to: Curve2d }[]>([]);
export const tools = new Map<string, StageTools>();

export const run = computed<Space3d | null>(() => {
  const all = space.value?.runs ?? [];
  return all.find((one) => one.run === runName.value) ?? all[0] ?? null;
});
const runId = computed(() => run.value?.run);
export const rows = computed<ReadonlyMap<string, Row>>(
  () => new Map((cameras.value?.cameras ?? []).map((one) => [one.name, one.row])),
);
export const points = computed<Moment | null>(() => {
  void read.value;
  return momentAt(moment.value);
});
export const point = computed<Point | null>(() => pointAt(chosen.value));
/** The draft, while its moment is shown. */
export const held = computed<Draft | null>(() => {
  const now = draft.value;
  return now !== null && now.run === runId.value && now.frame === moment.value ? now : null;
});
export const seconds = computed(() => {
  const now = run.value;
  return times.value?.[moment.value] ?? (now && now.fps > 0 ? moment.value / now.fps : 0);
});

export function pointAt(which: Chosen | null): Point | null {
  return which === null ? null : (points.value?.[which.animal]?.[which.keypoint] ?? null);
}

/** The film of a view and its frame now; frame null: it recorded none. */
export function filmOf(name: string): { video: ReturnType<typeof session.video>; frame: number | null } {
  const of = run.value?.views.find((one) => one.camera === name);
  const video = session.video(of?.video ?? null);
  return { video, frame: of && video ? frameOf(of, moment.value, video.frames) : null };
}

const CHUNK = 32;
const KEPT = 16;
const chunks = new Map<string, { moments: Moment[] } | null>();

/** The points of a moment; asked for where they are not known yet. */
export function momentAt(at: number): Moment | null {
  const now = run.peek();
  if (now === null || at < 0 || at >= now.frames) return null;
  const first = Math.floor(at / CHUNK) * CHUNK;
  const name = `${now.run} ${first}`;
  if (!chunks.has(name)) void fetchChunk(now, first, name);
  return chunks.get(name)?.moments[at - first] ?? null;
}

async function fetchChunk(of: Space3d, first: number, name: string): Promise<void> {
  if (!chunks.get(name)) chunks.set(name, null);
  if (chunks.size > KEPT) chunks.delete(chunks.keys().next().value!);
  try {
    const to = Math.min(first + CHUNK, of.frames) - 1;
    chunks.set(name, unpack(await bytes(`runs3d/${of.run}/points?from=${first}&to=${to}`)));
    trouble.value = "";
  } catch (error) {
    trouble.value = sentence(error);
  }
  read.value = read.peek() + 1; // inside of effects it must not be read
}

export function open(name: string): void {
  void settle();
  runName.value = name;
}

export function goTo(at: number): void {
  const to = Math.min(Math.max(Math.round(at), 0), Math.max((run.peek()?.frames ?? 1) - 1, 0));
  if (to !== moment.peek()) void settle();
  moment.value = to;
}

/** Open what was made last. */
export function openNewest(): void {
  const newest = space.peek()?.runs[0];
  if (newest !== undefined) open(newest.run);
}

export async function load(): Promise<void> {
  try {
    space.value = await get<Space>("space");
  } catch (error) {
    trouble.value = sentence(error);
  }
}

/** Read what belongs to the open run, and again what people change. Returns how to stop. */
export function follow(): () => void {
  const stops = [
    effect(() => {
      const name = runId.value; // the run itself is another object whenever it is read
      void settle();
      chunks.clear();
      [cameras.value, times.value, queue.value, health.value] = [null, null, null, null];
      [chosen.value, draft.value, camera.value] = [null, null, null];
      if (name !== undefined) void begin(name);
    }),
    effect(() => {
      if (tracksChanged.value > 0) void again();
    }),
    effect(() => void curvesNow()),
    effect(() => {
      const which = chosen.value;
      if (resting !== null && !samePoint(resting.held, which)) void settle();
    }),
    () => void settle(),
    followReports(),
    effect(() => {
      const name = runId.value;
      if (tab.value === "health" && health.value === null && name !== undefined)
        get<Health>(`runs3d/${name}/health`).then((got) => (health.value = got)).catch(failed);
    }),
  ];
  const leave = (): void => void settle();
  globalThis.addEventListener?.("pagehide", leave);
  stops.push(() => globalThis.removeEventListener?.("pagehide", leave));
  void load();
  return () => stops.forEach((stop) => stop());
}

function failed(error: unknown): void {
  trouble.value = sentence(error);
}

async function begin(name: string): Promise<void> {
  goTo(moment.peek());
  read.value = read.peek() + 1; // inside of effects it must not be read
  try {
    cameras.value = await get<Cameras>(`rigs/${name}/cameras`);
    times.value = readTimes(await bytes(`runs3d/${name}/times`));
    queue.value = await get<WorstQueue>(`runs3d/${name}/worst`);
  } catch (error) {
    failed(error);
  }
}

/** Read anew what decisions change; what stands on the screen stays until it has come. */
async function again(): Promise<void> {
  try {
    const clocks = await get<FilmClock[]>("space/clock");
    const text = (list: readonly FilmClock[]): string => JSON.stringify(list.toSorted((a, b) => a.video - b.video));
    if (text(clocks) !== text(space.peek()?.clocks ?? [])) await load();
  } catch (error) {
    failed(error);
  }
  const now = run.peek();
  if (now === null) return;
  const first = Math.floor(moment.peek() / CHUNK) * CHUNK;
  const here = `${now.run} ${first}`;
  for (const name of [...chunks.keys()]) if (name !== here) chunks.delete(name);
  await fetchChunk(now, first, here);
  try {
    queue.value = await get<WorstQueue>(`runs3d/${now.run}/worst`);
  } catch (error) {
    failed(error);
  }
}

/** Whether a view takes part in a point. */
export function takesPart(of: Point, view: number): boolean {
  const one = of.views[view];
  return one !== undefined && one.at !== null && one.state !== LEFT_OUT;
}

let asked = 0;

async function curvesNow(): Promise<void> {
  const [now, which, mode] = [run.value, chosen.value, lines.value];
  const of = pointAt(which);
  const mine = ++asked;
  if (now === null || of === null || mode === "off") return void (curves.value = []);
  const from = now.views
    .map(({ camera: name }, v) => ({ name, at: takesPart(of, v) ? of.views[v]!.at : null }))
    .filter(({ name, at }) => at !== null && (mode === "all" || camera.value === null || camera.value === name));
  try {
    const got = await Promise.all(
      from.map(({ name, at }) => {
        const body: PointIn = { camera: name, x: at!.x, y: at!.y, near: of.xyz as PointIn["near"] };
        return post<Curves>(`rigs/${now.rig}/epipolar`, body);
      }),
    );
    if (mine !== asked) return;
    curves.value = got.flatMap((one) => one.curves.map((to) => ({ from: one.camera, to })));
  } catch (error) {
    if (mine === asked) failed(error);
  }
}

/** Hold a point at a place of one view: where it would lie in space. */
export function hold(which: Chosen, name: string, at: XY): void {
  const now = run.peek();
  if (now === null) return;
  const of = pointAt(which);
  const seen = now.views.flatMap(({ camera: each }, v) => {
    const row = rows.peek().get(each);
    const there = each === name ? at : of && takesPart(of, v) && (of.views[v]!.outlier ?? 0) < 0.5 ? of.views[v]!.at : null;
    return row && there ? [{ row, at: there, weight: each === name ? 16 : 1 }] : [];
  });
  draft.value = { ...which, run: now.run, frame: moment.peek(), camera: name, at, xyz: triangulate(seen) };
}

/** Where a view sees a point of space. */
export function image(name: string, xyz: XYZ | null): XY | null {
  const row = rows.value.get(name);
  return row === undefined || xyz === null ? null : project(row, xyz);
}

type Said = Omit<Decide, "id" | "frame" | "animal" | "keypoint">;
const ANSWER_MS = 30_000;
let turn: Promise<unknown> = Promise.resolve();
let waits = 0; // decisions that were said and not answered

/** Take a decision about the chosen point; true once it is kept. */
export async function decide(what: Said): Promise<boolean> {
  void settle();
  const [now, which] = [run.peek(), chosen.peek()];
  if (now === null || which === null || !session.mayEdit.peek()) return false;
  return say(now.run, { id: uuid(), frame: moment.peek(), ...which, ...what });
}

/** Send decisions one after another; a page that ends sends what it has, too. */
async function say(of: string, body: Decide): Promise<boolean> {
  const send = (): Promise<Decided> =>
    post<Decided>(`runs3d/${of}/decisions`, body, { within: ANSWER_MS, keepalive: true });
  const sent = waits === 0 ? send() : turn.then(send, send);
  waits += 1;
  turn = sent;
  try {
    await sent.finally(() => (waits -= 1));
    await again();
    return true;
  } catch (error) {
    toast(error instanceof ApiError ? sentence(error) : String(error), { kind: "error" });
    return false;
  }
}

let resting: { held: Draft; timer: ReturnType<typeof setTimeout> } | null = null;

/** Keep the point that is held where it is, once it has rested for so many ms. */
export function keepAfter(ms: number): void {
  if (resting !== null) clearTimeout(resting.timer);
  const now = draft.peek();
  resting = now === null ? null : { held: now, timer: setTimeout(() => void settle(), ms) };
}

/** Keep at once what still rests: the hand turns to something else. True unless that failed. */
export async function settle(): Promise<boolean> {
  if (resting === null) return true;
  clearTimeout(resting.timer);
  const { held: kept } = resting;
  resting = null;
  return keep(kept);
}

/** Keep a point where it was held, whatever is shown by now. */
export async function keep(kept: Draft): Promise<boolean> {
  const { run: of, frame, animal, keypoint, camera: name, at } = kept;
  const done = await say(of, { id: uuid(), frame, animal, keypoint, do: "move", camera: name, x: at.x, y: at.y });
  if (draft.peek() === kept) draft.value = null;
  return done;
}

// undo takes back the last thing that was done, also where it still rests or is on its way;
// that an older one failed was said then
holdsBack(async () => {
  const kept = await settle();
  return waits === 0 ? kept : turn.then(() => kept, () => false);
});

export function samePoint(a: Chosen | null, b: Chosen | null): boolean {
  return a?.animal === b?.animal && a?.keypoint === b?.keypoint;
}

/** Show an entry of the queue. */
export function seek(one: Worst): void {
  goTo(one.frame);
  chosen.value = { animal: one.animal, keypoint: one.keypoint };
  camera.value = one.camera;
}

/** Which entry of the queue is shown; -1: none. */
export const place = computed(() =>
  (queue.value?.entries ?? []).findIndex(
    (one) =>
      one.frame === moment.value &&
      one.animal === chosen.value?.animal &&
      one.keypoint === chosen.value.keypoint &&
      (camera.value === null || one.camera === camera.value),
  ),
);
