// What the Tracks screen knows: the run, its queue, the lanes, bodies of frames, what is chosen.
import { batch, computed, effect, signal } from "@preact/signals";
import { ApiError, bytes, get, post, sentence, uuid } from "../../api";
import type { StageTools } from "../../canvas/stage";
import { trackFiles, tracksChanged } from "../../store/rows";
import * as session from "../../store/session";
import { toast } from "../../store/toasts";
import * as view from "../../store/view";
import type { Crossing, Doubt, Queue, Timeline, TrackEdit, TrackedRun, TrackEdited } from "../../types.gen";
import { asked, within, withFrame, type Sight } from "./lanes";
import { unpack, type Body } from "./packed";

export type Chosen = { animal: number } | { row: number };

export const tools = signal<StageTools | null>(null);
/** null: not asked yet. */
export const runs = signal<TrackedRun[] | null>(null);
const runName = view.remember<string>("tracks.run", "");
export const queue = signal<Queue | null>(null);
export const line = signal<Timeline | null>(null);
export const sight = signal<Sight>({ from: 0, to: 1 });
export const item = signal<string | null>(null);
export const chosen = signal<Chosen | null>(null);
export const range = signal<{ first: number; last: number } | null>(null);
export const looping = signal(false);
export const following = view.remember("tracks.follow", false);
/** What was done last, and where. */
export const banner = signal<TrackEdited | null>(null);
/** Names chosen for a swap that asks for two; null: it does not. */
export const asking = signal<string[] | null>(null);
export const renaming = signal(false);
export const trouble = signal("");
/** The recording is opened for the first time; nothing is known of its lanes yet. */
export const reading = signal(false);
/** Counts what was read anew, so that bodies are drawn again. */
export const read = signal(0);

export const run = computed<TrackedRun | null>(() => {
  const all = runs.value ?? [];
  return (
    all.find((one) => one.run === runName.value) ??
    all.find((one) => one.video !== null && one.video === view.video.value) ??
    all.find((one) => one.video !== null) ??
    all[0] ??
    null
  );
});
export const names = computed(() => queue.value?.names ?? run.value?.names ?? []);
export const crossing = computed<Crossing | null>(
  () => queue.value?.crossings.find((one) => one.item === item.value) ?? null,
);
export const bodies = computed<readonly Body[]>(() => {
  void read.value;
  return bodiesAt(view.frame.value) ?? [];
});
/** The animal that is chosen, by its place among the names. */
export const animal = computed(() =>
  chosen.value !== null && "animal" in chosen.value ? chosen.value.animal : null,
);

const CHUNK = 64;
const KEPT = 24; // chunks
const chunks = new Map<string, Map<number, Body[]> | null>();

/** Who is in a frame; asked for where it is not known yet. */
export function bodiesAt(frame: number): readonly Body[] | null {
  const now = run.peek();
  if (now === null || now.trouble || frame < 0 || frame >= now.frames) return null;
  const first = Math.floor(frame / CHUNK) * CHUNK;
  const name = `${now.run} ${first}`;
  const there = chunks.get(name);
  if (there === undefined) void fetchChunk(now, first, name);
  return there?.get(frame) ?? null;
}

async function fetchChunk(of: TrackedRun, first: number, name: string): Promise<void> {
  chunks.set(name, null);
  if (chunks.size > KEPT) chunks.delete(chunks.keys().next().value!);
  try {
    const to = Math.min(first + CHUNK, of.frames) - 1;
    const got = unpack(await bytes(`runs/${of.run}/animals?from=${first}&to=${to}`));
    if (!chunks.has(name)) return;
    chunks.set(name, got);
    read.value += 1;
  } catch {
    setTimeout(() => chunks.delete(name), 500); // asked for again with the next frame
  }
}

export async function loadRuns(): Promise<void> {
  try {
    runs.value = await get<TrackedRun[]>("runs");
    trouble.value = "";
  } catch (error) {
    trouble.value = sentence(error);
  }
}

/** Choose which tracks are looked at. */
export function open(name: string): void {
  runName.value = name;
}

async function loadQueue(): Promise<void> {
  const now = run.peek();
  if (now === null || now.trouble) return;
  try {
    const got = await get<Queue>(`runs/${now.run}/crossings`);
    if (run.peek()?.run === now.run) queue.value = got;
    trouble.value = "";
  } catch (error) {
    // a file of it is broken: the list of runs says which, and a button helps
    if (error instanceof ApiError && error.status === 422) return void loadRuns();
    trouble.value = sentence(error);
  }
}

const AGAIN_MS = 200;
let width = 1000;
let lineTimer: ReturnType<typeof setTimeout> | undefined;
let lineStop = new AbortController();

/** Ask for the lanes in sight, once zoom and pan rest for a moment. */
export function wantLine(px = width, soon = false): void {
  width = px;
  clearTimeout(lineTimer);
  lineTimer = setTimeout(() => void loadLine(), soon ? 0 : 40);
}

async function loadLine(): Promise<void> {
  const now = run.peek();
  if (now === null || now.trouble) return;
  lineStop.abort();
  lineStop = new AbortController();
  const { from, to, px } = asked(sight.peek(), width, now.frames);
  try {
    const path = `runs/${now.run}/timeline?from=${from}&to=${to}&px=${px}`;
    const got = await get<Timeline>(path, { signal: lineStop.signal });
    if (got.ready) line.value = got;
    reading.value = !got.ready;
    if (!got.ready) lineTimer = setTimeout(() => void loadLine(), AGAIN_MS);
  } catch {
    // the old lanes stay; the queue says what is wrong
  }
}

let again: ReturnType<typeof setTimeout> | undefined;

function reloadSoon(): void {
  clearTimeout(again);
  again = setTimeout(() => {
    chunks.clear();
    read.value += 1;
    wantLine(width, true);
    void loadQueue();
  }, 20);
}

/** Send one decision; true if it was taken. */
export async function decide(what: Omit<TrackEdit, "id">, quiet = false): Promise<boolean> {
  const now = run.peek();
  if (now === null) return false;
  if (!session.mayEdit.peek()) {
    toast("You may look, not edit.", { kind: "warn", once: "refused" });
    return false;
  }
  try {
    const done = await post<TrackEdited>(`runs/${now.run}/edits`, { ...what, id: uuid() });
    if (!quiet) banner.value = done;
    chunks.clear();
    read.value += 1;
    wantLine(width, true);
    await loadQueue();
    return true;
  } catch (error) {
    const kind = error instanceof ApiError && error.status === 422 ? "warn" : "error";
    toast(sentence(error), { kind });
    return false;
  }
}

/** Move the lanes so that a frame is in sight; also where the frame itself did not change. */
function bring(at: number): void {
  const now = run.peek();
  if (now === null || now.frames === 0) return;
  const to = within(withFrame(sight.peek(), at, now.frames), now.frames);
  if (to.from === sight.peek().from && to.to === sight.peek().to) return;
  sight.value = to;
  wantLine();
}

export function seek(crossing: Crossing): void {
  batch(() => {
    bring(crossing.last);
    item.value = crossing.item;
    chosen.value = null;
    asking.value = null;
    view.goTo(crossing.last);
  });
}

/** The crossings that nobody has settled. */
export const open_ = computed(() =>
  (queue.value?.crossings ?? []).filter((one) => one.verdict === null || one.verdict === "unsure"),
);

/** Go n crossings on in the queue; past its end, to its beginning. */
export function walk(n: number): boolean {
  const all = open_.value;
  if (all.length === 0) return false;
  const at = all.findIndex((one) => one.item === item.peek());
  seek(all[(at + n + (at < 0 && n > 0 ? 0 : all.length)) % all.length]!);
  return true;
}

export async function nextDoubt(): Promise<void> {
  const now = run.peek();
  if (now === null) return;
  const found = await get<Doubt>(`runs/${now.run}/next?after=${view.frame.peek()}`);
  if (found.frame === null) return toast("No gap and no fragment after this frame.");
  view.goTo(found.frame);
  const away = names.peek().indexOf(found.animal ?? "");
  chosen.value = away >= 0 ? { animal: away } : found.row != null ? { row: found.row } : null;
  toast(found.animal ? `${found.animal} is not seen from here on` : "A fragment begins here.");
}

/** Keeps everything in step while the screen is open; returns how to stop. */
export function follow(): () => void {
  void loadRuns();
  let shown = "";
  const stops = [
    effect(() => {
      const now = run.value;
      if (now === null || now.run === shown) return;
      shown = now.run;
      batch(() => {
        reading.value = false;
        queue.value = line.value = banner.value = item.value = chosen.value = null;
        sight.value = { from: 0, to: Math.max(now.frames, 1) };
        if (now.video !== null && view.video.peek() !== now.video) view.goTo(0, now.video);
      });
      chunks.clear();
      void loadQueue();
      wantLine(width, true);
    }),
    effect(() => {
      if (tracksChanged.value > 0) reloadSoon();
    }),
    effect(() => {
      if (trackFiles.value > 0) void loadRuns();
    }),
    effect(() => {
      const at = view.frame.value;
      bring(at);
      bodiesAt(at + CHUNK); // the next ones come while these are looked at
    }),
    effect(() => {
      if (run.value?.video != null && run.value.video !== view.video.value) {
        const other = runs.peek()?.find((one) => one.video === view.video.value);
        if (other) open(other.run);
      }
    }),
  ];
  return () => stops.forEach((stop) => stop());
}
