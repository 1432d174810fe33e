// What the Improve screen knows: where the round is, the training that is watched, what it said.
import { computed, effect, signal } from "@preact/signals";
import { sentence } from "../../api";
import { goesOn, jobs } from "../../store/jobs";
import { followReports } from "../../store/reports";
import { frameRows, loadFrame, loadMarks, marks } from "../../store/rows";
import * as session from "../../store/session";
import * as view from "../../store/view";
import type { Curve, Job, Previews, Round, Suggestion } from "../../types.gen";
import { Again } from "./again";
import { stripOf, trainingOf, type Course } from "./steps";
import { getCurve, getPreviews, getRounds } from "./wire";

export const rounds = signal<Round[]>([]);
export const curve = signal<Curve | null>(null);
export const previews = signal<Previews | null>(null);
/** Why the curve or the rounds are not here. */
export const trouble = signal("");
/** Now, for clocks; moves while something runs. */
export const now = signal(Date.now());
/** A training that a person chose to look at; null: the running or newest one. */
export const looked = signal<string | null>(null);
/** Which suggested frame J, K and Enter mean. */
export const at = signal(0);

/** The newest job of a stage that goes on. */
export function running(...stages: readonly string[]): Job | null {
  return jobs.value.find((job) => stages.includes(job.stage) && goesOn(job)) ?? null;
}

export const PREDICTING = ["predict-frames", "predict"] as const;
export const training = computed(() => running("train"));
export const trainings = computed(() => jobs.value.filter((job) => job.stage === "train"));

/** The training on the right. */
export const watched = computed<Job | null>(() => {
  const chosen = trainings.value.find((job) => job.id === looked.value);
  return chosen ?? training.value ?? trainings.value[0] ?? null;
});

/** Suggested frames in the order of their ranks, and whether each is finished. */
export const queue = computed<readonly (Suggestion & { finished: boolean })[]>(() =>
  session.suggestions.value
    .map((one) => {
      const complete = marks(one.video).value.get(one.frame)?.complete;
      return { ...one, finished: one.done || complete === 1 };
    })
    .sort((a, b) => a.rank - b.rank),
);

/** Frames that train: finished here, or brought in with labels; not those being worked on. */
export const done = computed(() => {
  let count = 0;
  for (const { id } of session.videos.value)
    for (const mark of marks(id).value.values()) count += +(mark.complete === 1 || (mark.animals > 0 && mark.complete !== 2));
  return count;
});

/** The first frame of the queue that is to be corrected. */
export const firstOpen = computed(() => queue.value.find((one) => !one.finished) ?? null);

/** Training whose guesses stand on the queue: the server says it of the first open frame. */
const predicted = computed<string | null>(() => {
  const first = firstOpen.value;
  const run = first === null ? null : frameRows(first.video, first.frame).value.prediction?.run;
  if (run == null) return first === null ? (finished.value.at(-1)?.run ?? null) : null;
  return trainingOf(run, jobs.value);
});

/** Rounds whose training failed or was given up are none. */
function counts({ run }: Round): boolean {
  const state = jobs.value.find(({ id }) => id === run)?.state;
  return state !== "failed" && state !== "cancelled";
}

/** The rounds that count, numbered from one. */
export const shown = computed(() =>
  rounds.value.filter(counts).map((round, i) => ({ ...round, number: i + 1 })),
);

/** Those whose training is over. */
export const finished = computed(() =>
  shown.value.filter(({ run }) => {
    const job = jobs.value.find(({ id }) => id === run);
    return job === undefined || job.state === "done";
  }),
);

export const course = computed<Course>(() => ({
  done: done.value,
  queue: {
    done: queue.value.filter((one) => one.finished).length,
    total: queue.value.length,
  },
  rounds: finished.value,
  training: training.value,
  predicting: running(...PREDICTING),
  suggesting: running("suggest"),
  predicted: predicted.value,
}));

export const strip = computed(() => stripOf(course.value));

const asked = new Set<number>();
const PAUSE_MS = 1000; // between two looks at the same training

async function look(id: string): Promise<void> {
  const said = await getCurve(id);
  if (watched.peek()?.id !== id) return;
  const seen = judged(curve.peek());
  curve.value = said;
  trouble.value = "";
  if (judged(said) === seen && previews.peek() !== null) return;
  const tiles = await getPreviews(id).catch(() => null);
  if (tiles !== null && watched.peek()?.id === id) previews.value = tiles;
}

function judged(of: Curve | null): number {
  return of?.val_px.filter((value) => value !== null).length ?? -1;
}

const looking = new Again(PAUSE_MS, look);
const counting = new Again(PAUSE_MS, async () => void (rounds.value = await getRounds()));

const asking = new Again(PAUSE_MS, async (place) => {
  const [video, frame] = place.split(",").map(Number) as [number, number];
  await loadFrame(video, frame, true);
});

function say(error: unknown): void {
  trouble.value = sentence(error);
}

/** Keeps everything coming while the screen is open; returns how to stop. */
export function follow(): () => void {
  let shownOf: string | null = null;
  const stops = [
    effect(() => {
      for (const { id } of session.videos.value)
        if (!asked.has(id)) {
          asked.add(id);
          loadMarks(id).catch(() => asked.delete(id));
        }
    }),
    effect(() => {
      const job = watched.value;
      void session.connection.value;
      if (job !== null && goesOn(job)) void now.value; // steps between two reports
      if (job?.id !== shownOf) {
        shownOf = job?.id ?? null;
        curve.value = null;
        previews.value = null;
      }
      if (job !== null) looking.ask(job.id, say);
    }),
    effect(() => {
      const first = firstOpen.value;
      void [session.connection.value, training.value?.done, finished.value.length];
      void running(...PREDICTING)?.state;
      if (first !== null) asking.ask(`${first.video},${first.frame}`, () => undefined);
    }),
    effect(() => {
      void [session.connection.value, done.value];
      void trainings.value.map((job) => job.state).join();
      counting.ask("", say);
    }),
    followReports(),
    effect(() => {
      if (!jobs.value.some(goesOn)) return;
      const timer = setInterval(() => (now.value = Date.now()), 1000);
      return () => clearInterval(timer);
    }),
  ];
  return () => {
    stops.forEach((stop) => stop());
    looking.stop();
    asking.stop();
    counting.stop();
  };
}

/** Open a frame on the Label screen. */
export function open(video: number, frame: number): void {
  view.animal.value = null;
  view.keypoint.value = null;
  view.goTo(frame, video);
  location.hash = "label";
}
