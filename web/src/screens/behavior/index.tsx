// The Behaviour screen: film and rasters in step, the map, clips of what is chosen, labels.
import { effect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Stage as Canvas, type StageTools } from "../../canvas/stage";
import { registerScreen } from "../../screens";
import { jobs } from "../../store/jobs";
import { ofFolder } from "../../store/reports";
import * as session from "../../store/session";
import * as view from "../../store/view";
import { grouped } from "../../store/words";
import { pause } from "../../video/play";
import { Panel } from "../../widgets/panel";
import { ReportLink } from "../../widgets/report";
import { Hint } from "../../widgets/toast";
import { answer, Clips, paged, title, turnPage } from "./clips";
import { begun, bindKeys, hand, merging } from "./deeds";
import * as desk from "./desk";
import { Follow } from "./follow";
import { Groups } from "./groups";
import { BehaviorMap } from "./map";
import { More, Stage } from "./missing";
import { People } from "./people";
import { Rasters } from "./rasters";
import { scene } from "./scene";
import { Labels, LabelTools, Matrix } from "./table";
import "./behavior.css";

function ready(tools: StageTools | null): void {
  desk.tools.value = tools;
}

function status(): void {
  const mine = desk.recording.value;
  if (mine === null) return;
  const at = view.frame.value;
  session.statusCells.value = [`frame ${grouped(at)} / ${grouped(mine.frames)}`, `${(at / (desk.run.value?.fps || 25)).toFixed(3)} s`];
  const bout = desk.bout.value;
  const name = bout && desk.run.value ? desk.lookOf(desk.run.value.run, bout.label).name : "";
  session.status.value =
    merging.value !== null
      ? "click the label that it is merged into, Esc leaves"
      : begun.value.size > 0
        ? `${[...begun.value.keys()].join(", ")} goes on: the same digit ends it`
        : bout
          ? `${name}, frames ${grouped(bout.first)}–${grouped(bout.last)} · J, K: by bout · F2 names · 1–9 score by hand`
          : "J, K: by bout · click the map: nearest clips · 1–9 score by hand";
}

/** Behaviour. */
export function Behavior() {
  useEffect(() => {
    const stops = [
      desk.follow(),
      bindKeys(),
      effect(status),
      effect(() => {
        if (jobs.value.some((job) => job.state === "done")) void desk.loadOverview();
      }),
    ];
    return () => {
      stops.forEach((stop) => stop());
      pause();
      session.statusCells.value = [];
      session.status.value = "";
    };
  }, []);
  if (desk.overview.value === null)
    return (
      <div class="empty" aria-busy="true">
        {desk.trouble.value}
      </div>
    );
  if (desk.run.value === null) return <Nothing />;
  return (
    <div class="behavior-screen" data-test="screen-behavior">
      <div class="behavior-left">
        <Runs />
        <div class="behavior-top">
          <Film />
          {desk.mapRow.value !== null && (
            <Panel name="behavior.map" title="Map" side="right" size={320}>
              <BehaviorMap />
            </Panel>
          )}
        </div>
        <Hint name="behavior.first">
          Rasters and film go in step: click, drag, J and K. Click the map for the nearest clips; F2 names
          a label, M merges it; the model itself never changes, and everything can be undone.
        </Hint>
        <Rasters />
      </div>
      <Panel name="behavior.clips" title={heading()} side="right" size={400} tools={<Pages />}>
        <div class="column behavior-right">
          <Clips />
          <LabelTools />
          <Labels />
          <details class="fold">
            <summary>What follows what</summary>
            <Matrix />
          </details>
          <Follow />
          <details class="fold">
            <summary>Compare groups</summary>
            <Groups />
          </details>
          <details class="fold" open>
            <summary>Score by hand</summary>
            <People />
          </details>
          <More />
        </div>
      </Panel>
    </div>
  );
}

function heading(): string {
  const now = answer.value;
  if (now === null) return "Clips and labels";
  if (!paged()) return `Clips of ${title.value}: ${now.clips.length} of ${grouped(now.total)} frames`;
  const to = now.at + now.clips.length;
  return `Clips of “${title.value}” ${now.clips.length ? now.at + 1 : 0}–${to} of ${grouped(now.total)}`;
}

function Pages() {
  const now = answer.value;
  if (now === null || !paged() || now.total <= now.clips.length) return null;
  return (
    <>
      <button class="plain" title="Clips before" aria-label="Clips before" disabled={now.at === 0} onClick={() => turnPage(-1)}>
        ‹
      </button>
      <button
        class="plain"
        title="More clips"
        aria-label="More clips"
        disabled={now.at + now.clips.length >= now.total}
        onClick={() => turnPage(1)}
      >
        ›
      </button>
    </>
  );
}

function Film() {
  const mine = desk.recording.value;
  const video = view.openVideo.value;
  if (mine === null || mine.video === null || video === undefined)
    return (
      <div class="empty grow">
        <p>The film of {mine?.name} is not in this project. Add it: Alt+V.</p>
      </div>
    );
  return (
    <Canvas
      video={video}
      frame={view.frame.value}
      scene={scene.value}
      hand={hand}
      label={`Frame ${view.frame.value} of ${video.name}. J, K: by bout.`}
      onReady={ready}
    />
  );
}

function Runs() {
  const [now, mine] = [desk.run.value, desk.recording.value];
  if (now === null || mine === null) return null;
  return (
    <div class="row behavior-runs">
      <select aria-label="Run" value={now.run} data-test="behavior-run" onChange={(event) => desk.open(event.currentTarget.value)}>
        {desk.runs.value.map((run) => (
          <option key={run.run} value={run.run}>
            {run.kind}: {run.title}
          </option>
        ))}
      </select>
      <select
        aria-label="Recording"
        value={mine.name}
        data-test="behavior-recording"
        onChange={(event) => desk.open(now.run, event.currentTarget.value)}
      >
        {now.recordings.map((one) => (
          <option key={one.name} value={one.name}>
            {one.name}
          </option>
        ))}
      </select>
      <ReportLink place={ofFolder(now.place)} what={`How ${now.title} was made and what it found`} />
      {desk.trouble.value && <span class="bad cut">{desk.trouble.value}</span>}
    </div>
  );
}

/** What is missing, and how to make it. */
function Nothing() {
  const held = desk.overview.value;
  const broken = (held?.runs ?? []).filter((run) => run.trouble);
  return (
    <div class="empty" data-test="no-behavior">
      <div class="column missing">
        <p>
          Nobody has looked for behaviour in this project yet. Start what is missing, or run it by
          command: what is written below the project is found wherever it lies.
        </p>
        {held?.missing.map((one) => <Stage key={one.stage} one={one} />)}
        {broken.map((run) => (
          <p key={run.run} class="bad">
            {run.title}: {run.trouble}
          </p>
        ))}
        <div class="row">
          <button onClick={() => void desk.loadOverview()} title="Look again">Look again</button>
        </div>
      </div>
    </div>
  );
}

registerScreen("behavior", Behavior);
