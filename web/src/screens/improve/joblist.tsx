// Every job: waiting, running, done, failed with its reason, last words and the way out.
import { useEffect, useState } from "preact/hooks";
import { sentence, text as getText, url } from "../../api";
import { dropJob, goesOn, jobs, percent, startJob } from "../../store/jobs";
import * as session from "../../store/session";
import { toast } from "../../store/toasts";
import { ago } from "../../store/words";
import type { Job, State } from "../../types.gen";
import { clock, elapsed } from "./curves";
import * as desk from "./desk";
import { fixOf, type Fix } from "./fixes";
import { tell } from "./live";
import { relinking } from "./relink";
import { freeing } from "./room";
import { deleteRun } from "./wire";

const SIGNS: Record<State, string> = {
  queued: "◌", running: "▸", stopping: "▪", done: "✓", failed: "✕", cancelled: "–", lost: "?",
}; // prettier-ignore
const SHOWN = 12;
const LINES = 20;

function repair(job: Job, fix: Fix): void {
  if (fix.kind === "resume") return tell(job, "resume", fix.fix);
  if (fix.kind === "relink") return void (relinking.value = job.id);
  if (fix.kind === "disk") return void (freeing.value = job.id);
  startJob(job.stage, { ...job.config }, { ...job.inputs }).catch(complain);
}

const complain = (error: unknown): void => void toast(sentence(error), { kind: "error" });

function remove(job: Job): void {
  deleteRun(job.id).then(() => {
    dropJob(job.id);
    toast(`${job.id} is deleted; what it wrote stays in runs/.trash for 30 days.`);
  }, complain);
}

const FORMATS = ["csv", "slp", "nwb", "analysis"] as const;

/** What may be done with an ended job, when it is open. */
function Deeds({ job }: { job: Job }) {
  const may = session.role.value === "edit";
  const poses = job.state === "done" && ["predict", "track"].includes(job.stage);
  return (
    <div class="row">
      {poses && (
        <select
          aria-label={`Export the poses of ${job.id}`}
          value=""
          disabled={!may}
          data-test="export-poses"
          onChange={(event) => {
            startJob("export", {}, { run: job.id, format: event.currentTarget.value }).catch(complain);
            event.currentTarget.value = "";
          }}
        >
          <option value="">export as …</option>
          {FORMATS.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      )}
      <button
        class="plain"
        disabled={!may}
        title={`Delete ${job.id} and what it wrote; it stays in the trash for 30 days`}
        data-test="delete"
        onClick={() => remove(job)}
      >
        delete
      </button>
    </div>
  );
}

function Log({ job }: { job: Job }) {
  const [lines, setLines] = useState<string | null>(null);
  useEffect(() => {
    let gone = false;
    getText(`jobs/${encodeURIComponent(job.id)}/log?tail=${LINES}`).then(
      (said) => !gone && setLines(said),
      (error: unknown) => !gone && setLines(sentence(error)),
    );
    return () => void (gone = true);
  }, [job.id, job.state, job.done]);
  return (
    <pre class="log" tabIndex={0} aria-label={`Last words of ${job.title}`} data-test="log">
      {lines === null ? "…" : lines.trim() || "It has said nothing."}
    </pre>
  );
}

function when(job: Job): string {
  if (job.state === "queued") return "waits";
  const share = percent(job);
  if (goesOn(job)) return share === null ? "…" : `${share} %`;
  const spent = elapsed(job, desk.now.value);
  return `${spent === null ? "" : `${clock(spent)} · `}${job.ended ? ago(job.ended) : ""}`;
}

function paths(job: Job): string[] {
  const said = job.result?.["paths"] ?? job.result?.["path"];
  const all: unknown[] = Array.isArray(said) ? said : [said];
  return all.filter((one): one is string => typeof one === "string");
}

function One({ job }: { job: Job }) {
  const [open, setOpen] = useState(job.state === "failed" || job.state === "lost");
  const fix = fixOf(job);
  const bad = job.state === "failed" || job.state === "lost";
  const download = job.result?.["download"];
  return (
    <li class={`job ${job.state}`} data-test={`job-${job.id}`} data-state={job.state}>
      <div class="row">
        <button
          class="plain grow head"
          title={open ? "Hide its last words" : "Show its last words"}
          aria-expanded={open}
          onClick={() => setOpen(!open)}
        >
          <span class="sign" aria-hidden="true">{SIGNS[job.state]}</span>
          <span class="grow cut">
            {job.title} <span class="muted">{job.id}</span>
          </span>
          <span class="unseen">{job.state}</span>
          <span class="muted number">{when(job)}</span>
        </button>
        {goesOn(job) && job.stage !== "train" && (
          <button class="plain" title={`Cancel ${job.title}`} onClick={() => tell(job, "cancel")}>
            cancel
          </button>
        )}
      </div>
      {bad && job.problem && (
        <p class="bad" data-test="reason">
          {job.problem.message}
          {job.problem.hint && <span class="muted"> {job.problem.hint}</span>}
        </p>
      )}
      {fix !== null && (bad || open) && (
        <button disabled={session.role.value === "read"} data-test="fix" onClick={() => repair(job, fix)}>
          {fix.text}
        </button>
      )}
      {paths(job).map((path) => (
        <p key={path} class="muted cut" title={path}>
          wrote {path}
        </p>
      ))}
      {typeof download === "string" && (
        <a class="button" href={url(download.replace(/^\/?api\//, ""))} download>
          Download
        </a>
      )}
      {open && !goesOn(job) && <Deeds job={job} />}
      {open && <Log job={job} />}
    </li>
  );
}

/** The list; older ones on request. */
export function JobList() {
  const [all, setAll] = useState(false);
  const list = jobs.value;
  if (list.length === 0) return null;
  return (
    <section aria-label="Jobs" class="column tight">
      <h3>Jobs</h3>
      <ul class="jobs" data-test="jobs">
        {(all ? list : list.slice(0, SHOWN)).map((job) => (
          <One key={job.id} job={job} />
        ))}
      </ul>
      {list.length > SHOWN && (
        <button class="plain" onClick={() => setAll(!all)}>
          {all ? "fewer" : `all ${list.length}`}
        </button>
      )}
    </section>
  );
}
