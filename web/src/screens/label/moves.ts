// What hands and keys do on the Label screen: the pure steps of store/labels, sent as edits.
import { post, ApiError } from "../../api";
import { inside, type XY } from "../../canvas/transform";
import { edit } from "../../store/edits";
import * as labels from "../../store/labels";
import type { Next, Step } from "../../store/labels";
import { pointOf, spoken, type State } from "../../store/pose";
import { change, frameRows, rowValue } from "../../store/rows";
import * as session from "../../store/session";
import { toast } from "../../store/toasts";
import * as view from "../../store/view";
import type { Change, SuggestionValue } from "../../types.gen";
import * as desk from "./desk";
import { neighbour, nextOpen } from "./queue";

/** Send a step; false where there is none, or the frame's rows are not here yet. */
export function send(step: Step | null, merge?: string): boolean {
  if (step === null) return false;
  if (!desk.rows.peek().loaded) {
    toast("The labels of this frame are still on their way.", { once: "loading" });
    return false;
  }
  edit(step.action, step.changes, merge);
  return true;
}

/** Place the next keypoint and go on to the one after it. */
export function place(at: Next, where: XY | null, state: State): boolean {
  const video = view.openVideo.peek();
  if (where !== null && (video === undefined || !inside(video, where))) return false;
  if (!send(labels.put(desk.rows.peek(), at, where, state, desk.nameOf(at.keypoint)))) return false;
  advance(at);
  return true;
}

/** After a keypoint was placed: its animal's next; in a sweep the next frame's. */
export function advance(at: Next): void {
  view.animal.value = at.animal;
  const all = session.keypoints.peek().length;
  if (!desk.sweep.peek()) {
    const value = desk.rows.peek().instances.get(at.animal);
    view.keypoint.value = labels.nextUnset(value, all, at.keypoint);
    return;
  }
  const here = { video: desk.rows.peek().video, frame: desk.rows.peek().frame };
  const on = labels.sweepNext(desk.listed.peek(), here, at.keypoint, all, (to, keypoint) => {
    const { instances } = frameRows(to.video, to.frame).peek();
    return pointOf(instances.get(at.animal), keypoint) !== null;
  });
  if (on === null) {
    desk.sweep.value = false;
    toast("The sweep is done: every keypoint went through all frames of the queue.");
    return;
  }
  view.keypoint.value = on.keypoint;
  view.goTo(on.place.frame, on.place.video);
}

/** V, C, X: give a state; an unset keypoint is placed at its ghost, and the next one follows. */
export function state(to: State): boolean {
  const at = desk.aim.peek();
  if (at === null) return false;
  const rows = desk.rows.peek();
  const unset = pointOf(rows.instances.get(at.animal), at.keypoint) === null;
  const step = labels.setState(rows, at, to, desk.ghostAt(at), desk.nameOf(at.keypoint));
  if (!send(step)) return step === null;
  if (unset) advance(at);
  else view.animal.value = at.animal;
  return true;
}

/** Del: the selected point, or with none selected the animal. */
export function remove(): boolean {
  const [animal, keypoint] = [view.animal.peek(), view.keypoint.peek()];
  if (animal === null) return false;
  if (keypoint !== null) {
    desk.shift.value = { x: 0, y: 0 };
    return send(labels.unset(desk.rows.peek(), { animal, keypoint }, desk.nameOf(keypoint)));
  }
  return removeAnimal(animal);
}

export function removeAnimal(animal: number): boolean {
  const done = send(labels.removeAnimal(desk.rows.peek(), animal, session.animalName(animal)));
  if (done && view.animal.peek() === animal) select(null, null);
  return done;
}

export function select(animal: number | null, keypoint: number | null): void {
  view.animal.value = animal;
  view.keypoint.value = keypoint;
}

/** Q, E: the keypoint before, after; from none, the next one to place. */
export function choose(by: 1 | -1): void {
  const all = session.keypoints.peek().length;
  if (all === 0) return;
  const animal = view.animal.peek() ?? desk.next.peek()?.animal ?? session.individuals.peek()[0]?.id ?? -1;
  const now = view.keypoint.peek();
  const first = desk.next.peek()?.animal === animal ? (desk.next.peek()?.keypoint ?? 0) : 0;
  desk.ghosting.value = true;
  select(animal, now === null ? first : (now + by + all) % all);
}

/** WASD: moves the point, or the ghost of an unset one. */
export function nudge(dx: number, dy: number, large: boolean): boolean {
  const at = desk.aim.peek();
  if (at === null) return false;
  const far = labels.nudgeStep(desk.tools.peek()?.easel.view.peek().zoom ?? 1, large);
  const rows = desk.rows.peek();
  const point = pointOf(rows.instances.get(at.animal), at.keypoint);
  if (point === null) {
    const { x, y } = desk.shift.peek();
    if (view.keypoint.peek() !== at.keypoint) select(at.animal, at.keypoint);
    desk.ghosting.value = true;
    desk.shift.value = { x: x + dx * far, y: y + dy * far };
    return true;
  }
  if (point.x === null || point.y === null) return false;
  const where = { x: point.x + dx * far, y: point.y + dy * far };
  const said = point.state === 1 ? 1 : 2;
  const step = labels.put(rows, at, where, said, desk.nameOf(at.keypoint));
  return send(step, `nudge ${rows.video} ${rows.frame} ${at.animal} ${at.keypoint}`);
}

/** Enter: adopt what is not labelled yet, finish the frame, open the next of the queue. */
export function accept(): boolean {
  const rows = desk.rows.peek();
  if (!rows.loaded) return true;
  const step = labels.acceptAll(rows, session.individuals.peek());
  if (step === null && rows.row?.complete !== labels.DONE) {
    toast("Nothing is labelled in this frame. No animal in it? Press Alt+N.", { kind: "warn" });
    return true;
  }
  if (step === null || finish(step)) void openNext();
  return true;
}

/** "No animal here": done, and empty. */
export function empty(): void {
  if (finish(labels.noAnimal(desk.rows.peek()))) void openNext();
}

/** The picture is bad: nothing more is asked of this frame, and nothing is learnt from it. */
export function bad(): void {
  if (finish(labels.badFrame(desk.rows.peek(), true))) void openNext();
}

/** The picture is good after all. */
export function good(): void {
  send(labels.badFrame(desk.rows.peek(), false));
}

/** Send what ends a frame; false where the frame's rows are not here yet. */
function finish(step: Step): boolean {
  if (step.changes.length === 0) return true;
  const { video, frame } = desk.rows.peek();
  const changes: Change[] = [...step.changes];
  const row = rowValue("suggestions", [video, frame]) as SuggestionValue | null;
  if (row !== null && row.done === 0)
    changes.push(change("suggestions", [video, frame], { ...row, done: 1 }));
  return send({ action: step.action, changes });
}

/** Open the next frame that is not done and that nobody else has open. */
async function openNext(): Promise<void> {
  let at = { video: desk.rows.peek().video, frame: desk.rows.peek().frame };
  for (let tries = 0; tries < 20; tries++) {
    const found = nextOpen(desk.listed.peek(), at) ?? nextOpen(desk.queue.peek(), at);
    if (found === null) {
      if (desk.queue.peek().length > 1) toast("Every frame of the queue is done.");
      return;
    }
    if (found.reason === "" || (await hold(found.video, found.frame))) return open(found);
    at = found;
  }
}

/** Say that this frame is being labelled; false: somebody else does. */
async function hold(video: number, frame: number): Promise<boolean> {
  try {
    await post(`suggestions/${video}/${frame}/hold`);
    return true;
  } catch (error) {
    return !(error instanceof ApiError && error.status === 409); // without a server one goes on
  }
}

function open(place: { video: number; frame: number }): void {
  desk.ghosting.value = false;
  if (!desk.sweep.peek()) select(null, null);
  view.goTo(place.frame, place.video);
}

/** J, K. */
export function walk(by: 1 | -1): boolean {
  const { video, frame } = desk.rows.peek();
  const to = neighbour(desk.listed.peek(), { video, frame }, by);
  if (to === null) return false;
  if (to.reason !== "" && to.progress !== "done") void hold(to.video, to.frame);
  open(to);
  return true;
}

/** A new animal: a free individual, else one without a name; the next click places its first. */
export function newAnimal(): void {
  const key = labels.freeAnimal(desk.rows.peek(), session.individuals.peek());
  const waiting = desk.next.peek();
  if (waiting?.animal === key && waiting.keypoint === 0)
    toast(`${session.animalName(key)} waits for its first keypoint. N then adds another animal.`, {
      once: "new animal",
    });
  select(key, 0);
}

/** How far an animal is labelled: "12/13". */
export function progress(animal: number): string {
  return `${spoken(desk.rows.value.instances.get(animal))}/${session.keypoints.value.length}`;
}
