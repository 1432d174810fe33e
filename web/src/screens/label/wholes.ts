// Whole animals on the Label screen: copy, paste, borrow, interpolate, mirror, name; flags.
import { post } from "../../api";
import { boxOf, type XY } from "../../canvas/transform";
import { copyText, pasteText } from "../../store/clipboard";
import { edit } from "../../store/edits";
import * as labels from "../../store/labels";
import { centredAt, labelOf, mirrored, PERSON, poseOf } from "../../store/pose";
import { change, loadFrame, type FrameRows } from "../../store/rows";
import * as session from "../../store/session";
import { toast } from "../../store/toasts";
import * as view from "../../store/view";
import type { InstanceValue } from "../../types.gen";
import { sentence } from "../../api";
import { startJob } from "../../store/jobs";
import * as desk from "./desk";
import { select, send } from "./moves";

const warn = (text: string): void => toast(text, { kind: "warn" });

/** The selected animal, or the only one in the frame. */
export function chosen(): number | null {
  const animal = view.animal.peek();
  if (animal !== null) return animal;
  const keys = [...desk.rows.peek().instances.keys()];
  return keys.length === 1 ? keys[0]! : null;
}

function setWhole(animal: number, action: string, value: InstanceValue): boolean {
  const changes = labels.setAnimal(desk.rows.peek(), animal, labels.rounded(value));
  const done = send({ action, changes });
  if (done) select(animal, null);
  return done;
}

export function mirror(): boolean {
  const animal = chosen();
  const swap = session.skeleton.peek()?.swap ?? [];
  if (animal === null) return false;
  if (!swap.some((partner) => partner >= 0)) {
    warn("This skeleton has no left and right: set pairs in the skeleton editor (Alt+K).");
    return true;
  }
  const step = labels.change(desk.rows.peek(), animal, "exchange left and right", (value) =>
    mirrored(value, swap),
  );
  return send(step);
}

/** Shift+N: the mean pose of nearby labels, at the pointer. */
export function meanAt(at: XY): void {
  const pose = desk.meanOfLabels();
  if (pose === null) return warn("There is no label yet to take a mean of: place one animal first.");
  const key = labels.freeAnimal(desk.rows.peek(), session.individuals.peek());
  setWhole(key, "new animal, mean pose", labelOf(centredAt(pose, at), PERSON));
}

let ownClipboard = ""; // where the browser lends none: plain HTTP, a refused permission

export async function copy(): Promise<void> {
  const animal = chosen();
  const value = animal === null ? undefined : desk.rows.peek().instances.get(animal);
  if (value === undefined) return warn("Select an animal to copy.");
  ownClipboard = copyText(value, session.keypoints.peek());
  await navigator.clipboard?.writeText(ownClipboard).catch(() => undefined);
  toast(`${session.animalName(animal!)} is copied.`);
}

export async function paste(): Promise<void> {
  const text = await navigator.clipboard?.readText().catch(() => "");
  const read = pasteText(text || ownClipboard, session.keypoints.peek());
  if (typeof read === "string") return warn(read);
  const rows = desk.rows.peek();
  const animal = view.animal.peek();
  const free = labels.freeAnimal(rows, session.individuals.peek());
  setWhole(animal !== null && !rows.instances.has(animal) ? animal : free, "paste an animal", read);
}

/** B: the same animal from the nearest labelled frame; on a marked range: between its labels. */
export async function borrow(): Promise<void> {
  const animal = chosen() ?? desk.next.peek()?.animal ?? null;
  if (animal === null) return warn("Select an animal first.");
  const range = desk.range.peek();
  if (range !== null) return interpolate(animal, range);
  const { video } = desk.rows.peek();
  for (const frame of desk.labelledFrames().slice(0, 40)) {
    const value = (await loadFrame(video, frame)).instances.get(animal);
    if (value === undefined) continue;
    setWhole(animal, `copy ${session.animalName(animal)} from frame ${frame}`, { ...value, origin: PERSON });
    return;
  }
  warn(`No labelled frame near here has ${session.animalName(animal)}.`);
}

const LONGEST = 400; // frames; the log keeps the whole edit

async function interpolate(animal: number, { first, last }: { first: number; last: number }) {
  if (last - first >= LONGEST) return warn(`Mark at most ${LONGEST} frames to interpolate.`);
  const { video } = desk.rows.peek();
  const all: FrameRows[] = [];
  for (let frame = first; frame <= last; frame++) all.push(await loadFrame(video, frame));
  const step = labels.interpolate(all, animal);
  const who = session.animalName(animal);
  if (step === null) return warn(`Label ${who} at two frames of the range first: it is filled between them.`);
  edit(step.action, step.changes);
  const frames = step.changes.filter((one) => one.table === "instances").length;
  toast(`${who} is interpolated in ${frames} frames; they count once you press Enter in them.`);
}

/** Give an animal another name of the project, or a new one. */
export async function rename(animal: number, name: string): Promise<void> {
  const wanted = name.trim();
  if (wanted === "" || wanted === session.animalName(animal)) return;
  const known = session.individuals.peek().find((one) => one.name === wanted);
  if (known !== undefined) {
    if (send(labels.rename(desk.rows.peek(), animal, known.id))) select(known.id, null);
    return;
  }
  if (animal > 0) return edit("rename an animal", [change("individuals", [animal], { name: wanted })]);
  const id = Math.max(0, ...session.individuals.peek().map((one) => one.id)) + 1;
  const step = labels.rename(desk.rows.peek(), animal, id);
  const named = change("individuals", [id], { name: wanted });
  if (send({ action: "name an animal", changes: [named, ...(step?.changes ?? [])] })) select(id, null);
}

/** U: flag with a note, or take the flag away. */
export function flag(on: boolean, note: string): void {
  send(labels.flagFrame(desk.rows.peek(), on, note));
}

/** F: the view fits the animal. */
export function fitView(): boolean {
  const animal = chosen();
  const value = animal === null ? undefined : desk.rows.peek().instances.get(animal);
  const box = value && boxOf(poseOf(value, session.keypoints.peek().length).filter((at) => at !== null));
  if (!box) return false;
  desk.tools.peek()?.easel.fitTo(box);
  return true;
}

/** 20 more frames worth labelling: a job. */
export async function suggest(n = 20): Promise<void> {
  try {
    await startJob("suggest", { n });
  } catch (error) {
    toast(sentence(error), { kind: "error" });
  }
}

/** Whoever opens a suggested frame by hand holds it, too. */
export function holdHere(video: number, frame: number): void {
  void post(`suggestions/${video}/${frame}/hold`).catch(() => undefined);
}
