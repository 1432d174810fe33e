// The keys of the Behaviour screen: what each action does here.
import { computed, signal } from "@preact/signals";
import type { Hand, Touch } from "../../canvas/gestures";
import type { XY } from "../../canvas/transform";
import { bind } from "../../keys";
import { toast } from "../../store/toasts";
import * as view from "../../store/view";
import { playAt, spaceBar } from "../../video/film";
import { pause } from "../../video/play";
import { openClip, opened, showClips, splitOff } from "./clips";
import * as desk from "./desk";
import { listed, toggled, type Begun } from "./scoring";

const SLOW = 0.25;
const ZOOM_STEP = 1.25;
const easel = () => desk.tools.peek()?.easel;
const gestures = () => desk.tools.peek()?.gestures;

export const begun = signal<Begun>(new Map());
/** Behaviours that the person listed for the digits. */
export const own = view.remember<string[]>("behavior.scheme", []);
export const scheme = computed(() => listed(own.value, desk.scored.value?.labels ?? []));
export const renaming = signal<number | null>(null);
/** The label that others are merged into, while it is asked which. */
export const merging = signal<number | null>(null);

/** The label that keys are about: the chosen one, else that of the open bout. */
export function target(): number | null {
  return desk.label.peek() ?? desk.bout.peek()?.label ?? null;
}

/** Choose a label: its clips, and the others fade. */
export function choose(label: number): void {
  const now = desk.run.peek();
  if (now === null) return;
  if (merging.peek() !== null) return void merge(label);
  desk.label.value = label;
  void showClips(now.run, `label=${label}`, desk.lookOf(now.run, label).name);
}

/** Merge the label that asks into another one. */
export async function merge(into: number): Promise<void> {
  const from = merging.peek();
  merging.value = null;
  if (from === null || from === into) return;
  if (await desk.decide({ do: "merge", labels: [into, from] })) choose(into);
}

const tools = () => desk.tools.peek();
const play = (speed: number) => playAt(tools, speed);
const space = spaceBar(tools, () => play(1));

/** Begin or end the n-th behaviour at this frame. */
export function scoreDigit(n: number): boolean {
  const word = scheme.peek()[n - 1];
  if (word === undefined) {
    toast("Name behaviours for the digits first: Score by hand, at the right.");
    return false;
  }
  const next = toggled(begun.peek(), word, view.frame.peek());
  begun.value = next.begun;
  if (next.made !== null) void desk.score({ do: "add", ...next.made });
  return true;
}

function none(): void {
  pause();
  if (merging.peek() !== null) merging.value = null;
  else if (begun.peek().size > 0) begun.value = new Map();
  else if (desk.range.peek() !== null) desk.range.value = null;
  else if (desk.label.peek() !== null) desk.label.value = null;
}

/** Split the marked range, the open clip, or the open bout off its label. */
function split(): boolean {
  if (opened.peek() >= 0) {
    splitOff(opened.peek());
    return true;
  }
  const [bout, mine] = [desk.bout.peek(), desk.recording.peek()];
  if (bout === null || mine === null) return false;
  const range = desk.range.peek() ?? bout;
  void desk.decide({ do: "split", labels: [bout.label], recording: mine.name, start: range.first, stop: range.last + 1 });
  return true;
}

/** X: bouts that I scored in the marked range go; else the label is taken out. */
function exclude(): boolean {
  const range = desk.range.peek();
  const mine = desk.recording.peek();
  const label = desk.label.peek();
  if (range === null && label !== null) {
    const now = desk.labels.peek().find((one) => one.id === label);
    void desk.decide({ do: now?.excluded ? "include" : "exclude", labels: [label] });
    return true;
  }
  if (range === null || mine === null) return false;
  void excludeRange(range, mine.name);
  return true;
}

/** Take a stretch out: what lies in it of the open label becomes a label that is excluded. */
async function excludeRange(range: { first: number; last: number }, recording: string): Promise<void> {
  const bout = desk.bout.peek();
  const label = bout?.label ?? desk.label.peek();
  if (label == null) return toast("Go to a bout in the marked range first.");
  const before = new Set(desk.labels.peek().map((one) => one.id));
  const stretch = { recording, start: range.first, stop: range.last + 1 };
  if (!(await desk.decide({ do: "split", labels: [label], ...stretch }))) return;
  const made = desk.labels.peek().find((one) => !before.has(one.id));
  if (made) await desk.decide({ do: "exclude", labels: [made.id] });
  desk.range.value = null;
}

const by = (n: number) => () => {
  pause();
  view.step(n);
};

const DIGITS = [1, 2, 3, 4, 5, 6, 7, 8, 9] as const;

/** Bind the keys; returns how to let go of them. */
export function bindKeys(): () => void {
  const stops = [
    bind("behavior", {
      "frame.next": by(1),
      "frame.previous": by(-1),
      "frame.next10": by(10),
      "frame.previous10": by(-10),
      "frame.next100": by(100),
      "frame.previous100": by(-100),
      "play.toggle": space,
      "play.slow": () => play(SLOW),
      "zoom.in": () => easel()?.zoomBy(ZOOM_STEP),
      "zoom.out": () => easel()?.zoomBy(1 / ZOOM_STEP),
      "zoom.fit": () => easel()?.fit(),
      "zoom.one": () => easel()?.one(),
      "overlay.hide": { run: () => easel()?.hide(true), release: () => easel()?.hide(false) },
      loupe: { run: () => gestures()?.setLoupe(true), release: () => gestures()?.setLoupe(false) },
      "animal.none": none,
      "queue.next": () => void desk.walk(1),
      "queue.previous": () => void desk.walk(-1),
      accept: () => (opened.peek() < 0 ? openClip(0) : openClip(opened.peek())),
      undo: () => desk.back("undo"),
      redo: () => desk.back("redo"),
    }),
    bind("behavior", {
      "state.rename": () => {
        renaming.value = target();
        return renaming.peek() !== null;
      },
      "state.merge": () => {
        merging.value = target();
        return merging.peek() !== null;
      },
      "state.split": split,
      "bout.exclude": exclude,
    }),
    ...DIGITS.map((n) => bind("behavior", { [`bout.${n}`]: () => scoreDigit(n) })),
  ];
  return () => stops.forEach((one) => one());
}

let held: { from: Touch; at: XY } | null = null;

/** A drag moves the picture. */
export const hand: Hand = {
  target: () => ({ kind: "picture" }),
  drag: (_target, from, now) => {
    const before = held?.from === from ? held.at : from.screen;
    held = { from, at: now.screen };
    easel()?.panBy(now.screen.x - before.x, now.screen.y - before.y);
  },
  lift: () => undefined,
  cancel: () => undefined,
  hover: () => undefined,
  menu: () => undefined,
};
