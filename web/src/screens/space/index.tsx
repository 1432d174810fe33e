// The 3D screen: all views on one clock, the skeleton in space, the worst points, the cameras.
import { effect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { probe } from "../../probes";
import { registerScreen } from "../../screens";
import * as session from "../../store/session";
import { grouped } from "../../store/words";
import { pause } from "../../video/play";
import { FLAG } from "../../widgets/strip";
import { Timeline } from "../../widgets/timeline";
import { Hint } from "../../widgets/toast";
import { bindKeys } from "./deeds";
import * as desk from "./desk";
import * as prepare from "./prepare";
import { Side } from "./side";
import "./space.css";
import { Dialogs, Setup } from "./setup";
import { View3d } from "./space3d";
import { ViewCell } from "./views";

function status(): void {
  const now = desk.run.value;
  if (now === null) return;
  session.statusCells.value = [
    `moment ${grouped(desk.moment.value)} / ${grouped(now.frames)}`,
    `${desk.seconds.value.toFixed(3)} s`,
  ];
  const which = desk.chosen.value;
  session.status.value =
    which === null
      ? "click or N chooses a keypoint · K the next of the worst points"
      : `${now.keypoints[which.keypoint]}: drag or W A S D mends it, X leaves ${desk.camera.value ?? "a view"} out, V brings it back, Enter accepts`;
}

/** 3D. */
export function Space() {
  useEffect(() => {
    probe({ viewsShown: () => Object.fromEntries([...desk.tools].map(([name, { easel }]) => [name, easel.drawn?.frame ?? null])) });
    const stops = [desk.follow(), bindKeys(), effect(status), prepare.watch()];
    return () => {
      stops.forEach((stop) => stop());
      pause();
      session.statusCells.value = [];
      session.status.value = "";
    };
  }, []);
  const [now, all] = [desk.run.value, desk.space.value];
  if (all === null)
    return (
      <div class="empty" aria-busy="true">
        {desk.trouble.value}
      </div>
    );
  if (now === null) return <Nothing />;
  const across = columns(now.views.length + 1);
  const spare = (across - ((now.views.length + 1) % across)) % across;
  return (
    <div class="space-screen" data-test="screen-space">
      <div class="space-columns">
        <div class="space-middle">
          {(desk.trouble.value || now.trouble) && (
            <p class="bad pad" role="alert" data-test="space-trouble">
              {desk.trouble.value || now.trouble}
            </p>
          )}
          <div class="space-grid" style={{ "--columns": across, "--rest": spare + 1 }}>
            {now.views.map(({ camera }, k) => (
              <ViewCell key={`${now.run} ${camera}`} name={camera} main={k === 0} />
            ))}
            <View3d />
          </div>
          <Hint name="space.first">
            K shows the worst point. Drag it in the view that is wrong, or leave that view out with X;
            Enter accepts. The run itself never changes, and everything can be undone.
          </Hint>
        </div>
        <Side />
      </div>
      <Dialogs />
      <div class="row space-strip">
        <Runs />
        <Timeline frames={now.frames} frame={desk.moment.value} marks={marks()} onGo={desk.goTo} />
        <span class="number muted" data-test="clock" data-moment={desk.moment.value}>
          {desk.seconds.value.toFixed(3)} s
        </span>
      </div>
    </div>
  );
}

/** So many beside one another that cells are as large as can be in a window of 3 by 2. */
function columns(cells: number): number {
  return cells <= 2 ? cells : cells <= 4 ? 2 : cells <= 9 ? 3 : 4;
}

function marks(): (readonly [number, number])[] {
  return (desk.queue.value?.entries ?? []).filter((one) => !one.accepted).map((one) => [one.frame, FLAG] as const);
}

function Runs() {
  const all = desk.space.value?.runs ?? [];
  if (all.length < 2) return null;
  return (
    <select aria-label="3D poses" value={desk.run.value?.run} data-test="run3d" onChange={(event) => desk.open(event.currentTarget.value)}>
      {all.map(({ run, title }) => (
        <option key={run} value={run}>
          {title}
        </option>
      ))}
    </select>
  );
}

/** No 3D poses yet: what leads to them. */
function Nothing() {
  return (
    <div class="space-empty" data-test="no-space">
      <p>
        3D needs a calibration of the cameras, a film of each camera, and 2D poses in them, which Improve predicts. 3D poses
        that a command makes below this project are shown here, too.
      </p>
      {desk.trouble.value && <p class="bad" role="alert">{desk.trouble.value}</p>}
      <Setup />
      <button onClick={() => void desk.load()} data-test="space-again">
        Look again
      </button>
      <Dialogs />
    </div>
  );
}

registerScreen("space", Space);
