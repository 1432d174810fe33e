// Right: the training that runs, or the one that ran last.
import { post, sentence } from "../../api";
import { goesOn, jobs, percent, startJob, takeJob, tellJob } from "../../store/jobs";
import { addressOf, ofJob } from "../../store/reports";
import * as session from "../../store/session";
import { toast } from "../../store/toasts";
import type { Job } from "../../types.gen";
import { Panel } from "../../widgets/panel";
import { ReportLink } from "../../widgets/report";
import { best, clock, elapsed, newest, px } from "./curves";
import * as desk from "./desk";
import { JobList } from "./joblist";
import { Plot } from "./plot";
import { Tiles } from "./tiles";

/** Stop, cancel or resume; what the server refuses is said. */
export function tell(job: Job, what: "stop" | "cancel" | "resume", fix: "" | "memory" | "cpu" = ""): void {
  const told = fix === "" ? tellJob(job.id, what) : mend(job.id, fix);
  told.catch((error: unknown) => toast(sentence(error), { kind: "error" }));
}

async function mend(id: string, fix: "memory" | "cpu"): Promise<void> {
  takeJob(await post<Job>(`jobs/${encodeURIComponent(id)}/resume`, { fix }));
}

function Numbers({ job }: { job: Job }) {
  const now = newest(desk.curve.value);
  const least = desk.curve.value && best(desk.curve.value);
  const spent = elapsed(job, desk.now.value);
  const left = goesOn(job) ? job.seconds_left : null;
  return (
    <p class="numbers number" data-test="live-numbers">
      {now === null ? (
        <span class="muted">{job.state === "queued" ? "waits for its turn" : "no evaluation yet"}</span>
      ) : (
        <span>
          p50 <strong>{px(now.p50)}</strong> px, p95 <strong>{px(now.p95)}</strong>
        </span>
      )}
      {spent !== null && <span title="Elapsed"> · {clock(spent)}</span>}
      {left !== null && <span class="muted"> · about {clock(left)} left</span>}
      {least !== null && now !== null && least.px < now.p50 && (
        <span class="muted"> · best {px(least.px)} px at step {least.step}</span>
      )}
    </p>
  );
}

function Controls({ job }: { job: Job }) {
  const may = session.role.value === "edit";
  if (job.state === "stopping") return <p class="muted">finishing its step …</p>;
  if (!goesOn(job)) {
    const again = ["lost", "cancelled", "failed"].includes(job.state);
    return again ? (
      <div class="row">
        <span>{job.state === "failed" ? "failed" : job.state}</span>
        <button disabled={!may} title="Go on from the checkpoint" data-test="resume" onClick={() => tell(job, "resume")}>
          resume
        </button>
      </div>
    ) : null;
  }
  return (
    <div class="row">
      <button
        disabled={!may || job.state === "queued"}
        title="Finish the step and keep the best weights"
        data-test="stop"
        onClick={() => tell(job, "stop")}
      >
        stop, keep best
      </button>
      <button class="plain" disabled={!may} title="Give the training up" data-test="cancel" onClick={() => tell(job, "cancel")}>
        cancel
      </button>
    </div>
  );
}

/** The page about a training that ended well; where nobody wrote it yet, how to have it. */
function Page({ job }: { job: Job }) {
  if (job.state !== "done") return null;
  const place = ofJob(job.id);
  if (addressOf(place) !== null)
    return (
      <div class="row">
        <ReportLink place={place} what={`What ${job.id} learnt and how far off it is`} />
      </div>
    );
  const writing = jobs.value.some((one) => one.stage === "report" && one.inputs["run"] === job.id && goesOn(one));
  const write = (): void => {
    startJob("report", {}, { run: job.id }).catch((error: unknown) => toast(sentence(error), { kind: "error" }));
  };
  return (
    <div class="row">
      <button
        disabled={writing || session.role.value !== "edit"}
        title="Scores, figures and held-out frames of this training, as a page to keep"
        data-test="write-report"
        onClick={write}
      >
        {writing ? "writing the report …" : "write a report"}
      </button>
    </div>
  );
}

function Which({ job }: { job: Job }) {
  const all = desk.trainings.value;
  if (all.length < 2) return <span class="muted">{job.id}</span>;
  return (
    <select
      aria-label="Training"
      value={job.id}
      data-test="which"
      onChange={(event) => (desk.looked.value = event.currentTarget.value)}
    >
      {all.map(({ id, state }) => (
        <option key={id} value={id}>
          {id}
          {state === "done" ? "" : `, ${state}`}
        </option>
      ))}
    </select>
  );
}

/** The panel: numbers, curves, held-out frames, how to end it; then all jobs. */
export function Live() {
  const job = desk.watched.value;
  const share = job && goesOn(job) ? percent(job) : null;
  const curve = desk.curve.value;
  return (
    <Panel name="improve.live" title="Live" side="right" size={400} tools={job && <Which job={job} />}>
      <div class="column pad" data-test="live" data-state={job?.state ?? "none"}>
        {job === null ? (
          <p class="muted">Here you will see the training learn: its curve from the first step, and held-out frames.</p>
        ) : (
          <>
            <Numbers job={job} />
            {share !== null && <progress class="wide" max={100} value={share} aria-label={job.title} />}
            {curve !== null && curve.step.length > 0 ? (
              <Plot curve={curve} theme={session.theme.value} />
            ) : (
              <div class="hollow improve-nocurve">the curve begins with the first evaluation</div>
            )}
            <Controls job={job} />
            <Page job={job} />
            <Tiles previews={desk.previews.value} />
          </>
        )}
        {desk.trouble.value !== "" && <p class="bad">{desk.trouble.value}</p>}
        <JobList />
      </div>
    </Panel>
  );
}
