// The keys of the Tracks screen: what each action does here.
import { bind } from "../../keys";
import type { Hand, Touch } from "../../canvas/gestures";
import { toast } from "../../store/toasts";
import * as view from "../../store/view";
import { toVideo, type XY } from "../../canvas/transform";
import { pause, play, speed, toggle, type Film } from "../../video/play";
import * as desk from "./desk";
import { pairOf } from "./lanes";
import { middleOf, nearest, NOBODY } from "./packed";
import { teachHere } from "./teach";

const easel = () => desk.tools.peek()?.easel;
const gestures = () => desk.tools.peek()?.gestures;
const SLOW = 0.25;
const REACH = 24; // CSS px within which a click chooses a body
const ZOOM_STEP = 1.25;

/** The film as a whole, or around the crossing for ever. */
function film(): Film | null {
  const video = view.openVideo.peek();
  if (video === undefined) return null;
  const clip = desk.looping.peek() ? desk.crossing.peek()?.clip : undefined;
  return {
    fps: video.fps > 0 ? video.fps : 25,
    frames: video.frames + (clip ? 1 : 0), // a loop has no end
    frame: () => view.frame.peek(),
    goTo: (frame) => {
      const back = clip !== undefined && (frame > clip[1] || frame < clip[0]);
      view.goTo(back ? clip[0] : frame);
    },
    shown: () => easel()?.watch.settled() ?? true,
  };
}

function playAt(at: number): void {
  desk.looping.value = false;
  const now = film();
  if (now !== null) toggle(now, at);
}

/** Loop ±1 s around the crossing at a quarter of the speed; again: stop. */
export function loop(): boolean {
  const clip = desk.crossing.peek()?.clip;
  if (desk.looping.peek() && speed.peek() > 0) {
    stop();
    return true;
  }
  if (clip === undefined) return false;
  desk.looping.value = true;
  view.goTo(clip[0]);
  const now = film();
  if (now !== null) play(now, SLOW);
  return true;
}

function stop(): void {
  pause();
  desk.looping.value = false;
}

export function next(n: number): boolean {
  stop();
  return desk.walk(n) && loop();
}

async function settle(what: "confirm" | "unsure"): Promise<void> {
  const { item } = desk;
  const now = desk.crossing.peek();
  if (now === null) return void next(1);
  const all = desk.open_.peek();
  const at = all.findIndex((one) => one.item === now.item);
  const after = all[at + 1] ?? all[0];
  stop();
  if (!(await desk.decide({ do: what, item: now.item }))) return;
  if (after !== undefined && after.item !== item.peek()) {
    desk.seek(after);
    loop();
  }
}

/** Names that may be meant: of the crossing, else of who is seen here. */
function near(): string[] {
  const crossing = desk.crossing.peek();
  const at = view.frame.peek();
  if (crossing && at >= crossing.clip[0] && at <= crossing.clip[1]) return crossing.animals;
  const here = (desk.bodiesAt(at) ?? []).filter((body) => body.animal !== NOBODY);
  return here.map((body) => desk.names.peek()[body.animal] ?? "");
}

/** The two who are exchanged in the other hypothesis, where it is only two. */
export function exchanged(): [string, string] | null {
  const crossing = desk.crossing.peek();
  const pairs = (crossing?.animals ?? []).filter((name, i) => crossing?.instead[i] !== name);
  return pairs.length === 2 ? pairOf(pairs) : null;
}

let inside = false; // the swap that asks is one of the marked range

export function swap(ranged: boolean): boolean {
  inside = ranged;
  if (ranged && desk.range.peek() === null) return false;
  const who = near();
  const crossing = desk.crossing.peek();
  if (who.length === 2) void swapped(pairOf(who)!);
  else if (crossing && who === crossing.animals && exchanged()) void swapped(exchanged()!);
  else {
    const selected = desk.names.peek()[desk.animal.peek() ?? -1];
    desk.asking.value = selected ? [selected] : [];
    stop();
  }
  return true;
}

export async function swapped(animals: [string, string]): Promise<void> {
  desk.asking.value = null;
  const marked = desk.range.peek();
  if (inside && marked !== null)
    return void desk.decide({ do: "swap", animals, frame: marked.first, last: marked.last });
  const crossing = desk.crossing.peek();
  const at = view.frame.peek();
  const about = crossing !== null && at >= crossing.clip[0] && at <= crossing.clip[1];
  await desk.decide({ do: "swap", animals, frame: at, ...(about ? { item: crossing.item } : {}) });
}

/** A digit: an animal of a swap that asks, else the animal that is chosen. */
function digit(n: number): boolean {
  const name = desk.names.peek()[n - 1];
  if (name === undefined) return false;
  const asked = desk.asking.peek();
  if (asked === null) {
    desk.chosen.value = { animal: n - 1 };
    return true;
  }
  const now = [...asked, name];
  desk.asking.value = now;
  const pair = pairOf(now);
  if (pair !== null) void swapped(pair);
  return true;
}

/** What is chosen, as the server is told of it. */
function meant(): { animals?: string[]; row?: number; frame: number } | null {
  const chosen = desk.chosen.peek();
  const frame = view.frame.peek();
  if (chosen === null) return null;
  if ("row" in chosen) return { row: chosen.row, frame };
  return { animals: [desk.names.peek()[chosen.animal] ?? ""], frame };
}

function withChosen(what: "cut" | "join" | "delete" | "interpolate" | "leave"): boolean {
  const said = meant();
  if (said === null || (what !== "delete" && said.animals === undefined)) {
    toast("Choose an animal first: click it, its lane, or press its digit.");
    return true;
  }
  void desk.decide({ do: what, ...said });
  return true;
}

async function assign(n: number): Promise<void> {
  const name = desk.names.peek()[n - 1];
  const said = meant();
  if (name === undefined || said === null || said.animals?.[0] === name) return;
  const animals = [...(said.animals ?? []), name];
  if (await desk.decide({ ...said, do: "assign", animals })) desk.chosen.value = { animal: n - 1 };
}

/** Keep the chosen animal in the middle of the stage. */
export function centre(): void {
  const stage = easel();
  const body = desk.bodies.peek().find(({ animal }) => animal === desk.animal.peek());
  const at = middleOf(body);
  if (stage === undefined || at === null) return;
  const { width, height } = stage.size;
  const view = stage.view.peek();
  const now = toVideo(view, { x: width / 2, y: height / 2 });
  stage.panBy((now.x - at.x) * view.zoom, (now.y - at.y) * view.zoom);
}

function mark(end: "first" | "last"): void {
  const at = view.frame.peek();
  const { first, last } = desk.range.peek() ?? { first: at, last: at };
  desk.range.value =
    end === "first" ? { first: at, last: Math.max(at, last) } : { first: Math.min(at, first), last: at };
}

const space = {
  run: () => {
    const hands = gestures();
    if (hands) [hands.space, hands.panned] = [true, false];
  },
  release: () => {
    const hands = gestures();
    if (hands) hands.space = false;
    if (!hands?.panned) playAt(1);
  },
};

function by(n: number): () => void {
  return () => {
    stop();
    view.step(n);
  };
}

function none(): void {
  stop();
  if (desk.asking.peek() !== null) desk.asking.value = null;
  else if (desk.chosen.peek() !== null) desk.chosen.value = null;
  else if (desk.range.peek() !== null) desk.range.value = null;
  else desk.item.value = null;
}

const DIGITS = [1, 2, 3, 4, 5, 6, 7, 8, 9] as const;

/** Bind the keys; returns how to let go of them. */
export function bindKeys(): () => void {
  const stops = [
    bind("tracks", {
      "frame.next": by(1),
      "frame.previous": by(-1),
      "frame.next10": by(10),
      "frame.previous10": by(-10),
      "frame.next100": by(100),
      "frame.previous100": by(-100),
      "play.toggle": space,
      "play.slow": () => playAt(SLOW),
      "zoom.in": () => easel()?.zoomBy(ZOOM_STEP),
      "zoom.out": () => easel()?.zoomBy(1 / ZOOM_STEP),
      "zoom.fit": () => easel()?.fit(),
      "zoom.one": () => easel()?.one(),
      "overlay.hide": { run: () => easel()?.hide(true), release: () => easel()?.hide(false) },
      loupe: { run: () => gestures()?.setLoupe(true), release: () => gestures()?.setLoupe(false) },
      "animal.none": none,
      "queue.next": () => next(1),
      "queue.previous": () => next(-1),
      accept: () => void settle("confirm"),
      "crossing.unsure": () => void settle("unsure"),
      "crossing.loop": loop,
    }),
    bind("tracks", {
      swap: () => swap(false),
      "swap.range": () => swap(true),
      pin: () => void desk.decide({ do: "pin", frame: view.frame.peek() }),
      "fragment.cut": () => withChosen("cut"),
      "fragment.join": () => withChosen("join"),
      "fragment.delete": () => withChosen("delete"),
      follow: () => {
        desk.following.value = !desk.following.peek();
        if (desk.following.peek()) centre();
      },
      "gap.next": () => {
        stop();
        void desk.nextDoubt();
      },
      "gap.bridge": () => withChosen("interpolate"),
      "gap.leave": () => withChosen("leave"),
      "frame.teach": () => void teachHere(),
      "animal.rename": () => {
        if (desk.animal.peek() === null) toast("Choose an animal first: click it, its lane, or press its digit.");
        else desk.renaming.value = true;
        return true;
      },
      "stretch.first": () => mark("first"),
      "stretch.last": () => mark("last"),
    }),
    ...DIGITS.map((n) =>
      bind("tracks", { [`animal.${n}`]: () => digit(n), [`assign.${n}`]: () => void assign(n) }),
    ),
  ];
  return () => stops.forEach((one) => one());
}

let held: { from: Touch; at: XY } | null = null;

/** A click chooses a body, a drag moves the picture. */
export const hand: Hand = {
  target: () => ({ kind: "picture" }),
  drag: (_target, from, now) => {
    const before = held?.from === from ? held.at : from.screen;
    held = { from, at: now.screen };
    easel()?.panBy(now.screen.x - before.x, now.screen.y - before.y);
  },
  lift: (_target, _from, now, dragged) => {
    if (dragged) return;
    const zoom = easel()?.view.peek().zoom ?? 1;
    const body = nearest(desk.bodies.peek(), now.at, REACH / zoom);
    desk.chosen.value =
      body === null ? null : body.animal === NOBODY ? { row: body.row } : { animal: body.animal };
  },
  cancel: () => undefined,
  hover: () => undefined,
  menu: () => undefined,
};
