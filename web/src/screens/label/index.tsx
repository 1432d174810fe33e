// The Label screen: the queue of frames, the canvas, animals and keypoints, the strip of the video.
import { computed, effect, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { measure } from "../../canvas/picture";
import { Stage, type StageTools } from "../../canvas/stage";
import { probe } from "../../probes";
import { registerScreen } from "../../screens";
import * as session from "../../store/session";
import * as view from "../../store/view";
import { grouped } from "../../store/words";
import { pause } from "../../video/play";
import { timesOf } from "../../video/times";
import type { Shown } from "../../video/watch";
import { DONE, DRAFT, FLAG, SUGGESTED } from "../../widgets/strip";
import { Timeline } from "../../widgets/timeline";
import { Hint } from "../../widgets/toast";
import { Animals } from "./animals";
import { Bar } from "./bar";
import { bindKeys } from "./deeds";
import * as desk from "./desk";
import { Frames } from "./frames";
import { hand, nextClick } from "./hands";
import "./label.css";
import { Mend } from "./mend";
import { naming, noting } from "./naming";
import { FrameState, Note, PointMenu } from "./overlays";
import { progressOf } from "./queue";
import { scene } from "./scene";
import { chosen } from "./wholes";

const KEYS_HELP =
  "Q and E choose a keypoint, W A S D move it, V places it; Esc, then Tab leaves.";

const measured = signal({ low: 0, high: 1 });

/** Levels as they are shown: the person's, on top of the automatic ones. */
const shownLevels = computed(() =>
  desk.auto.value ? { ...desk.levels.value, ...measured.value } : desk.levels.value,
);

const strip = computed(() => {
  const id = view.video.value;
  const marks = desk.marksOfAll.value.get(id ?? -1) ?? new Map();
  const all: [number, number][] = [];
  for (const one of session.suggestions.value)
    if (one.video === id) all.push([one.frame, SUGGESTED]);
  for (const [frame, mark] of marks) {
    const kind = { open: SUGGESTED, draft: DRAFT, done: DONE }[progressOf(mark)];
    all.push([frame, mark.flag > 0 ? FLAG : kind]);
  }
  return all;
});

function ready(tools: StageTools | null): void {
  desk.tools.value = tools;
}

function levelsOf(shown: Shown | null): void {
  if (desk.auto.peek() && shown?.got.kind === "picture") measured.value = measure(shown.got.picture);
}

function status(): void {
  const video = view.openVideo.value;
  session.status.value = video === undefined ? "" : nextClick();
  if (video === undefined) return void (session.statusCells.value = []);
  const at = view.frame.value;
  const seconds = timesOf(video).value?.[at] ?? (video.fps > 0 ? at / video.fps : 0);
  const cells = [`frame ${grouped(at)} / ${grouped(video.frames)}`, `${seconds.toFixed(3)} s`];
  const over = desk.cursor.value;
  if (over !== null) cells.push(`cursor ${over.x.toFixed(1)}, ${over.y.toFixed(1)}`);
  const zoom = desk.tools.value?.easel.view.value.zoom;
  if (zoom !== undefined) cells.push(`${Math.round(zoom * 100)} %`);
  session.statusCells.value = cells;
}

function nameChosen(): boolean {
  const animal = chosen();
  if (animal === null) return false;
  naming.value = animal;
  return true;
}

/** Label. */
export function Label() {
  useEffect(() => {
    probe({ loaded: () => desk.rows.peek().loaded });
    const stops = [
      desk.follow(),
      bindKeys(() => (noting.value = true), nameChosen),
      effect(status),
      effect(() => {
        if (desk.auto.value) levelsOf(desk.tools.peek()?.easel.watch.shown.peek() ?? null);
      }),
      effect(() => {
        void view.frame.value;
        noting.value = false;
        naming.value = null;
      }),
    ];
    return () => {
      stops.forEach((stop) => stop());
      pause();
      session.statusCells.value = [];
      session.status.value = "";
    };
  }, []);
  const video = view.openVideo.value;
  return (
    <div class="label-screen" data-test="screen-label">
      <div class="label-columns">
        <Frames />
        <div class="label-middle">
          {video === undefined ? (
            <Nothing />
          ) : (
            <Stage
              video={desk.shown.value ?? null}
              frame={view.frame.value}
              scene={scene.value}
              hand={hand}
              levels={shownLevels.value}
              label={`Frame ${view.frame.value} of ${video.name}. ${KEYS_HELP}`}
              onReady={ready}
              onDraw={levelsOf}
              mend={<Mend />}
            >
              <FrameState />
              <PointMenu />
              {noting.value && <Note />}
            </Stage>
          )}
          <Bar />
          <Hint name="label.first">
            Click the keypoints in turn; the line at the bottom names the next. Enter finishes the
            frame and opens the next; ? shows all keys.
          </Hint>
        </div>
        <Animals />
      </div>
      {video !== undefined && (
        <div class="label-strip row">
          <Videos />
          <Timeline
            frames={video.frames}
            frame={view.frame.value}
            marks={strip.value}
            range={desk.range.value}
            onGo={(frame) => view.goTo(frame)}
            onRange={(range) => (desk.range.value = range)}
          />
        </div>
      )}
    </div>
  );
}

function Videos() {
  const all = session.videos.value;
  if (all.length < 2) return null;
  return (
    <select
      aria-label="Video"
      value={view.video.value ?? undefined}
      data-test="video"
      onChange={(event) => view.goTo(0, Number(event.currentTarget.value))}
    >
      {all.map(({ id, name }) => (
        <option key={id} value={id}>
          {name}
        </option>
      ))}
    </select>
  );
}

function Nothing() {
  return (
    <div class="empty" data-test="no-video">
      <p>No video is here yet. Drop a video, a .slp, a DeepLabCut or a COCO file on the page.</p>
    </div>
  );
}

registerScreen("label", Label);
