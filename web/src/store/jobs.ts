// Jobs of the server: what runs, how far it is, starting and stopping.
import { computed, signal } from "@preact/signals";
import { get, post, uuid } from "../api";
import type { Job, JobStart, State } from "../types.gen";
import { toast } from "./toasts";

export const jobs = signal<Job[]>([]);
const ALIVE: readonly State[] = ["queued", "running", "stopping"];

/** Whether a job still has something to do. */
export function goesOn(job: Job): boolean {
  return ALIVE.includes(job.state);
}

/** What runs or waits, the running first. */
export const active = computed(() => {
  const alive = jobs.value.filter(goesOn);
  return alive.sort((a, b) => +(a.state === "queued") - +(b.state === "queued"));
});

/** How far a job is, in percent; null: not known. */
export function percent(job: Job): number | null {
  return job.total > 0 ? Math.min(Math.round((100 * job.done) / job.total), 100) : null;
}

let ended: (job: Job) => void = () => undefined;

/** Be told when a job is over: what it wrote may be shown. */
export function onEnd(tell: (job: Job) => void): void {
  ended = tell;
}

/** Take over news of one job. */
export function takeJob(job: Job): void {
  const old = jobs.value.find((one) => one.id === job.id);
  jobs.value = [job, ...jobs.value.filter((one) => one.id !== job.id)].sort((a, b) =>
    b.created < a.created ? -1 : +(b.created > a.created),
  );
  if (old === undefined || old.state === job.state) return;
  if (!goesOn(job)) ended(job);
  if (job.state === "done") toast(`${job.title}: done.`);
  if (job.state === "failed" || job.state === "lost") {
    const why = job.problem ? `${job.problem.message} ${job.problem.hint ?? ""}`.trim() : "";
    toast(`${job.title} ${job.state === "lost" ? "is lost" : "failed"}. ${why}`, { kind: "error" });
  }
}

/** Forget a job that was deleted. */
export function dropJob(id: string): void {
  jobs.value = jobs.value.filter((one) => one.id !== id);
}

/** Bring all jobs from the server. */
export async function loadJobs(): Promise<void> {
  jobs.value = await get<Job[]>("jobs");
}

/** Start a stage. A repeated call with the same key starts nothing new. */
export async function startJob(
  stage: string,
  config: Record<string, unknown> = {},
  inputs: Record<string, unknown> = {},
  key = uuid(),
): Promise<Job> {
  const body: JobStart = { key, stage, config, inputs };
  const job = await post<Job>("jobs", body);
  takeJob(job);
  return job;
}

/** Stop: finish the step and keep the best. Cancel: give up. Resume: from the checkpoint. */
export async function tellJob(id: string, what: "stop" | "cancel" | "resume"): Promise<void> {
  takeJob(await post<Job>(`jobs/${encodeURIComponent(id)}/${what}`));
}
