// What the Label screen knows: the frame's rows, what comes next, the queue; one place for all.
import { computed, effect, signal, type Signal } from "@preact/signals";
import { AS_STORED, type Levels } from "../../canvas/picture";
import type { StageTools } from "../../canvas/stage";
import type { XY } from "../../canvas/transform";
import { toVideo } from "../../canvas/transform";
import { ghost as ghostOf, matches, nearby, nextPlace, type Next } from "../../store/labels";
import { meanPose, pointOf, poseOf, poseOfPredicted, type Pose } from "../../store/pose";
import { frameRows, loadFrame, loadMarks, marks, type FrameRows } from "../../store/rows";
import * as session from "../../store/session";
import * as view from "../../store/view";
import { through, type Window16 } from "../../video/depth";
import { frames as pictures, type VideoRef } from "../../video/frames";
import type { InstanceValue } from "../../types.gen";
import { filtered, queueOf, type Filter } from "./queue";

/** The stage, once it stands. */
export const tools = signal<StageTools | null>(null);
export const sweep = signal(false);
/** An animal as the hand holds it, not yet an edit; `guess`: the prediction it is made of. */
export const preview = signal<Preview | null>(null);
export interface Preview {
  readonly animal: number;
  readonly value: InstanceValue;
  readonly guess: number | null;
}
/** Whether the ghost of an unset keypoint is shown: after Q, E, WASD. */
export const ghosting = signal(false);
/** How far the ghost was moved by hand, px. */
export const shift = signal<XY>({ x: 0, y: 0 });
/** Where a pen hovers. */
export const pen = signal<XY | null>(null);
export const cursor = signal<XY | null>(null);
export const range = signal<{ first: number; last: number } | null>(null);

export const onion = view.remember("label.onion", false);
export const predictions = view.remember("label.predictions", true);
export const spread = view.remember("label.spread", false);
export const allNames = view.remember("label.names", false);
export const levels = view.remember<Levels>("label.levels", AS_STORED);
export const auto = view.remember("label.auto", false);
export const filter = view.remember<Filter>("label.filter", "all");

/** The window of a film of more than 8 bits; null: all that is stored. */
export function windowOf(video: VideoRef): Signal<Window16 | null> {
  return view.remember<Window16 | null>(`label.window:${video.fingerprint}`, null);
}

/** The open video as its pictures are fetched. */
export const shown = computed(() => {
  const video = view.openVideo.value;
  return video && through(video, windowOf(video).value);
});

const NOBODY: FrameRows = {
  video: -1,
  frame: -1,
  loaded: false,
  instances: new Map(),
  row: null,
  prediction: null,
};

/** The rows of the open frame. */
export const rows = computed<FrameRows>(() =>
  view.openVideo.value === undefined
    ? NOBODY
    : frameRows(view.openVideo.value.id, view.frame.value).value,
);

const loaded = computed(() => rows.value.loaded);

/** The same with what the hand holds just now. */
export const held = computed<FrameRows>(() => {
  const now = preview.value;
  if (now === null) return rows.value;
  return { ...rows.value, instances: new Map(rows.value.instances).set(now.animal, now.value) };
});

/** What the next click places; null: nothing is left. */
export const next = computed<Next | null>(() => {
  const chosen = { animal: view.animal.value, keypoint: view.keypoint.value };
  const all = session.keypoints.value.length;
  if (!rows.value.loaded || all === 0) return null;
  if (!sweep.value) return nextPlace(rows.value, session.individuals.value, all, chosen);
  const animal = chosen.animal ?? session.individuals.value[0]?.id ?? -1;
  const keypoint = chosen.keypoint ?? 0;
  const there = pointOf(rows.value.instances.get(animal), keypoint);
  return there === null ? { animal, keypoint } : null;
});

/** The keypoint that V, C, X and WASD mean: the selected one, else the next. */
export const aim = computed<Next | null>(() => {
  const [animal, keypoint] = [view.animal.value, view.keypoint.value];
  return animal !== null && keypoint !== null ? { animal, keypoint } : next.value;
});

export const marksOfAll = computed(
  () => new Map(session.videos.value.map(({ id }) => [id, marks(id).value])),
);
export const queue = computed(() => queueOf(session.suggestions.value, marksOfAll.value));
export const listed = computed(() => filtered(queue.value, filter.value));

export function nameOf(keypoint: number): string {
  return session.keypoints.value[keypoint] ?? `keypoint ${keypoint}`;
}

/** Where an unset keypoint probably is, moved as far as the hand has moved it. */
export function ghostAt(at: Next): XY {
  const all = session.keypoints.value.length;
  const value = held.value.instances.get(at.animal);
  const placed: Pose = value ? poseOf(value, all) : Array<null>(all).fill(null);
  const predicted = predictedFor(held.value, at.animal);
  const guess = ghostOf(placed, at.keypoint, {
    prediction: predicted,
    previous: previousPose(at.animal),
    mean: meanOfLabels(),
    middle: middle(),
  });
  return { x: guess.x + shift.value.x, y: guess.y + shift.value.y };
}

function predictedFor(of: FrameRows, animal: number): Pose | null {
  const animals = of.prediction?.animals ?? [];
  const match = [...matches(of)].find(([, key]) => key === animal)?.[0];
  const named = animals.findIndex((one) => one.animal === animal);
  const found = animals[match ?? (named >= 0 ? named : animals.length === 1 ? 0 : -1)];
  return found === undefined ? null : poseOfPredicted(found);
}

const labelledOfOpen = computed<number[]>(() => {
  const id = view.openVideo.value?.id;
  if (id === undefined) return [];
  const there = [...marks(id).value].filter(([, { animals }]) => animals > 0);
  return there.map(([frame]) => frame).sort((a, b) => a - b);
});

/** Labelled frames of the open video, not this one; the nearest first, at most `most`. */
export function labelledFrames(most = 40): number[] {
  return nearby(labelledOfOpen.value, view.frame.value, most);
}

function previousPose(animal: number): Pose | null {
  const video = view.openVideo.value;
  const frame = labelledFrames().find((one) => one < view.frame.value);
  if (video === undefined || frame === undefined) return null;
  const value = frameRows(video.id, frame).value.instances.get(animal);
  return value === undefined ? null : poseOf(value, session.keypoints.value.length);
}

const ENOUGH = 12; // labelled frames at hand for a mean pose

let mean: { of: readonly InstanceValue[]; pose: Pose | null } = { of: [], pose: null };

/** The mean pose of the labels nearest in time. */
export function meanOfLabels(): Pose | null {
  const video = view.openVideo.value;
  if (video === undefined) return null;
  const all = session.keypoints.value.length;
  const of = labelledFrames(ENOUGH).flatMap((frame) => [
    ...frameRows(video.id, frame).peek().instances.values(),
  ]);
  // the same labels have the same mean: it is asked for with every move of a ghost
  if (of.length !== mean.of.length || of.some((value, i) => value !== mean.of[i]))
    mean = { of, pose: meanPose(of.map((value) => poseOf(value, all))) };
  return mean.pose;
}

/** The middle of what is in sight, px of the video. */
export function middle(): XY {
  const easel = tools.value?.easel;
  const video = view.openVideo.value;
  if (easel === undefined || video === undefined) return { x: 0, y: 0 };
  const { width, height } = easel.size;
  return toVideo(easel.view.value, { x: width / 2, y: height / 2 });
}

/** Keeps rows, marks and pictures coming while the screen is open; returns how to stop. */
export function follow(): () => void {
  const stops = [
    effect(() => {
      // every video's marks once: the queue spans all of them
      for (const { id } of session.videos.value)
        if (!asked.has(id)) {
          asked.add(id);
          loadMarks(id).catch(() => asked.delete(id));
        }
    }),
    effect(() => {
      // the picture is asked for before its labels, and before the page is drawn anew
      const video = shown.value;
      if (video !== undefined) tools.value?.easel.watch.look(video, view.frame.value);
    }),
    effect(() => {
      // again when rows were forgotten (a new run, a lost thread), or the server is back
      void [loaded.value, session.connection.value];
      const video = view.openVideo.value;
      if (video !== undefined) latest.aim(video.id, view.frame.value);
    }),
    effect(() => {
      void view.frame.value;
      void view.animal.value;
      void view.keypoint.value;
      shift.value = { x: 0, y: 0 };
    }),
    effect(() => {
      const ahead = listed.value.filter(
        (one) => one.progress !== "done" && (one.video !== view.video.value || one.frame > view.frame.value),
      );
      pictures.expect(
        ahead.slice(0, 3).flatMap(({ video, frame }) => {
          const found = session.video(video);
          return found === undefined ? [] : [{ video: found, frame }];
        }),
      );
    }),
  ];
  return () => stops.forEach((stop) => stop());
}

const asked = new Set<number>();

/** Brings the rows of the newest frame only: while arrows are held, the frames between are left. */
const latest = {
  busy: false,
  want: null as { video: number; frame: number } | null,
  aim(video: number, frame: number): void {
    this.want = { video, frame };
    if (!this.busy) void this.go();
  },
  async go(): Promise<void> {
    this.busy = true;
    while (this.want !== null) {
      const { video, frame } = this.want;
      this.want = null;
      await loadFrame(video, frame).catch(() => undefined);
    }
    this.busy = false;
    const near = labelledFrames(ENOUGH);
    const video = view.video.peek();
    for (const frame of near) {
      if (this.want !== null || video === null) return;
      await loadFrame(video, frame).catch(() => undefined);
    }
  },
};
