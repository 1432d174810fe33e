// Stages that have not run yet: started from here, how far they are, and why they failed.
import { computed } from "@preact/signals";
import { sentence } from "../../api";
import { goesOn, jobs, percent, startJob } from "../../store/jobs";
import * as session from "../../store/session";
import { toast } from "../../store/toasts";
import type { BehaviorMissing } from "../../types.gen";
import * as desk from "./desk";

/** Stages that can be started here; poses are made on the Improve screen. */
const STARTS: readonly string[] = ["map", "syllables", "states"];

const newest = computed(() => {
  const found = new Map<string, (typeof jobs.value)[number]>();
  for (const job of jobs.value) if (!found.has(job.stage)) found.set(job.stage, job);
  return found;
});

async function start(stage: string): Promise<void> {
  try {
    await startJob(stage);
  } catch (error) {
    toast(sentence(error), { kind: "error" });
  }
}

/** One stage: its button, its progress, or why it failed. */
export function Stage({ one }: { one: BehaviorMissing }) {
  const job = newest.value.get(one.stage);
  const runs = job !== undefined && goesOn(job);
  const done = job && percent(job);
  return (
    <div class={one.ready ? "" : "muted"} data-test={`missing-${one.stage}`}>
      <div class="row">
        <h3 class="grow">
          {one.title} {!one.ready && "(needs what stands above)"}
        </h3>
        {one.stage === "poses" && (
          <a class="button" href="#improve" title="Train and predict on the Improve screen (G then 2)">
            Predict first
          </a>
        )}
        {STARTS.includes(one.stage) && (
          <button
            disabled={!one.ready || runs || !session.mayEdit.value}
            title={`Start ${one.title.toLowerCase()} as a job`}
            data-test={`start-${one.stage}`}
            onClick={() => void start(one.stage)}
          >
            {runs ? `${job.state} ${done === null ? "" : `${done} %`}` : "Start"}
          </button>
        )}
      </div>
      {job?.state === "failed" && (
        <p class="bad" role="alert" data-test={`failed-${one.stage}`}>
          {job.problem?.message} {job.problem?.hint}
        </p>
      )}
      <details>
        <summary class="muted">or by command</summary>
        <code>{one.command}</code>
      </details>
    </div>
  );
}

/** What is missing beside the runs that are there. */
export function More() {
  const missing = desk.overview.value?.missing ?? [];
  if (missing.length === 0) return null;
  return (
    <details class="fold more" data-test="more-stages">
      <summary>More: {missing.map((one) => one.title.toLowerCase()).join(", ")}</summary>
      <div class="missing column">{missing.map((one) => <Stage key={one.stage} one={one} />)}</div>
    </details>
  );
}
