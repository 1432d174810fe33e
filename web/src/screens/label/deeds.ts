// The keys of the Label screen: what each action does here.
import { bind } from "../../keys";
import { ABSENT, COVERED, VISIBLE } from "../../store/pose";
import * as session from "../../store/session";
import * as view from "../../store/view";
import { playAt, spaceBar } from "../../video/film";
import { pause } from "../../video/play";
import * as desk from "./desk";
import * as moves from "./moves";
import * as wholes from "./wholes";

const easel = () => desk.tools.peek()?.easel;
const gestures = () => desk.tools.peek()?.gestures;
const ZOOM_STEP = 1.25;

const tools = () => desk.tools.peek();
const play = (speed: number) => playAt(tools, speed);
const space = spaceBar(tools, () => play(1));

function leap(to: () => void): () => void {
  return () => {
    pause();
    to();
  };
}

/** Bind the keys; returns how to let go of them. */
export function bindKeys(openFlag: () => void, openName: () => void): () => void {
  const digits = [1, 2, 3, 4, 5, 6, 7, 8, 9] as const;
  const stops = [
    bind("label", time()),
    bind("label", sight()),
    bind("label", points()),
    bind("label", animals(openName)),
    bind("label", {
      accept: moves.accept,
      "frame.empty": moves.empty,
      flag: openFlag,
      "queue.next": () => moves.walk(1),
      "queue.previous": () => moves.walk(-1),
      suggest: () => void wholes.suggest(),
    }),
    ...digits.map((n) => bind("label", { [`animal.${n}`]: () => pick(n) })),
  ];
  return () => stops.forEach((stop) => stop());
}

function pick(n: number): boolean {
  const one = listedAnimals()[n - 1];
  if (one === undefined) return false;
  moves.select(one, null);
  return true;
}

/** Individuals first, then the nameless animals of the frame. */
export function listedAnimals(): number[] {
  const named = session.individuals.value.map(({ id }) => id);
  const others = [...desk.rows.value.instances.keys()].filter((key) => !named.includes(key));
  const selected = view.animal.value;
  if (selected !== null && !named.includes(selected) && !others.includes(selected)) others.push(selected);
  return [...named, ...others.sort((a, b) => b - a)];
}

function time() {
  const by = (n: number) => leap(() => view.step(n));
  return {
    "frame.next": by(1),
    "frame.previous": by(-1),
    "frame.next10": by(10),
    "frame.previous10": by(-10),
    "frame.next100": by(100),
    "frame.previous100": by(-100),
    "frame.first": leap(() => view.goTo(0)),
    "frame.last": leap(() => view.goTo(view.frames.peek() - 1)),
    "play.toggle": space,
    "play.slow": () => play(0.25),
    "range.first": () => mark("first"),
    "range.last": () => mark("last"),
  };
}

function mark(end: "first" | "last"): void {
  const at = view.frame.peek();
  const { first, last } = desk.range.peek() ?? { first: at, last: at };
  desk.range.value =
    end === "first" ? { first: at, last: Math.max(at, last) } : { first: Math.min(at, first), last: at };
}

function sight() {
  return {
    "zoom.in": () => easel()?.zoomBy(ZOOM_STEP),
    "zoom.out": () => easel()?.zoomBy(1 / ZOOM_STEP),
    "zoom.fit": () => easel()?.fit(),
    "zoom.one": () => easel()?.one(),
    "overlay.hide": { run: () => easel()?.hide(true), release: () => easel()?.hide(false) },
    loupe: { run: () => gestures()?.setLoupe(true), release: () => gestures()?.setLoupe(false) },
    "view.levels": () => void (desk.auto.value = !desk.auto.value),
    "view.onion": () => void (desk.onion.value = !desk.onion.value),
    "view.predictions": () => void (desk.predictions.value = !desk.predictions.value),
    "view.invert": () =>
      void (desk.levels.value = { ...desk.levels.value, invert: !desk.levels.value.invert }),
  };
}

function points() {
  const move = (dx: number, dy: number, large: boolean) => () => moves.nudge(dx, dy, large);
  return {
    sweep: () => void (desk.sweep.value = !desk.sweep.value),
    "nudge.up": move(0, -1, false),
    "nudge.left": move(-1, 0, false),
    "nudge.down": move(0, 1, false),
    "nudge.right": move(1, 0, false),
    "nudge.up5": move(0, -1, true),
    "nudge.left5": move(-1, 0, true),
    "nudge.down5": move(0, 1, true),
    "nudge.right5": move(1, 0, true),
    "keypoint.previous": () => moves.choose(-1),
    "keypoint.next": () => moves.choose(1),
    "state.visible": () => moves.state(VISIBLE),
    "state.covered": () => moves.state(COVERED),
    "state.absent": () => moves.state(ABSENT),
    "state.unset": moves.remove,
  };
}

function animals(openName: () => void) {
  return {
    "animal.none": none,
    "animal.mirror": wholes.mirror,
    "animal.fit": wholes.fitView,
    "animal.new": moves.newAnimal,
    "animal.mean": () => wholes.meanAt(gestures()?.pointerAt() ?? desk.middle()),
    "animal.copy": () => void wholes.copy(),
    "animal.paste": () => void wholes.paste(),
    "animal.borrow": () => void wholes.borrow(),
    "animal.name": openName,
  };
}

/** Esc: first the point, then the animal, then the marked range and the sweep. */
function none(): void {
  pause();
  if (view.keypoint.peek() !== null) moves.select(view.animal.peek(), null);
  else if (view.animal.peek() !== null) moves.select(null, null);
  else {
    desk.range.value = null;
    desk.sweep.value = false;
  }
  desk.ghosting.value = false;
}
