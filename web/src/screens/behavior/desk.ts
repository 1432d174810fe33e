// What the Behaviour screen knows: runs, the open recording, its rasters, labels, the map, clips.
import { batch, computed, effect, signal } from "@preact/signals";
import { ApiError, bytes, get, sentence } from "../../api";
import type { StageTools } from "../../canvas/stage";
import { followReports } from "../../store/reports";
import * as session from "../../store/session";
import { toast } from "../../store/toasts";
import * as view from "../../store/view";
import type {
  Agreement,
  BehaviorChances,
  BehaviorDecision,
  BehaviorLabel,
  BehaviorLabels,
  BehaviorOverview,
  BehaviorRaster,
  BehaviorRecording,
  BehaviorRun,
  BehaviorStep,
  Scored,
} from "../../types.gen";
import type { Shown } from "../../video/watch";
import { asked, within, withFrame, type Sight } from "../tracks/lanes";
import { unpack, type Points } from "./density";
import { colourOf } from "./paint";
import { openSending, send } from "./sending";

/** One raster: a recording of one run. */
export interface Row {
  readonly run: BehaviorRun;
  readonly recording: BehaviorRecording;
}

export const tools = signal<StageTools | null>(null);
/** null: not asked yet. */
export const overview = signal<BehaviorOverview | null>(null);
export const trouble = signal("");
const chosenRun = view.remember("behavior.run", "");
const chosenRecording = view.remember("behavior.recording", "");
export const rasters = signal<ReadonlyMap<string, BehaviorRaster>>(new Map());
/** P(label) of the stretch in sight, of the run whose labels are named; null: it has none. */
export const chances = signal<BehaviorChances | null>(null);
export const tables = signal<ReadonlyMap<string, BehaviorLabels>>(new Map());
export const points = signal<Points | null>(null);
export const sight = signal<Sight>({ from: 0, to: 1 });
export const range = signal<{ first: number; last: number } | null>(null);
/** Label of the active run whose clips are shown. */
export const label = signal<number | null>(null);
export const scored = signal<Scored | null>(null);
export const agreement = signal<Agreement[]>([]);

export const runs = computed(() => (overview.value?.runs ?? []).filter((run) => !run.trouble && run.recordings.length > 0));

/** The run whose labels are named: clips, table and matrix are of it. */
export const run = computed<BehaviorRun | null>(
  () => runs.value.find((one) => one.run === chosenRun.value) ?? runs.value[0] ?? null,
);
export const recording = computed<BehaviorRecording | null>(() => {
  const all = run.value?.recordings ?? [];
  return (
    all.find((one) => one.name === chosenRecording.value) ??
    all.find((one) => one.video !== null && one.video === view.video.value) ??
    all.find((one) => one.video !== null) ??
    all[0] ??
    null
  );
});

/** Rasters of the same animal in the same film, by states, syllables, map. */
export const rows = computed<Row[]>(() => {
  const [own, mine] = [run.value, recording.value];
  if (own === null || mine === null) return [];
  const order = ["states", "syllables", "map"];
  const same = (other: BehaviorRecording): boolean =>
    other.name === mine.name ||
    (mine.video !== null && other.video === mine.video && other.animal === mine.animal);
  return runs.value
    .flatMap((one) => {
      const found = one.run === own.run ? mine : one.recordings.find(same);
      return found ? [{ run: one, recording: found }] : [];
    })
    .sort((a, b) => order.indexOf(a.run.kind) - order.indexOf(b.run.kind));
});
export const frames = computed(() => recording.value?.frames ?? 1);

function frameOf(shown: Shown | null | undefined): number {
  return shown && shown.video.id === recording.value?.video ? shown.frame : view.frame.value;
}

/** The frame of the picture that is drawn next: the skeleton is drawn over it at once. */
export const posed = computed(() => frameOf(tools.value?.easel.watch.shown.value));

/** The frame whose picture is on the screen: cursors go with it, never before it. */
export const cursor = computed(() => frameOf(tools.value?.easel.watch.drawn.value));

export const table = computed(() => tables.value.get(run.value?.run ?? "") ?? null);
export const labels = computed<BehaviorLabel[]>(() => table.value?.labels ?? []);

/** The map of this animal, if there is one. */
export const mapRow = computed<Row | null>(
  () => rows.value.find((row) => row.run.kind === "map" && row.run.run === run.value?.run) ??
    rows.value.find((row) => row.run.kind === "map") ?? null,
);

const TURN = { syllables: 0, map: 70, states: 210 } as const;

const looks = computed(() => {
  const found = new Map<string, Map<number, BehaviorLabel>>();
  for (const [name, one] of tables.value) found.set(name, new Map(one.labels.map((l) => [l.id, l])));
  return found;
});

/** Name and colour of a label of a run. */
export function lookOf(of: string, id: number): { name: string; colour: string } {
  const known = looks.value.get(of)?.get(id);
  const kind = runs.value.find((one) => one.run === of)?.kind ?? "syllables";
  return { name: known?.name ?? String(id), colour: known?.colour || colourOf(id, TURN[kind]) };
}

export const keyOf = (row: Row): string => `${row.run.run} ${row.recording.name}`;

/** Look at another recording, or at the labels of another run. */
export function open(of: string, name?: string): void {
  batch(() => {
    if (of !== chosenRun.peek()) label.value = null;
    chosenRun.value = of;
    if (name !== undefined) chosenRecording.value = name;
  });
}

export async function loadOverview(): Promise<void> {
  try {
    const [got, bouts] = await Promise.all([get<BehaviorOverview>("behavior"), get<Scored>("bouts")]);
    batch(() => {
      overview.value = got;
      scored.value = bouts;
      trouble.value = "";
    });
  } catch (error) {
    trouble.value = sentence(error);
  }
}

async function loadTable(of: string): Promise<void> {
  try {
    const got = await get<BehaviorLabels>(`behavior/${of}/labels`);
    tables.value = new Map(tables.peek()).set(of, got);
  } catch (error) {
    trouble.value = sentence(error);
  }
}

let width = 1000;
let timer: ReturnType<typeof setTimeout> | undefined;
let stopLines = new AbortController();

/** Ask for the rasters in sight, once zoom and pan rest for a moment. */
export function wantLines(px = width, soon = false): void {
  width = px;
  clearTimeout(timer);
  timer = setTimeout(() => void loadLines(), soon ? 0 : 40);
}

async function loadLines(): Promise<void> {
  stopLines.abort();
  stopLines = new AbortController();
  const { signal: stop } = stopLines;
  const { from, to, px } = asked(sight.peek(), width, frames.peek());
  const ask = async (row: Row): Promise<void> => {
    const name = encodeURIComponent(row.recording.name);
    const path = `behavior/${row.run.run}/raster?recording=${name}&from=${from}&to=${to}&px=${px}`;
    const got = await get<BehaviorRaster>(path, { signal: stop });
    rasters.value = new Map(rasters.peek()).set(keyOf(row), got);
  };
  await Promise.allSettled([...rows.peek().map(ask), loadChances(from, to, px, stop)]); // the old ones stay
}

async function loadChances(from: number, to: number, px: number, stop: AbortSignal): Promise<void> {
  const [own, mine] = [run.peek(), recording.peek()];
  if (own === null || mine === null) return;
  if (own.kind === "map") return void (chances.value = null);
  const path = `behavior/${own.run}/chances?recording=${encodeURIComponent(mine.name)}&from=${from}&to=${to}&px=${px}`;
  const got = await get<BehaviorChances>(path, { signal: stop });
  chances.value = got.labels.length > 0 ? got : null;
}

const SAMPLE = 20_000;
let mapOf = "";

async function loadMap(of: string): Promise<void> {
  const known = mapOf === of && points.peek() !== null;
  mapOf = of;
  for (const n of known ? [0] : [SAMPLE, 0]) {
    try {
      const got = unpack(await bytes(`behavior/${of}/map?n=${n}`));
      if (mapOf !== of) return;
      points.value = got;
      if (got.stride === 1) return;
    } catch (error) {
      return void (trouble.value = sentence(error));
    }
  }
}

/** Frames before the open recording, in the order of the map. */
export const offset = computed(() => {
  const row = mapRow.value;
  if (row === null) return 0;
  const at = row.run.recordings.findIndex((one) => one.name === row.recording.name);
  return row.run.recordings.slice(0, at).reduce((sum, one) => sum + one.frames, 0);
});

let again: ReturnType<typeof setTimeout> | undefined;

/** Labels were decided anew, here or elsewhere: read what hangs on them, once for several. */
export function reread(): void {
  clearTimeout(again);
  again = setTimeout(rereadNow, 120);
}

function rereadNow(): void {
  for (const of of new Set(rows.peek().map((row) => row.run.run))) void loadTable(of);
  wantLines(width, true);
  const map = mapRow.peek();
  if (map !== null) void loadMap(map.run.run);
  void loadOverview();
}

/** What undo takes back: the kind of what was done last. */
let last: "decision" | "bout" = "decision";

/** Send a decision about labels of the active run; true if it was taken. */
export async function decide(what: BehaviorDecision): Promise<boolean> {
  const now = run.peek();
  if (now === null || !allowed()) return false;
  try {
    const got = await send<BehaviorLabels>(`behavior/${now.run}/decisions`, what);
    last = "decision";
    tables.value = new Map(tables.peek()).set(now.run, got);
    reread();
    return true;
  } catch (error) {
    const overtaken = error instanceof ApiError && error.problem.code === "conflict";
    if (overtaken && what.do === "undo") return overtakenBy(sentence(error));
    const kind = error instanceof ApiError && error.status === 422 ? "warn" : "error";
    toast(sentence(error), { kind });
    return false;
  }
}

/** Others decided about the same labels since: theirs is taken back only when that is said. */
function overtakenBy(why: string): false {
  const act = { title: "Undo theirs, too", run: () => void decide({ do: "undo", force: true }) };
  toast(why, { kind: "warn", act });
  return false;
}

type Edit = { do: "add"; label: string; first: number; last: number } | { do: "remove"; bout: number } | { do: "undo" | "redo" };

/** Send an edit of my own bouts. */
export async function score(what: Edit): Promise<void> {
  const [now, mine] = [run.peek(), recording.peek()];
  if (now === null || mine === null || !allowed()) return;
  try {
    const about = { recording: mine.name, fps: now.fps, frames: mine.frames };
    scored.value = await send<Scored>("bouts", { ...about, ...what });
    last = "bout";
    void loadAgreement();
  } catch (error) {
    toast(sentence(error), { kind: "warn" });
  }
}

function allowed(): boolean {
  if (!session.mayEdit.peek()) toast("You may look, not edit.", { kind: "warn", once: "refused" });
  return session.mayEdit.peek();
}

export async function loadAgreement(): Promise<void> {
  const now = run.peek();
  if (now === null || (scored.peek()?.bouts.length ?? 0) === 0) return void (agreement.value = []);
  try {
    agreement.value = await get<Agreement[]>(`behavior/${now.run}/agreement`);
  } catch {
    agreement.value = []; // nothing that both scored
  }
}

export function back(word: "undo" | "redo"): void {
  const bouts = scored.peek()?.[word] ?? 0;
  const held = table.peek();
  const decisions = held?.[word] ?? 0;
  if (bouts > 0 && (last === "bout" || decisions === 0)) void score({ do: word });
  else if (decisions > 0) void decide({ do: word });
  else toast(`Nothing to ${word} here.`);
}

/** Go to the next bout of the active run, or the one before. */
export async function walk(by: 1 | -1): Promise<void> {
  const [now, mine] = [run.peek(), recording.peek()];
  if (now === null || mine === null) return;
  const name = encodeURIComponent(mine.name);
  const path = `behavior/${now.run}/bout?recording=${name}&frame=${view.frame.peek()}&by=${by}`;
  const found = await get<BehaviorStep>(path);
  if (found.first !== null) view.goTo(found.first, mine.video);
}

/** The bout of the active run that is open now; null: none. */
export const bout = computed(() => {
  const row = rows.value.find((one) => one.run.run === run.value?.run);
  const at = view.frame.value;
  const found = row && rasters.value.get(keyOf(row))?.runs.find(([a, b]) => a <= at && at <= b);
  return found ? { first: found[0], last: found[1], label: found[2] } : null;
});

/** Keeps everything in step while the screen is open; returns how to stop. */
export function follow(): () => void {
  const left = openSending(session.project.peek()?.folder ?? "");
  if (left > 0) toast(`${left} decisions of an earlier page are being saved.`);
  void loadOverview();
  let shown = "";
  let mapped = "";
  const stops = [
    effect(() => {
      const name = [run.value?.run ?? "", ...rows.value.map(keyOf)].join("\n");
      if (rows.value.length === 0 || name === shown) return;
      const films = name.slice(name.indexOf("\n"));
      const other = films !== shown.slice(shown.indexOf("\n"));
      shown = name;
      if (!other) return wantLines(width, true); // another run of the same animal
      chances.value = null;
      sight.value = { from: 0, to: Math.max(frames.peek(), 1) };
      for (const of of new Set(rows.peek().map((row) => row.run.run))) if (!tables.peek().has(of)) void loadTable(of);
      wantLines(width, true);
    }),
    effect(() => {
      const mine = recording.value;
      if (mine?.video != null && view.video.peek() !== mine.video) view.goTo(0, mine.video);
      if (run.value !== null) void loadAgreement();
    }),
    effect(() => {
      const of = mapRow.value?.run.run ?? "";
      if (of === mapped) return;
      mapped = of;
      points.value = null;
      if (of !== "") void loadMap(of);
    }),
    effect(() => {
      const to = within(withFrame(sight.peek(), view.frame.value, frames.value), frames.value);
      if (to.from === sight.peek().from && to.to === sight.peek().to) return;
      sight.value = to;
      wantLines();
    }),
    effect(() => {
      if (session.reloads.value > 0) reread();
    }),
    followReports(),
  ];
  return () => stops.forEach((stop) => stop());
}
