// Made from src/gambol/app/web/models.py by python -m gambol.app.web.typescript; never edited by hand.

/** How far two agree about a behaviour; frames of recordings that both scored. */
export interface Agreement {
  one: string;
  other: string;
  label: string;
  kappa: number | null;
  f1: number | null;
  frames: number;
}

/** GET /api/behavior/{run}/chances?recording&from&to&px: P(label | all of the recording). */
export interface BehaviorChances {
  first: number;
  last: number;
  labels: number[];
  percent: number[][];
}

/** A window of one recording, with what turns the animal's head to the right. */
export interface BehaviorClip {
  recording: string;
  video: number | null;
  first: number;
  last: number;
  label: number | null;
  core: [number, number];
  place: ([number, number, number] | null)[];
}

/** GET /api/behavior/{run}/clips, of a label, near a place, or inside an outline. */
export interface BehaviorClips {
  clips: BehaviorClip[];
  total: number;
  at: number;
  side: number;
  fps: number;
}

/** POST /api/behavior/{run}/decisions: one decision about labels, undo and redo of mine. 409 `conflict`, and nothing done, where others decided about the same labels since. */
export interface BehaviorDecision {
  id?: string;
  force?: boolean;
  do: "rename" | "merge" | "split" | "exclude" | "include" | "colour" | "note" | "undo" | "redo";
  labels?: number[];
  value?: string;
  recording?: string;
  start?: number;
  stop?: number;
  label?: string | null;
}

/** A label after the decisions of people. */
export interface BehaviorLabel {
  id: number;
  name: string;
  colour: string;
  notes: string[];
  members: number[];
  excluded: boolean;
  usage: number;
  bouts: number;
  median_s: number | null;
}

/** GET /api/behavior/{run}/labels: the most used first. */
export interface BehaviorLabels {
  run: string;
  labels: BehaviorLabel[];
  order: number[];
  next: number[][];
  decisions: number;
  end: number;
  undo: number;
  redo: number;
}

/** What has to be run before there is behaviour to see, with the command. */
export interface BehaviorMissing {
  stage: string;
  title: string;
  command: string;
  ready: boolean;
}

/** GET /api/behavior. */
export interface BehaviorOverview {
  runs: BehaviorRun[];
  missing: BehaviorMissing[];
}

/** GET /api/behavior/{run}/raster?recording&from&to&px: work goes with pixels. */
export interface BehaviorRaster {
  recording: string;
  first: number;
  last: number;
  runs: [number, number, number][];
  exact: boolean;
  speed: (number | null)[];
}

/** One animal of one recording in a run. */
export interface BehaviorRecording {
  name: string;
  frames: number;
  video: number | null;
  animal: string;
}

/** An entry of GET /api/behavior: a folder of labels below the project. */
export interface BehaviorRun {
  run: string;
  kind: "map" | "syllables" | "states";
  title: string;
  place: string;
  fps: number;
  labels: number;
  recordings: BehaviorRecording[];
  made: number;
  decisions: number;
  trouble: string | null;
}

/** GET /api/behavior/{run}/bout?recording&frame&by: where bouts begin and end. */
export interface BehaviorStep {
  first: number | null;
  last: number | null;
  label: number | null;
}

/** POST /api/bouts: one edit of my own bouts. */
export interface BoutEdit {
  id?: string;
  do: "add" | "remove" | "undo" | "redo";
  recording?: string;
  label?: string;
  first?: number;
  last?: number;
  bout?: number | null;
  fps?: number;
  frames?: number;
}

/** GET /api/bouts: what people scored. */
export interface Scored {
  bouts: ScoredBout[];
  authors: string[];
  labels: string[];
  undo: number;
  redo: number;
}

/** A bout that somebody scored by hand. */
export interface ScoredBout {
  id: number;
  author: string;
  recording: string;
  label: string;
  first: number;
  last: number;
}

/** A file or folder that may be chosen. */
export interface Entry {
  name: string;
  kind: "folder" | "video" | "labels" | "rig" | "project" | "other";
  bytes: number | null;
  id: string;
}

/** What comes after the address of the page, once: `?key=…`. */
export interface Link {
  query: string;
}

/** POST /api/links: let another browser in. */
export interface LinkStart {
  role?: "edit" | "read";
}

/** GET /api/files?root&dir. */
export interface Listing {
  root: number;
  roots: string[];
  dir: string;
  entries: Entry[];
  more: number;
}

/** POST /api/project: names of keypoints, or a template, or a file to take them from. */
export interface NewProject {
  keypoints?: string[];
  template?: string | null;
  file?: string | null;
  name?: string;
}

/** An entry of GET /api/reports: a page that a stage wrote, as GET /api/reports/{report}. */
export interface ReportPage {
  report: string;
  place: string;
  made: number;
}

/** POST /api/import (dry first), POST /api/export. */
export interface Transfer {
  file?: string | null;
  format?: string | null;
  dry?: boolean;
}

/** What was, or would be, brought in or out. */
export interface Transferred {
  format: string;
  frames: number;
  animals: number;
  changes: string[];
  lost: string[];
  path: string | null;
  download: string | null;
}

/** What the server has of a file; PUT /api/uploads/{id}?at=received brings the next part. */
export interface Upload {
  id: string;
  name: string;
  bytes: number;
  received: number;
}

/** POST /api/uploads: a file that will come in parts; said again, it goes on. */
export interface UploadStart {
  name: string;
  bytes: number;
  hash: string;
}

/** GET /api/behavior/{run}/animals: whose recordings are, from animals.csv. */
export interface Animals {
  columns: string[];
  rows: string[][];
  factors: string[];
}

/** A cell of animals.csv that somebody changes. */
export interface AnimalsCell {
  recording: string;
  column: string;
  saw: string;
  value: string;
}

/** POST /api/behavior/{run}/animals: cells that changed; all others stay as they are. 409 `conflict`, and nothing done, where another word than the one that was seen stands. */
export interface AnimalsEdit {
  id?: string;
  force?: boolean;
  columns?: string[];
  cells?: AnimalsCell[];
}

/** GET /api/behavior/{run}/groups?factor&what. */
export interface Comparison {
  factor: string;
  what: "usage" | "durations" | "transitions";
  unit: string;
  animals: Record<string, number>;
  rows: GroupDifference[];
  smallest_p: number;
  notes: string[];
}

/** GET /api/behavior/{run}/follow?from: what somebody may approve. */
export interface Followed {
  source: string;
  seen: string;
  proposals: Following[];
}

/** POST /api/behavior/{run}/follow: which proposals are taken; 409 where they are others. */
export interface FollowEdit {
  id?: string;
  source: string;
  chosen: number[];
  seen: string;
}

/** A decision about another model, as it would be about this one; null: there is none. */
export interface Following {
  kind: string | null;
  labels: number[];
  value: string;
  overlap: number;
  good: boolean;
  said: string;
}

/** How two groups differ in one measure; null: not known. */
export interface GroupDifference {
  label: string;
  one: string;
  other: string;
  mean_one: number | null;
  mean_other: number | null;
  difference: number | null;
  low: number | null;
  high: number | null;
  p: number | null;
  q: number | null;
  different: boolean;
}

/** POST /api/jobs/{id}/resume: a body is needed only where something shall be mended. */
export interface Again {
  fix?: "" | "memory" | "cpu";
}

/** GET /api/disk, and the answer to DELETE /api/trash. */
export interface Disk {
  free: number;
  total: number;
  trash: number;
  runs: RunSize[];
}

/** Settings that suit a purpose. */
export interface Preset {
  name: string;
  reason: string;
  config: Record<string, unknown>;
  minutes: number | null;
}

/** A validation frame of a training; positions are pixels of the picture. */
export interface Preview {
  picture: string;
  video: string | null;
  frame: number | null;
  width: number;
  height: number;
  video_px: number;
  truth: ([number, number] | null)[];
  guess: ([number, number] | null)[];
}

/** GET /api/jobs/{id}/previews. */
export interface Previews {
  step: number;
  keypoints: string[];
  edges: [number, number][];
  shown: Preview[];
}

/** One line of the table of rounds. */
export interface Round {
  number: number;
  run: string;
  labels: number;
  minutes: number;
  p50_px: number | null;
  p95_px: number | null;
  fixes_per_frame: number | null;
  seconds_per_frame: number | null;
}

/** What a run takes on the disk. */
export interface RunSize {
  id: string;
  bytes: number;
}

/** GET /api/sees: what a training would choose for the labels as they are. */
export interface Sees {
  field_px: number;
  crop_px: [number, number] | null;
  whole: boolean;
  reasons: string[];
}

/** GET /api/stages/{stage}/schema. */
export interface StageSchema {
  stage: string;
  title: string;
  settings: Record<string, unknown>;
  presets: Preset[];
  device: string;
  estimate: string;
}

/** What the page sends over the feed: where its person is. */
export interface Look {
  type: "look";
  user: string;
  screen?: string;
  video?: number | null;
  frame?: number | null;
}

/** What POST /api/name answers: the name, and how many edits were a guest's before. */
export interface Named {
  name: string;
  edits: number;
}

/** POST /api/name: a browser says who sits there. */
export interface Naming {
  name: string;
  sure?: boolean;
}

/** Somebody who looks at the project now. */
export interface Person {
  name: string;
  colour: string;
  screen: string;
  video: number | null;
  frame: number | null;
  own: boolean;
}

/** POST /api/rigs: a calibration of any program: a file, a folder, or a file a camera. */
export interface BringRig {
  files: string[];
}

/** What POST /api/rigs answers. */
export interface BroughtRig {
  rig: string;
  title: string;
  cameras: string[];
  units: string;
  findings: RigFinding[];
  remarks: string[];
}

/** One camera of a run. */
export interface CameraHealth {
  camera: string;
  rms: number | null;
  p95: number | null;
  points: number;
  coverage: number;
  left_out: number;
}

/** A camera; `row`: the 24 numbers of `kernels.projection`, 1e300 for infinity. */
export interface CameraOf {
  name: string;
  kind: "pinhole" | "fisheye" | "affine";
  size: [number, number] | null;
  row: number[];
  centre: [number, number, number] | null;
  axes: [number, number, number][];
  flip: boolean;
}

/** GET /api/rigs/{rig}/cameras. */
export interface Cameras {
  rig: string;
  units: string;
  up: [number, number, number];
  cameras: CameraOf[];
}

/** Where a point of one view may lie in another; a part of it lies outside of the image. */
export interface Curve2d {
  camera: string;
  parts: [number, number][][];
}

/** What POST /api/rigs/{rig}/epipolar answers. */
export interface Curves {
  camera: string;
  curves: Curve2d[];
}

/** POST /api/runs3d/{run}/decisions: what a person says of one point at one moment. */
export interface Decide {
  id: string;
  do: "leave" | "bring" | "move" | "accept";
  frame: number;
  animal: number;
  keypoint: number;
  camera?: string | null;
  x?: number | null;
  y?: number | null;
}

/** What POST /api/runs3d/{run}/decisions answers. */
export interface Decided {
  seq: number;
  frame: number;
  action: string;
}

/** Which frame of a film belongs to a moment, as in `ViewOf`. */
export interface FilmClock {
  video: number;
  lag: number;
  drift?: number;
  drops?: [number, number][];
  skips?: [number, number][];
}

/** GET /api/runs3d/{run}/health. */
export interface Health {
  units: string;
  cameras: CameraHealth[];
  pairs: PairHealth[];
  findings: RigFinding[];
  frames: number;
}

/** One view's word about a point. */
export interface Observed {
  camera: string;
  x: number;
  y: number;
  weight?: number;
  sure?: boolean;
}

/** Two cameras: how far their observations are from one another's epipolar lines. */
export interface PairHealth {
  cameras: [string, string];
  rms: number | null;
  points: number;
  baseline: number | null;
  angle: number;
}

/** POST /api/rigs/{rig}/epipolar: a place in one view. */
export interface PointIn {
  camera: string;
  x: number;
  y: number;
  near?: [number, number, number] | null;
}

/** A calibration that lies in the project. */
export interface RigFile {
  rig: string;
  title: string;
  cameras: string[];
  units: string;
  trouble: string | null;
}

/** Something that cannot be right. */
export interface RigFinding {
  check: string;
  cameras: string[];
  sentence: string;
}

/** POST /api/space/clock: set offsets of films, as one edit. */
export interface SetClock {
  id: string;
  films: FilmClock[];
  source?: string;
}

/** A point of space and what every camera would see of it; null where it has no image. */
export interface Solution {
  xyz: [number, number, number] | null;
  covariance: number[] | null;
  used: string[];
  image: Record<string, [number, number] | null>;
  residual: Record<string, number | null>;
}

/** GET /api/space. */
export interface Space {
  rigs: RigFile[];
  runs: Space3d[];
  clocks: FilmClock[];
}

/** A file of 3D poses. */
export interface Space3d {
  run: string;
  rig: string;
  title: string;
  individuals: string[];
  keypoints: string[];
  edges: [number, number][];
  swap: number[];
  frames: number;
  fps: number;
  units: string;
  up: [number, number, number];
  views: ViewOf[];
  decisions: number;
  trouble: string | null;
}

/** POST /api/rigs/{rig}/triangulate. */
export interface ToTriangulate {
  points: Observed[];
  robust?: boolean;
}

/** One camera of a 3D run: its film, and which of its frames belongs to a moment. Moment i is frame i + lag + drift · i of the film as it would be without loss. Before frame f of a drop (f, n) the film lost n frames; before moment i of a skip (i, n) the clock did. */
export interface ViewOf {
  camera: string;
  video: number | null;
  lag: number;
  drift: number;
  drops: [number, number][];
  skips: [number, number][];
  stale: boolean;
}

/** An entry of the queue: an observation beyond the 95th percentile of its camera. */
export interface Worst {
  frame: number;
  animal: number;
  keypoint: number;
  camera: string;
  error: number;
  ratio: number;
  accepted: boolean;
}

/** GET /api/runs3d/{run}/worst: the largest ratio first. */
export interface WorstQueue {
  p95: Record<string, number>;
  open: number;
  entries: Worst[];
}

/** An entry of the queue of doubtful identities; fields of `stages.events`. */
export interface Crossing {
  item: string;
  kind: string;
  first: number;
  last: number;
  animals: string[];
  instead: string[];
  confidence: number;
  affected: number;
  seconds: number;
  clip: [number, number];
  verdict: "right" | "swapped" | "unsure" | null;
}

/** GET /api/runs/{run}/next?after: where an animal is away or somebody is nobody. */
export interface Doubt {
  frame: number | null;
  animal: string | null;
  row: number | null;
}

/** GET /api/runs/{run}/crossings. */
export interface Queue {
  run: string;
  video: number | null;
  names: string[];
  left: number;
  crossings: Crossing[];
  edits: number;
  bands: [number, number, number, number][];
  frames: number;
}

/** A stretch of one animal on the timeline: [first, last, mean confidence]. */
export interface Span {
  name: string;
  spans: [number, number, number][];
}

/** GET /api/runs/{run}/timeline?from&to&px: work goes with pixels, not with frames. */
export interface Timeline {
  first: number;
  last: number;
  animals: Span[];
  loose: [number, number, number][];
  crossings: [number, string][];
  pins: number[];
  reviewed: number[];
  edits: number[];
  frames: number;
  bridged: [number, number, number][];
  ready: boolean;
}

/** POST /api/runs/{run}/edits: one decision, in the words of `gambol review`. */
export interface TrackEdit {
  id: string;
  do: "swap" | "confirm" | "unsure" | "assign" | "cut" | "join" | "delete" | "undo" | "redo" | "pin" | "rename" | "interpolate" | "leave";
  animals?: string[];
  frame?: number | null;
  last?: number | null;
  x?: number | null;
  y?: number | null;
  item?: string | null;
  row?: number | null;
  name?: string | null;
}

/** What POST /api/runs/{run}/edits answers: which frames are not as they were. */
export interface TrackEdited {
  seq: number;
  action: string;
  first: number;
  last: number;
}

/** An entry of GET /api/runs: the tracks of one video. */
export interface TrackedRun {
  run: string;
  video: number | null;
  title: string;
  job: string | null;
  names: string[];
  frames: number;
  fps: number;
  trouble: string | null;
  unwritten: string | null;
}

export type Scalar = number | string | null;

/** The body of every answer that is not a success. */
export interface Problem {
  code: string;
  message: string;
  hint: string;
  theirs: Theirs[];
}

/** A row that somebody else changed since the page saw it. */
export interface Theirs {
  table: string;
  key: number[];
  value: unknown;
  by: string;
  at: string;
  seq: number;
}

/** `core.skeleton.Skeleton`, as it stands in the project. */
export interface Skeleton {
  name: string;
  keypoints: string[];
  parent: number[];
  swap: number[];
  edges: [number, number][];
}

/** A video of the project. */
export interface Video {
  id: number;
  name: string;
  path: string;
  fingerprint: string;
  width: number;
  height: number;
  frames: number;
  fps: number;
  found: boolean;
  trouble: string | null;
  marks: Counts;
}

/** How far the labelling of a video is. */
export interface Counts {
  labelled: number;
  done: number;
  flagged: number;
}

/** States of one keypoint over the labels of the project. */
export interface KeypointCounts {
  visible: number;
  occluded: number;
  absent: number;
  unset: number;
  p50_px: number | null;
  p95_px: number | null;
}

/** An animal that has a name. */
export interface Individual {
  id: number;
  name: string;
}

/** GET /api/project. */
export interface Project {
  id: string;
  name: string;
  folder: string;
  gambol: string;
  seq: number;
  at: string;
  role: "edit" | "read";
  journal: string;
  user: string;
  guest: boolean;
  skeleton: Skeleton | null;
  videos: Video[];
  individuals: Individual[];
  keypoints: KeypointCounts[];
  suggestions: Suggestion[];
}

/** A frame worth labelling. */
export interface Suggestion {
  video: number;
  frame: number;
  reason: string;
  score: number | null;
  rank: number;
  done: boolean;
  holder: string | null;
}

/** POST /api/suggestions/{video}/{frame}/hold, and /suggestions/next: it is theirs now. */
export interface Held {
  video: number;
  frame: number;
  holder: string;
  seconds: number;
}

/** A keypoint as it travels: [keypoint, x, y, state]; no entry, unset. */
export interface Point {
  keypoint: number;
  x: number | null;
  y: number | null;
  state: number;
}

/** The row of one animal in one frame; key [video, frame, animal], animal < 0: no name. */
export interface InstanceValue {
  origin: number;
  points: [number, number | null, number | null, number][];
}

/** What is said of a frame as a whole; key [video, frame]. */
export interface FrameValue {
  complete: number | null;
  flag: number;
  note: string;
}

/** The row of an animal that has a name; key [number]. A name is given once. */
export interface IndividualValue {
  name: string;
}

/** The row of a suggested frame; key [video, frame]. */
export interface SuggestionValue {
  reason: string;
  score: number | null;
  rank: number;
  done: number;
}

/** The row of a polygon that is looked away from; key [number]. */
export interface RegionValue {
  video: number;
  frame: number;
  polygon: [number, number][];
}

/** What is said of the skeleton to remove or reorder keypoints; key [1]. The server rewrites the points of all animals in the same edit. To rename, or to append, a plain `Skeleton` is the value. In the log, and as `saw`, it is always a `Skeleton`. */
export interface SkeletonChange {
  skeleton: Skeleton;
  order: number[];
}

/** What a network saw. */
export interface PredictedAnimal {
  animal: number | null;
  name: string;
  score: number;
  points: [number | null, number | null, number][];
  covariance: [number, number, number][] | null;
}

/** The newest prediction of one frame. */
export interface Prediction {
  run: string;
  animals: PredictedAnimal[];
}

/** GET /api/frames/{video}/{frame}. */
export interface Frame {
  video: number;
  frame: number;
  seq: number;
  time_s: number;
  frame_row: FrameValue | null;
  instances: [number, InstanceValue][];
  prediction: Prediction | null;
}

/** PATCH /api/videos/{video}: where its file is now, and POST /api/videos: a new one. */
export interface VideoChange {
  file: string;
}

/** What POST and PATCH /api/videos answer; `job` reads the whole file where it must be. */
export interface Added {
  video: Video;
  job: string | null;
}

/** GET /api/frames?video: labelled or spoken-of frames, sorted. */
export interface Marks {
  video: number;
  seq: number;
  frame: number[];
  animals: number[];
  complete: number[];
  flag: number[];
}

/** One row as it was seen and as it shall be. */
export interface Change {
  table: "instances" | "frames" | "individuals" | "suggestions" | "skeleton" | "regions";
  key: number[];
  saw: unknown;
  value: unknown;
}

/** One step of undo; posted again with the same id it happens once. */
export interface Edit {
  id: string;
  action: string;
  changes: Change[];
}

/** POST /api/edits: in this order; the first that fails ends the rest. */
export interface Edits {
  edits: Edit[];
  force?: boolean;
}

/** What the log says now. `done` are ids that are safe on the disk. */
export interface Applied {
  seq: number;
  done: string[];
  problem: Problem | null;
}

/** POST /api/undo, /api/redo. */
export interface Steps {
  id: string;
  n?: number;
  force?: boolean;
}

/** What was undone or redone, the latest first, and where, so that the page can go there. */
export interface Stepped {
  seq: number;
  actions: string[];
  video: number | null;
  frame: number | null;
}

/** GET /api/history?before&n: the newest first. */
export interface LogLine {
  seq: number;
  at: string;
  by: string;
  action: string;
  target: number | null;
  places: [number, number][];
  rows: number;
  standing: boolean;
}

/** POST /api/restore: one frame as it was after an edit; it is an edit, too. */
export interface Restore {
  id: string;
  video: number;
  frame: number;
  seq: number;
}

export type State = "queued" | "running" | "stopping" | "done" | "failed" | "cancelled" | "lost";

/** POST /api/jobs: `key` makes a repeated click harmless. */
export interface JobStart {
  key: string;
  stage: string;
  config?: Record<string, unknown>;
  inputs?: Record<string, unknown>;
}

/** One run of a stage in a process of its own. */
export interface Job {
  id: string;
  stage: string;
  title: string;
  state: "queued" | "running" | "stopping" | "done" | "failed" | "cancelled" | "lost";
  by: string;
  created: string;
  started: string | null;
  ended: string | null;
  done: number;
  total: number;
  item: string;
  seconds_left: number | null;
  result: Record<string, unknown> | null;
  problem: Problem | null;
  config: Record<string, unknown>;
  inputs: Record<string, unknown>;
}

/** GET /api/jobs/{id}/curve: evaluations of a training, oldest first. */
export interface Curve {
  step: number[];
  seconds: number[];
  train: (number | null)[];
  val_px: (number | null)[];
  p95_px: (number | null)[];
}

/** What the feed sends: an edit, a job, who is here, news of track files, or a ping. */
export interface Message {
  type: "edit" | "job" | "presence" | "reload" | "tracks" | "ping";
  seq: number | null;
  id: string | null;
  by: string | null;
  at: string | null;
  action: string | null;
  changes: [string, number[], unknown][];
  job: Job | null;
  people: Person[];
}
