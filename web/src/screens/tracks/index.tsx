// The Tracks screen: doubtful crossings, the film around them, both hypotheses, lanes of identities.
import { effect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { paintOf } from "../../canvas/figure";
import { Stage, type StageTools } from "../../canvas/stage";
import { hint, run as act } from "../../keys";
import { registerScreen } from "../../screens";
import { goesOn, jobs, startJob } from "../../store/jobs";
import * as session from "../../store/session";
import * as view from "../../store/view";
import { toast } from "../../store/toasts";
import { sentence } from "../../api";
import { grouped } from "../../store/words";
import { pause } from "../../video/play";
import type { Crossing } from "../../types.gen";
import { List } from "../../widgets/list";
import { Panel } from "../../widgets/panel";
import { Hint } from "../../widgets/toast";
import { bindKeys, centre, hand } from "./deeds";
import * as desk from "./desk";
import { ended } from "./ended";
import { Lanes } from "./lanes-view";
import { Previews } from "./previews";
import { scene } from "./scene";
import "./tracks.css";

function ready(tools: StageTools | null): void {
  desk.tools.value = tools;
}

function status(): void {
  const now = desk.run.value;
  if (now === null) return;
  const at = view.frame.value;
  session.statusCells.value = [`frame ${grouped(at)} / ${grouped(now.frames)}`];
  const chosen = desk.chosen.value;
  const who = chosen === null ? "" : "row" in chosen ? "a fragment" : (desk.names.value[chosen.animal] ?? "");
  const asking = desk.asking.value;
  session.status.value =
    asking !== null
      ? `swap ${asking[0] ?? "which"} with: press ${asking.length ? "a digit" : "two digits"}, Esc leaves`
      : who
        ? `${who} is chosen: Shift+1–9 says who it is, B cuts, M joins, Del: no animal, I: interpolates its gap`
        : "click chooses an animal · K next crossing · N next gap";
}

/** Tracks. */
export function Tracks() {
  useEffect(() => {
    const stops = [
      desk.follow(),
      bindKeys(),
      effect(status),
      effect(() => {
        void view.frame.value;
        void desk.read.value;
        if (desk.following.value) centre();
      }),
      effect(() => {
        if (jobs.value.some((job) => job.stage === "track" && job.state === "done")) void desk.loadRuns();
      }),
    ];
    return () => {
      stops.forEach((stop) => stop());
      pause();
      desk.looping.value = false;
      session.statusCells.value = [];
      session.status.value = "";
    };
  }, []);
  const now = desk.run.value;
  if (desk.runs.value === null)
    return (
      <div class="empty" aria-busy="true">
        {desk.trouble.value}
      </div>
    );
  if (now === null) return <Nothing />;
  const video = view.openVideo.value;
  return (
    <div class="tracks-screen" data-test="screen-tracks">
      <div class="tracks-columns">
        <Queue />
        <div class="tracks-middle">
          <Banner />
          {now.trouble ? (
            <div class="empty" role="alert" data-test="broken">
              <p>
                <b>{now.job ?? now.title}</b>: {now.trouble}
              </p>
              <Start again />
            </div>
          ) : video === undefined || now.video === null ? (
            <div class="empty">
              <p>The film of {now.title} is not in this project. Add it: Alt+V.</p>
            </div>
          ) : (
            <Stage
              video={video}
              frame={view.frame.value}
              scene={scene.value}
              hand={hand}
              label={`Frame ${view.frame.value} of ${video.name}. K: next crossing, Enter keeps, X swaps.`}
              onReady={ready}
            />
          )}
          <Hint name="tracks.first">
            K loops the next doubtful crossing. Enter: the colours are right; X: they are exchanged from
            here on; U: cannot tell. Everything can be undone.
          </Hint>
        </div>
        <Panel name="tracks.pair" title="Keep or swap" side="right" size={296}>
          <div class="column tracks-side">
            <Previews />
            <Tools />
          </div>
        </Panel>
      </div>
      <Lanes />
    </div>
  );
}

function Queue() {
  const queue = desk.queue.value;
  const all = queue?.crossings ?? [];
  const left = queue?.left ?? 0;
  const over = queue === null ? null : ended(left, desk.open_.value.length);
  const title = queue === null ? "Check" : `Check ${desk.open_.value.length} · ${left.toFixed(1)} swaps left`;
  return (
    <Panel name="tracks.queue" title={title} side="left" size={264}>
      <div class="column tracks-queue">
        <Runs />
        {over !== null && (
          <p class="good pad" role="status" data-test="done">
            ● {over}
          </p>
        )}
        {desk.trouble.value && <p class="bad pad">{desk.trouble.value}</p>}
        {desk.run.value?.unwritten && (
          <p class="bad pad" role="alert" data-test="unwritten">
            Decisions are kept, but the track file could not be written: {desk.run.value.unwritten}
          </p>
        )}
        <div class="grow">
          {queue !== null && all.length === 0 && <p class="muted pad">Nothing is doubtful.</p>}
          <List
            items={all}
            height={30}
            label="Doubtful crossings"
            selected={all.findIndex((one) => one.item === desk.item.value)}
            name={(one) => one.item}
            onPick={desk.seek}
            test="crossings"
          >
            {(one) => <Row one={one} />}
          </List>
        </div>
        <Bands />
      </div>
    </Panel>
  );
}

const VERDICTS = { right: "✓", swapped: "⇄", unsure: "?" } as const;

function Row({ one }: { one: Crossing }) {
  const dot = (name: string) => (
    <span key={name} class="dot" style={{ background: paintOf(desk.names.value.indexOf(name)).colour }} />
  );
  const settled = one.verdict === "right" || one.verdict === "swapped";
  return (
    <span class={`row crossing number ${settled ? "muted" : ""}`} title={`${one.animals.join(", ")}: ${one.kind}`}>
      <span class="verdict" aria-label={one.verdict ?? "open"}>
        {one.verdict ? VERDICTS[one.verdict] : ""}
      </span>
      <span class="place">f{one.first}</span>
      <span class="who">{one.animals.map(dot)}</span>
      <span class="share">{Math.round(one.confidence * 100)} %</span>
      <span class="share" title="seconds that hang on it">
        {one.seconds < 10 ? one.seconds.toFixed(1) : Math.round(one.seconds)} s
      </span>
    </span>
  );
}

function Runs() {
  const all = desk.runs.value ?? [];
  if (all.length < 2) return null;
  return (
    <select
      aria-label="Tracks"
      value={desk.run.value?.run}
      data-test="run"
      onChange={(event) => desk.open(event.currentTarget.value)}
    >
      {all.map(({ run, title, job }) => (
        <option key={run} value={run}>
          {title} {job && `· ${job}`}
        </option>
      ))}
    </select>
  );
}

/** How often each band of sureness was right. */
function Bands() {
  const bands = desk.queue.value?.bands ?? [];
  if (bands.length === 0) return null;
  return (
    <table class="bands number">
      <caption class="muted">When it was so sure, it was right</caption>
      <tbody>
        {bands.map(([from, to, reviewed, right]) => (
          <tr key={from}>
            <td>
              {Math.round(from * 100)}–{Math.round(to * 100)} %
            </td>
            <td>
              {right} of {reviewed}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Banner() {
  const asking = desk.asking.value;
  const done = desk.banner.value;
  if (asking !== null)
    return (
      <div class="tracks-banner row" role="status" data-test="asking">
        <span>Swap {asking[0] ?? "which two"} {asking.length > 0 && "with"}</span>
        {desk.names.value.map((name, i) => (
          <button key={name} onClick={() => act(`animal.${Math.min(i + 1, 9) as 1}`)}>
            <span class="dot" style={{ background: paintOf(i).colour }} /> {name} <kbd>{i + 1}</kbd>
          </button>
        ))}
      </div>
    );
  if (done === null) return null;
  const everything = done.first === 0 && done.last >= (desk.run.value?.frames ?? 1) - 1;
  const where = everything ? "all frames" : `frames ${grouped(done.first)} to ${grouped(done.last)}`;
  return (
    <div class="tracks-banner row" role="status" data-test="banner">
      <span class="grow">
        {done.action} · <span class="number">{where}</span>
      </span>
      <button title={hint("undo")} onClick={() => act("undo")}>
        Undo
      </button>
      <button class="plain" aria-label="Dismiss" title="Dismiss" onClick={() => (desk.banner.value = null)}>
        ×
      </button>
    </div>
  );
}

function Tools() {
  const names = ["pin", "gap.next", "gap.bridge", "gap.leave", "follow", "fragment.cut", "fragment.join", "fragment.delete", "animal.rename", "frame.teach"] as const;
  const words = { pin: "Pin", "gap.next": "Next gap", "gap.bridge": "Interpolate gap", "gap.leave": "Leave gap", follow: "Follow", "fragment.cut": "Cut", "fragment.join": "Join next", "fragment.delete": "No animal", "animal.rename": "Rename", "frame.teach": "Label this frame" };
  return (
    <>
      <div class="row tracks-tools">
        {names.map((name) => (
          <button
            key={name}
            title={hint(name)}
            aria-pressed={name === "follow" ? desk.following.value : undefined}
            onClick={() => act(name)}
          >
            {words[name]}
          </button>
        ))}
      </div>
      {desk.renaming.value && <Rename />}
    </>
  );
}

function Rename() {
  const was = desk.names.value[desk.animal.value ?? -1] ?? "";
  const close = () => (desk.renaming.value = false);
  return (
    <form
      class="row"
      data-test="rename"
      onSubmit={(event) => {
        event.preventDefault();
        const name = new FormData(event.currentTarget).get("name");
        close();
        if (typeof name === "string" && name.trim() !== was)
          void desk.decide({ do: "rename", animals: [was], name: name.trim() });
      }}
      onKeyDown={(event) => event.key === "Escape" && close()}
    >
      <input ref={(field) => field?.focus()} name="name" class="grow" defaultValue={was} maxLength={80} aria-label={`New name of ${was}`} />
      <button type="submit">Rename</button>
    </form>
  );
}

/** Starts the job that is missing. */
function Start({ again = false }: { again?: boolean }) {
  const busy = jobs.value.find((job) => ["predict", "track"].includes(job.stage) && goesOn(job));
  const predicted = jobs.value.find((job) => job.stage === "predict" && job.state === "done");
  const was = again ? jobs.value.find((job) => job.id === desk.run.value?.job) : undefined;
  const start = (stage: "predict" | "track") => {
    const inputs = stage === "track" && predicted ? { run: predicted.id } : {};
    startJob(stage, was?.config ?? {}, was?.inputs ?? inputs).catch((error: unknown) => toast(sentence(error), { kind: "error" }));
  };
  if (busy) return <p class="muted">{busy.title} …</p>;
  return (
    <div class="row">
      {!predicted && !again && (
        <button class="main" disabled={!session.mayEdit.value} onClick={() => start("predict")} data-test="start-predict">
          Predict
        </button>
      )}
      <button
        class={predicted || again ? "main" : ""}
        disabled={!session.mayEdit.value || (!predicted && !again)}
        title={predicted ? "Follow the animals through the predictions" : "Predict first"}
        onClick={() => start("track")}
        data-test="start-track"
      >
        {again ? "Track again" : "Track"}
      </button>
    </div>
  );
}

function Nothing() {
  return (
    <div class="empty" data-test="no-tracks">
      <p>
        Nothing is tracked yet. Predict first: a trained network finds the animals in every frame. Then
        track: they get identities, and doubtful crossings are shown here.
      </p>
      <Start />
    </div>
  );
}

registerScreen("tracks", Tracks);
