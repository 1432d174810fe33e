// Preparing 3D: which calibration, which film is which view, offsets, and the jobs that follow.
import { computed, effect, signal } from "@preact/signals";
import { ApiError, post, sentence, uuid } from "../../api";
import { goesOn, jobs, startJob } from "../../store/jobs";
import { drained } from "../../store/outbox";
import * as session from "../../store/session";
import { toast } from "../../store/toasts";
import * as view from "../../store/view";
import type { FilmClock, Job, RigFile, SetClock, Space, Space3d, Video } from "../../types.gen";
import type { Config } from "../improve/form";
import * as desk from "./desk";

export const STAGES = ["calibrate", "synchronize", "triangulate"] as const;
export type Stage = (typeof STAGES)[number];

/** Which dialog is open. */
export const asking = signal<"import" | "calibrate" | null>(null);
const rigName = view.remember("space.rig", "");
const chosenFilms = view.remember<Readonly<Record<string, number>>>("space.films", {});
export const settings = view.remember<Readonly<Record<string, Config>>>("space.settings", {});
/** Why the last job was refused. */
export const refused = signal<{ stage: Stage; text: string } | null>(null);

const rigs = computed<readonly RigFile[]>(() => desk.space.value?.rigs ?? []);

/** The calibration that is chosen; else the first that can be used. */
export const rig = computed<RigFile | null>(() => {
  const usable = rigs.value.filter((one) => one.trouble === null);
  return usable.find((one) => one.rig === rigName.value) ?? usable[0] ?? null;
});

/** The video whose name holds the name of a camera, as a word of its own. */
export function filmNamed(camera: string, videos: readonly Pick<Video, "id" | "name">[]): number | null {
  const plain = camera.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const word = new RegExp(`(^|[^a-z0-9])${plain}([^a-z0-9]|$)`, "i");
  const found = videos.filter(({ name }) => word.test(name.replace(/\.[^.]*$/, "")));
  return found.length === 1 ? found[0]!.id : null;
}

/** Which film is which view: as chosen, as the open run has it, else by name. 0: none. */
export const films = computed<ReadonlyMap<string, number>>(() => {
  const known = new Set(session.videos.value.map(({ id }) => id));
  const views = desk.run.value?.views ?? [];
  return new Map(
    (rig.value?.cameras ?? []).map((camera) => {
      const said = chosenFilms.value[camera];
      if (said !== undefined && (said === 0 || known.has(said))) return [camera, said];
      const ofRun = views.find((one) => one.camera === camera)?.video;
      return [camera, ofRun ?? filmNamed(camera, session.videos.value) ?? 0];
    }),
  );
});

export function chooseRig(name: string): void {
  rigName.value = name;
}

export function chooseFilm(camera: string, video: number): void {
  chosenFilms.value = { ...chosenFilms.value, [camera]: video };
}

/** What stands about a film's place on the clock: said by people, else by the open run. */
export function clockOf(video: number): FilmClock {
  const said = desk.space.value?.clocks.find((one) => one.video === video);
  if (said !== undefined) return said;
  const { lag = 0, drift = 0, drops = [], skips = [] } = desk.run.value?.views.find((one) => one.video === video) ?? {};
  return { video, lag, drift, drops, skips };
}

let queue: Promise<unknown> = Promise.resolve();
let waiting = 0;

/** The project as it will be: views follow the hand, the server's word comes after. */
function foretold(space: Space, list: readonly FilmClock[]): Space {
  const said = new Map(list.map((one) => [one.video, one]));
  const views = (of: Space3d): Space3d["views"] =>
    of.views.map((one) => {
      const clock = one.video === null ? undefined : said.get(one.video);
      return clock === undefined ? one : { ...one, lag: clock.lag, stale: true };
    });
  return {
    ...space,
    runs: space.runs.map((one) => ({ ...one, views: views(one) })),
    clocks: [...space.clocks.filter(({ video }) => !said.has(video)), ...list],
  };
}

/** Set offsets of films, as one edit; in the order in which they were said. */
export function setClocks(list: readonly FilmClock[], source = ""): Promise<unknown> {
  if (!session.mayEdit.peek() || list.length === 0) return queue;
  const body: SetClock = { id: uuid(), films: [...list], source };
  const here = desk.space.peek();
  if (here !== null) desk.space.value = foretold(here, list);
  waiting += 1;
  queue = queue
    .then(() => post("space/clock", body))
    .catch((error: unknown) => toast(sentence(error), { kind: "error" }))
    .then(() => (--waiting === 0 ? desk.load() : undefined));
  return queue;
}

/** Move the film of the view that was touched last against the clock. */
export function nudge(frames: number): boolean {
  const name = desk.camera.peek();
  const video = desk.run.peek()?.views.find((one) => one.camera === name)?.video ?? null;
  if (name === null || video === null) {
    toast("Click into the view whose film is meant.", { kind: "warn", once: "space.offset" });
    return true;
  }
  const now = clockOf(video);
  void setClocks([{ ...now, lag: now.lag + frames }]);
  return true;
}

interface Found {
  readonly lags: Readonly<Record<string, number | null>>;
  readonly drift: Readonly<Record<string, number | null>>;
  readonly dropped: readonly { view: string; frame: number; frames: number }[];
  readonly reference: string;
  readonly videos: Readonly<Record<string, number>>;
}

/** The offsets that a finished synchronization found, by film. */
export function clocksOf(result: Job["result"]): FilmClock[] {
  const found = result as unknown as Found | null;
  if (!found?.lags) return [];
  const gaps = (name: string): [number, number][] =>
    found.dropped.filter((one) => one.view === name).map(({ frame, frames }) => [frame, frames]);
  return Object.entries(found.videos ?? {}).map(([camera, video]) => {
    const own = camera === found.reference;
    const [lag, drift] = [found.lags[camera] ?? 0, found.drift[camera] ?? 0];
    return { video, lag, drift, drops: own ? [] : gaps(camera), skips: own ? [] : gaps(found.reference) };
  });
}

/** The newest job of a stage. */
export function jobOf(stage: Stage): Job | null {
  return jobs.value.find((job) => job.stage === stage) ?? null;
}

/** Why a job of the views cannot start; null: it can. */
export const hindrance = computed<string | null>(() => {
  if (session.role.value !== "edit") return "this link may only look";
  if (session.refused.value !== "") return session.refused.value.replace(/\.$/, "");
  if (rig.value === null) return "a calibration is missing";
  const said = [...films.value.values()].filter((id) => id > 0);
  if (session.videos.value.length > 0 && said.length < 2) return "two views or more need a film";
  return new Set(said).size < said.length ? "one film is given to two views" : null;
});

/** Start a job; what the server refuses is said where its button is. */
export async function start(stage: Stage, inputs: Record<string, unknown>): Promise<boolean> {
  refused.value = null;
  try {
    await drained();
    await queue;
    await startJob(stage, settings.peek()[stage] ?? {}, inputs);
    return true;
  } catch (error) {
    refused.value = { stage, text: error instanceof ApiError ? sentence(error) : String(error) };
    return false;
  }
}

/** Synchronize or triangulate the chosen films. */
export function startViews(stage: "synchronize" | "triangulate"): boolean {
  const running = jobOf(stage);
  if (hindrance.peek() !== null || (running !== null && goesOn(running))) {
    const why = hindrance.peek() ?? `${stage} runs already`;
    toast(`${why}.`.replace(/^./, (first) => first.toUpperCase()), { kind: "warn" });
    desk.tab.value = "setup";
    return true;
  }
  const videos = Object.fromEntries([...films.peek()].filter(([, id]) => id > 0));
  void start(stage, { rig: rig.peek()!.rig, videos });
  return true;
}

/** Look again when a job has made a calibration or 3D poses; opens 3D poses that are new. */
export function watch(): () => void {
  const stages: readonly string[] = STAGES;
  const known = new Set<string>(); // jobs that were done; one that is dismissed and comes back is not new
  let begun = false;
  return effect(() => {
    const own = jobs.value.filter(({ stage }) => stages.includes(stage));
    for (const job of own) if (goesOn(job)) known.delete(job.id); // the name of a deleted job, given again
    const fresh = own.filter(({ id, state }) => state === "done" && !known.has(id));
    for (const { id } of fresh) known.add(id);
    if (begun && fresh.length > 0) {
      const solved = fresh.some(({ stage }) => stage === "triangulate");
      void desk.load().then(solved ? desk.openNewest : undefined);
    }
    begun ||= jobs.value.length > 0; // until then they were not read
  });
}
