// The steps of a round: label, train, predict, correct; where one is, and the one thing to do next.
import type { Job, Round } from "../../types.gen";

export const ENOUGH = 10; // done frames before a first training is worth its minutes

export type StepName = "label" | "train" | "predict" | "correct";
export type NextName = "label" | "suggest" | "train" | "predict" | "correct";

/** What of a project the steps depend on. */
export interface Course {
  readonly done: number; // frames finished
  readonly queue: { readonly done: number; readonly total: number }; // suggested frames
  readonly rounds: readonly Round[];
  readonly training: Job | null; // that goes on
  readonly predicting: Job | null;
  readonly suggesting: Job | null;
  /** Run whose predictions stand on the queue; null: none. */
  readonly predicted: string | null;
}

export interface Step {
  readonly name: StepName;
  readonly text: string;
  readonly state: "done" | "now" | "later";
}

export interface Strip {
  readonly round: number;
  readonly steps: readonly Step[];
  /** The button; null: wait, or do as you like. */
  readonly next: { readonly name: NextName; readonly text: string; readonly why: string } | null;
}

/** The training whose network made the guesses of a run: the run itself, or what it predicted with. */
export function trainingOf(run: string, jobs: readonly Job[]): string {
  const job = jobs.find(({ id }) => id === run);
  if (job === undefined || job.stage === "train") return run;
  const said = job.result?.["run"] ?? job.inputs["run"];
  if (typeof said === "string") return said;
  // who asks for none gets the newest that was done by then
  const before = jobs.filter(({ stage, ended }) => stage === "train" && ended !== null && ended <= (job.started ?? ""));
  const newest = before.filter(({ state }) => state === "done").sort((a, b) => (a.ended! < b.ended! ? 1 : -1))[0];
  return newest?.id ?? run;
}

/** Where a project is. */
export function stripOf(course: Course): Strip {
  const { rounds, training, predicting, queue, done } = course;
  const newest = rounds.at(-1) ?? null;
  const current = newest !== null && course.predicted === newest.run;
  const open = queue.total - queue.done;
  // a round is over when its queue is corrected: what is done since belongs to the next
  const over = newest !== null && training === null && current && open === 0 && done > newest.labels;
  const fresh = newest === null || over;
  const round = rounds.length + +(training !== null || fresh);
  const trained = newest !== null && !over && training === null;
  const steps: Step[] = [
    { name: "label", text: `Label ${done}`, state: done < ENOUGH && fresh ? "now" : "done" },
    { name: "train", text: share("Train", training), state: trainState(course, trained, fresh) },
    {
      name: "predict",
      text: share("Predict", predicting),
      state: predicting ? "now" : trained && current ? "done" : trained ? "now" : "later",
    },
    {
      name: "correct",
      text: newest === null || queue.total === 0 ? "Correct" : `Correct ${queue.done} of ${queue.total}`,
      state: trained && current ? (open > 0 ? "now" : "done") : "later",
    },
  ];
  return { round, steps, next: nextOf(course, { fresh, trained, current, open, round }) };
}

function trainState(course: Course, trained: boolean, fresh: boolean): Step["state"] {
  if (course.training !== null) return "now";
  if (trained) return "done";
  return fresh && course.done >= ENOUGH ? "now" : "later";
}

interface Where {
  fresh: boolean;
  trained: boolean;
  current: boolean;
  open: number;
  round: number;
}

function nextOf(course: Course, { fresh, trained, current, open, round }: Where): Strip["next"] {
  const { done, training, predicting, suggesting, predicted } = course;
  if (training !== null) {
    if (open === 0) return null;
    return predicted === null
      ? { name: "label", text: `Label ${frames(open)} meanwhile`, why: "more labels for the next round" }
      : { name: "correct", text: `Correct ${frames(open)} meanwhile`, why: "predictions are there already" };
  }
  if (predicting !== null) return null;
  const suggest = (why: string): Strip["next"] =>
    suggesting === null ? { name: "suggest", text: "Suggest frames", why } : null;
  if (fresh && done < ENOUGH) {
    const missing = ENOUGH - done;
    if (open === 0 && course.rounds.length === 0) return suggest("frames that differ teach most");
    return { name: "label", text: `Label ${missing} more`, why: `a first training wants ${ENOUGH} frames` };
  }
  if (fresh) return { name: "train", text: `Train round ${round}`, why: `${frames(done)} are done` };
  if (trained && open === 0)
    return suggest("those of which the network is least sure");
  if (trained && !current)
    return { name: "predict", text: `Predict ${frames(open)}`, why: "then you only correct" };
  return { name: "correct", text: `Correct ${frames(open)}`, why: "Enter takes a good one, drag mends a point" };
}

function frames(n: number): string {
  return `${n} frame${n === 1 ? "" : "s"}`;
}

function share(word: string, job: Job | null): string {
  if (job === null) return word;
  if (job.state === "queued") return `${word} waits`;
  return job.total > 0 ? `${word} ${Math.min(Math.round((100 * job.done) / job.total), 100)} %` : `${word} …`;
}

/** "label 10 frames: 4 to go"; null: enough are done. */
export function missing(done: number): string | null {
  return done < ENOUGH ? `label ${ENOUGH} frames: ${ENOUGH - done} to go` : null;
}
