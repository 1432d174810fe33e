// The keys of the 3D screen: what each action does here.
import { sentence } from "../../api";
import { inside } from "../../canvas/transform";
import { bind } from "../../keys";
import { edit } from "../../store/edits";
import { loadFrame } from "../../store/rows";
import * as session from "../../store/session";
import { toast } from "../../store/toasts";
import type { Change } from "../../types.gen";
import { pause, toggle, type Film } from "../../video/play";
import * as desk from "./desk";
import { LEFT_OUT, MOVED } from "./packed";
import * as prepare from "./prepare";
import { nextCamera, nextPoint, nudges } from "./keyboard";
import { animalKey, changesOf, labelOf, type Told } from "./teach";

const SLOW = 0.25;
const ZOOM_STEP = 1.25;

function film(): Film | null {
  const now = desk.run.peek();
  if (now === null) return null;
  return {
    fps: now.fps > 0 ? now.fps : 25,
    frames: now.frames,
    frame: () => desk.moment.peek(),
    goTo: desk.goTo,
    // the clock waits for all views that have a frame now
    shown: () => [...desk.tools].every(([name, one]) => desk.filmOf(name).frame === null || one.easel.watch.settled()),
  };
}

function play(at: number): void {
  const now = film();
  if (now !== null) toggle(now, at);
}

function step(n: number): void {
  pause();
  desk.goTo(desk.moment.peek() + n);
}

/** Go n entries on in the queue; accepted ones are left out. */
export function walk(n: number): boolean {
  const all = desk.queue.peek()?.entries ?? [];
  const open = all.filter((one) => !one.accepted);
  if (open.length === 0) return false;
  pause();
  const here = all[desk.place.peek()];
  const at = here === undefined ? -1 : open.indexOf(here);
  const next = at < 0 ? (n > 0 ? 0 : open.length - 1) : (at + n + open.length) % open.length;
  desk.seek(open[next]!);
  return true;
}

/** Accept the chosen point as it stands, and show the next entry. */
export async function accept(): Promise<boolean> {
  if (desk.chosen.peek() === null) return false;
  const all = (desk.queue.peek()?.entries ?? []).filter((one) => !one.accepted);
  const { animal, keypoint } = desk.chosen.peek()!;
  const same = (one: (typeof all)[number]) =>
    one.frame === desk.moment.peek() && one.animal === animal && one.keypoint === keypoint;
  const at = all.findIndex(same);
  const after = [...all.slice(at + 1), ...all.slice(0, Math.max(at, 0))].find((one) => !same(one));
  if (!(await desk.decide({ do: "accept" }))) return false;
  if (after !== undefined) desk.seek(after);
  return true;
}

/** Leave the view that was touched last out of the chosen point, or bring it back. */
export function part(what: "leave" | "bring"): boolean {
  const name = desk.camera.peek();
  if (name === null || desk.chosen.peek() === null) {
    toast("Choose a keypoint in the view that is meant.", { kind: "warn", once: "space.part" });
    return true;
  }
  void desk.decide({ do: what, camera: name });
  return true;
}

/** Labels of the chosen animal in every view's film, in one edit. */
export async function teach(): Promise<void> {
  await desk.settle();
  const [now, which, points] = [desk.run.peek(), desk.chosen.peek(), desk.points.peek()];
  if (now === null || which === null || points === null) return;
  const name = now.individuals[which.animal] ?? "";
  const animal = animalKey(name, which.animal, now.individuals.length, session.individuals.peek());
  const order = now.keypoints.map((word) => session.keypoints.peek().indexOf(word));
  if (order.every((j) => j < 0)) {
    toast("The run and the project have no keypoint in common.", { kind: "warn" });
    return;
  }
  const changes: Change[] = [];
  let count = 0;
  try {
    for (const [v, { camera }] of now.views.entries()) {
      const { video, frame } = desk.filmOf(camera);
      if (video === undefined || frame === null) continue;
      const told: Told[] = (points[which.animal] ?? []).map((one, k) => {
        const said = one.views[v];
        const at = said?.state === MOVED ? said.at : desk.image(camera, one.xyz);
        // the accepted point is visible, unless a person left this view out
        const agrees = said?.at != null && (said.outlier ?? 1) < 0.5;
        const seen = said?.state !== LEFT_OUT && (k === which.keypoint || agrees);
        return { at: at !== null && inside(video, at) ? at : null, seen };
      });
      const rows = await loadFrame(video.id, frame);
      changes.push(...changesOf(rows, animal, labelOf(told, order, rows.instances.get(animal) ?? null)));
      count++;
    }
  } catch (error) {
    toast(sentence(error), { kind: "error" });
    return;
  }
  if (count === 0) return toast("No view has a film in this project.", { kind: "warn" });
  edit(`3D: labels of ${name} in ${count} views`, changes);
  toast(`Labels of ${name} in ${count} views; the frames wait for Enter on Label.`);
}

function turn<T>(values: readonly T[], now: T): T {
  return values[(values.indexOf(now) + 1) % values.length]!;
}

/** Other lengths of the arrows. */
export function nextScale(): void {
  desk.scale.value = turn(desk.SCALES, desk.scale.peek());
}

function every(run: (easel: NonNullable<ReturnType<typeof desk.tools.get>>["easel"]) => void): void {
  for (const { easel } of desk.tools.values()) run(easel);
}

function ask(what: "import" | "calibrate"): boolean {
  if (!session.mayEdit.peek()) return false;
  prepare.asking.value = what;
  return true;
}

/** Give the keys their deeds; returns how to stop. */
export function bindKeys(): () => void {
  return bind("space", {
    "frame.next": () => step(1),
    "frame.previous": () => step(-1),
    "frame.next10": () => step(10),
    "frame.previous10": () => step(-10),
    "frame.next100": () => step(100),
    "frame.previous100": () => step(-100),
    "frame.first": () => desk.goTo(0),
    "frame.last": () => desk.goTo((desk.run.peek()?.frames ?? 1) - 1),
    "play.toggle": () => play(1),
    "play.slow": () => play(SLOW),
    "zoom.in": () => every((easel) => easel.zoomBy(ZOOM_STEP)),
    "zoom.out": () => every((easel) => easel.zoomBy(1 / ZOOM_STEP)),
    "zoom.fit": () => every((easel) => easel.fit()),
    "zoom.one": () => every((easel) => easel.one()),
    "overlay.hide": { run: () => every((one) => one.hide(true)), release: () => every((one) => one.hide(false)) },
    "animal.none": () => {
      [desk.chosen.value, desk.camera.value] = [null, null];
    },
    "queue.next": () => walk(1),
    "queue.previous": () => walk(-1),
    accept: () => {
      if (desk.chosen.peek() === null) return walk(1);
      void accept();
      return true;
    },
    "accept.labels": () => {
      if (desk.chosen.peek() === null) return false;
      void teach().then(accept);
      return true;
    },
    "offset.earlier": () => prepare.nudge(-1),
    "offset.later": () => prepare.nudge(1),
    "rig.import": () => ask("import"),
    "rig.calibrate": () => ask("calibrate"),
    synchronize: () => prepare.startViews("synchronize"),
    triangulate: () => prepare.startViews("triangulate"),
    "point.next": () => nextPoint(1),
    "point.previous": () => nextPoint(-1),
    "camera.next": nextCamera,
    ...nudges(),
    epipolar: () => {
      desk.lines.value = turn(desk.LINES, desk.lines.peek());
    },
    "view.leave": () => part("leave"),
    "view.bring": () => part("bring"),
  });
}
