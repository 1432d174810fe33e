import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Easel } from "./easel";
import { Gestures, type Hand, type Touch } from "./gestures";
import type { View } from "./transform";

// a stage and an easel without a browser: only what gestures touch of them
type Listener = (event: unknown) => void;

function setup() {
  const listeners = new Map<string, Listener>();
  const host = {
    addEventListener: (name: string, run: Listener) => listeners.set(name, run),
    getBoundingClientRect: () => ({ left: 10, top: 20 }),
    setPointerCapture: () => undefined,
    focus: () => undefined,
  } as unknown as HTMLElement;
  let view: View = { zoom: 2, x: 0, y: 0 };
  const pans: [number, number][] = [];
  const easel = {
    view: { peek: () => view },
    panBy: (dx: number, dy: number) => pans.push([dx, dy]),
    setView: (next: View) => (view = next),
    zoomBy: (factor: number) => (view = { ...view, zoom: view.zoom * factor }),
    setLoupe: () => undefined,
  } as unknown as Easel;
  const log: string[] = [];
  const touches: Touch[] = [];
  const hand: Hand = {
    target: () => ({ kind: "picture" }),
    drag: (_, __, now) => log.push(`drag ${now.at.x},${now.at.y}`),
    lift: (_, __, now, dragged) => {
      log.push(dragged ? "drop" : "click");
      touches.push(now);
    },
    cancel: () => log.push("cancel"),
    hover: (touch) => log.push(touch === null ? "out" : "hover"),
    menu: () => log.push("menu"),
  };
  const gestures = new Gestures(host, easel, hand);
  let now = 1e6;
  const send = (name: string, x: number, y: number, more: object = {}) =>
    listeners.get(name)!({
      clientX: x,
      clientY: y,
      pointerId: 1,
      pointerType: "mouse",
      button: 0,
      buttons: 1,
      width: 1,
      height: 1,
      timeStamp: (now += 16),
      preventDefault: () => undefined,
      ...more,
    });
  return { gestures, send, log, touches, pans, view: () => view, wait: (ms: number) => (now += ms) };
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("window", globalThis);
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test("a click is one within three pixels, in pixels of the video", () => {
  const { send, log, touches } = setup();
  send("pointerdown", 211, 421);
  send("pointermove", 213, 421);
  send("pointerup", 211, 421, { buttons: 0 });
  expect(log).toEqual(["click"]);
  expect(touches[0]!.at).toEqual({ x: 100, y: 200 }); // (211 − 10) / 2 − ½, (421 − 20) / 2 − ½
});

test("farther is a drag, and its end is no click", () => {
  const { send, log } = setup();
  send("pointerdown", 211, 421);
  send("pointermove", 221, 421);
  send("pointerup", 221, 421);
  expect(log).toEqual(["drag 105,200", "drop"]);
});

test("right button and the pen's barrel button mean covered", () => {
  for (const pointerType of ["mouse", "pen"]) {
    const { send, touches } = setup();
    send("pointerdown", 50, 50, { pointerType, button: 2, buttons: 2 });
    send("pointerup", 50, 50, { pointerType, button: 2, buttons: 0 });
    expect(touches[0]).toMatchObject({ covered: true, pointer: pointerType });
  }
});

test("a second finger ends what the first began, and pinches", () => {
  const { send, log, view } = setup();
  const a = { pointerType: "touch", pointerId: 5, width: 20, height: 20 };
  const b = { ...a, pointerId: 6 };
  send("pointerdown", 110, 120, a);
  send("pointerdown", 210, 120, b);
  expect(log).toEqual(["cancel"]);
  send("pointermove", 310, 120, b);
  expect(view().zoom).toBeCloseTo(4);
  send("pointerup", 310, 120, b);
  send("pointermove", 150, 150, a);
  send("pointerup", 150, 150, a);
  expect(log).toEqual(["cancel"]); // the finger that is left over places nothing
  send("pointerdown", 110, 120, a);
  send("pointerup", 110, 120, a);
  expect(log).toEqual(["cancel", "click"]);
});

test("palms do nothing: wide contacts, and any touch near the pen", () => {
  const { send, log, wait } = setup();
  send("pointerdown", 50, 50, { pointerType: "touch", width: 90, height: 70 });
  send("pointerup", 50, 50, { pointerType: "touch", width: 90, height: 70 });
  send("pointermove", 60, 60, { pointerType: "pen", buttons: 0 });
  send("pointerdown", 50, 50, { pointerType: "touch", pointerId: 3 });
  send("pointerup", 50, 50, { pointerType: "touch", pointerId: 3 });
  expect(log).toEqual(["hover"]);
  wait(2000);
  send("pointerdown", 50, 50, { pointerType: "touch", pointerId: 4 });
  send("pointerup", 50, 50, { pointerType: "touch", pointerId: 4 });
  expect(log).toEqual(["hover", "click"]);
});

test("a long press opens the menu and places nothing", () => {
  const { send, log } = setup();
  send("pointerdown", 50, 50, { pointerType: "touch" });
  vi.advanceTimersByTime(600);
  send("pointerup", 50, 50, { pointerType: "touch" });
  expect(log).toEqual(["cancel", "menu"]);
});

test("Space and drag pans, so does the middle button", () => {
  const { gestures, send, log, pans } = setup();
  gestures.space = true;
  send("pointerdown", 50, 50);
  send("pointermove", 60, 45);
  send("pointerup", 60, 45);
  gestures.space = false;
  send("pointerdown", 50, 50, { button: 1, buttons: 4 });
  send("pointermove", 51, 52, { buttons: 4 });
  send("pointerup", 51, 52);
  expect(pans).toEqual([[10, -5], [1, 2]]);
  expect(gestures.panned).toBe(true);
  expect(log).toEqual([]);
});

test("the wheel zooms in one direction and out in the other", () => {
  const { send, view } = setup();
  send("wheel", 50, 50, { deltaY: -100, deltaMode: 0 });
  expect(view().zoom).toBeGreaterThan(2);
  send("wheel", 50, 50, { deltaY: 100, deltaMode: 0 });
  expect(view().zoom).toBeCloseTo(2);
});
