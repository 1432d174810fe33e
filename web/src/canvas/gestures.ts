// Pointer events of mouse, finger and pen as gestures: press, drag, lift, hover, pan, pinch, menu.
import type { Easel } from "./easel";
import type { Pointer, Target } from "./hit";
import { pinch, toVideo, type XY } from "./transform";

/** Where and how the pointer is. */
export interface Touch {
  readonly at: XY; // px of the video
  readonly screen: XY; // CSS px of the stage
  readonly pointer: Pointer;
  readonly covered: boolean; // right button, or the pen's barrel button
  readonly shift: boolean;
  readonly alt: boolean;
}

/** What a screen does with gestures. */
export interface Hand {
  /** What lies below the pointer. */
  target: (touch: Touch) => Target;
  /** The pointer has moved since it was pressed; the first call begins the drag. */
  drag: (target: Target, from: Touch, now: Touch) => void;
  /** The hand lifted: a click, or the end of a drag. */
  lift: (target: Target, from: Touch, now: Touch, dragged: boolean) => void;
  /** The gesture became another one (a second finger): as if it had never begun. */
  cancel: () => void;
  hover: (touch: Touch | null) => void;
  menu: (target: Target, touch: Touch) => void;
}

const SLOP: Record<Pointer, number> = { mouse: 3, pen: 4, touch: 8 }; // CSS px; less is a click
const LONG_MS = 550;
const PALM_PX = 60; // a wider contact is no finger
const PEN_REST_MS = 900; // after the pen, hands are ignored for so long
const WHEEL = 0.0016; // of ln zoom a pixel of the wheel
const LINE_PX = 24;

interface Press {
  readonly id: number;
  readonly target: Target;
  readonly from: Touch;
  dragged: boolean;
}

export class Gestures {
  /** Held keys, set by the screen's actions. */
  space = false;
  loupe = false;
  /** Whether Space was used to pan since it went down. */
  panned = false;
  private press: Press | null = null;
  private panning: { id: number; last: XY } | null = null;
  private readonly fingers = new Map<number, XY>();
  private pinching = false;
  private long = 0;
  private penAt = -Infinity;
  private last: Touch | null = null;
  private readonly stop = new AbortController();

  constructor(
    private readonly host: HTMLElement,
    private readonly easel: Easel,
    private readonly hand: Hand,
  ) {
    const on = <K extends keyof HTMLElementEventMap>(
      name: K,
      run: (event: HTMLElementEventMap[K]) => void,
      passive = true,
    ) => host.addEventListener(name, run, { signal: this.stop.signal, passive });
    on("pointerdown", (event) => this.down(event), false);
    on("pointermove", (event) => this.move(event));
    on("pointerup", (event) => this.up(event));
    on("pointercancel", (event) => this.lost(event));
    on("pointerleave", (event) => this.leave(event));
    on("contextmenu", (event) => event.preventDefault(), false);
    on("wheel", (event) => this.wheel(event), false);
  }

  close(): void {
    this.stop.abort();
    clearTimeout(this.long);
  }

  /** Show or take away the loupe at the pointer. */
  setLoupe(on: boolean): void {
    this.loupe = on;
    this.showLoupe();
  }

  /** The last place of the pointer over the stage, px of the video. */
  pointerAt(): XY | null {
    return this.last?.at ?? null;
  }

  private touch(event: PointerEvent): Touch {
    const box = this.host.getBoundingClientRect();
    const screen = { x: event.clientX - box.left, y: event.clientY - box.top };
    const pointer = event.pointerType === "touch" || event.pointerType === "pen" ? event.pointerType : "mouse";
    const covered = event.button === 2 || (event.buttons & 2) !== 0;
    const at = toVideo(this.easel.view.peek(), screen);
    return { at, screen, pointer, covered, shift: event.shiftKey, alt: event.altKey };
  }

  private palm(event: PointerEvent): boolean {
    if (event.pointerType === "pen") this.penAt = event.timeStamp;
    if (event.pointerType !== "touch") return false;
    return event.timeStamp - this.penAt < PEN_REST_MS || Math.max(event.width, event.height) > PALM_PX;
  }

  private down(event: PointerEvent): void {
    if (this.palm(event)) return;
    const touch = this.touch(event);
    this.host.focus({ preventScroll: true });
    this.host.setPointerCapture(event.pointerId);
    event.preventDefault(); // no text selection, no second mouse event
    if (touch.pointer === "touch") {
      this.fingers.set(event.pointerId, touch.screen);
      if (this.fingers.size > 1) return this.beginPinch();
    }
    if (this.press !== null || this.pinching) return;
    if (event.button === 1 || this.space) {
      this.panned = true;
      this.panning = { id: event.pointerId, last: touch.screen };
      return;
    }
    this.press = { id: event.pointerId, target: this.hand.target(touch), from: touch, dragged: false };
    this.last = touch;
    if (touch.pointer === "touch") this.long = window.setTimeout(() => this.longPress(), LONG_MS);
    this.showLoupe();
  }

  private move(event: PointerEvent): void {
    if (this.palm(event)) return;
    const touch = this.touch(event);
    if (this.fingers.has(event.pointerId)) {
      if (this.pinching) return this.pinch(event.pointerId, touch.screen);
      this.fingers.set(event.pointerId, touch.screen);
    }
    this.last = touch;
    this.showLoupe();
    if (this.panning?.id === event.pointerId) {
      const { last } = this.panning;
      this.panning.last = touch.screen;
      return this.easel.panBy(touch.screen.x - last.x, touch.screen.y - last.y);
    }
    const press = this.press;
    if (press === null) return this.hand.hover(touch);
    if (press.id !== event.pointerId) return;
    const gap = Math.hypot(touch.screen.x - press.from.screen.x, touch.screen.y - press.from.screen.y);
    if (!press.dragged && gap <= SLOP[touch.pointer]) return;
    clearTimeout(this.long);
    press.dragged = true;
    this.hand.drag(press.target, press.from, touch);
  }

  private up(event: PointerEvent): void {
    this.fingers.delete(event.pointerId);
    clearTimeout(this.long);
    if (this.panning?.id === event.pointerId) this.panning = null;
    if (this.pinching) {
      if (this.fingers.size === 0) this.pinching = false;
      return;
    }
    const press = this.press;
    if (press === null || press.id !== event.pointerId) return;
    this.press = null;
    const touch = this.touch(event);
    // the button is up by now; what it was when it went down counts
    this.hand.lift(press.target, press.from, { ...touch, covered: press.from.covered }, press.dragged);
    if (touch.pointer === "touch") this.last = null;
    this.showLoupe();
  }

  private lost(event: PointerEvent): void {
    this.fingers.delete(event.pointerId);
    if (this.fingers.size === 0) this.pinching = false;
    if (this.panning?.id === event.pointerId) this.panning = null;
    if (this.press?.id === event.pointerId) this.drop();
  }

  private leave(event: PointerEvent): void {
    if (this.press !== null || event.pointerType === "touch") return;
    this.last = null;
    this.hand.hover(null);
    this.showLoupe();
  }

  private drop(): void {
    clearTimeout(this.long);
    if (this.press === null) return;
    this.press = null;
    this.hand.cancel();
    this.easel.setLoupe(null);
  }

  private longPress(): void {
    const press = this.press;
    if (press === null || press.dragged) return;
    this.drop();
    this.hand.menu(press.target, press.from);
  }

  private beginPinch(): void {
    this.drop();
    this.pinching = true;
  }

  private pinch(id: number, to: XY): void {
    const other = [...this.fingers].find(([each]) => each !== id)?.[1];
    const from = this.fingers.get(id);
    this.fingers.set(id, to);
    if (other === undefined || from === undefined) return;
    this.easel.setView(pinch(this.easel.view.peek(), from, other, to, other));
  }

  private wheel(event: WheelEvent): void {
    event.preventDefault();
    const box = this.host.getBoundingClientRect();
    const pixels = event.deltaY * (event.deltaMode === 1 ? LINE_PX : event.deltaMode === 2 ? 400 : 1);
    const speed = event.ctrlKey ? 6 : 1; // a pinch on a track pad comes as small steps
    const at = { x: event.clientX - box.left, y: event.clientY - box.top };
    this.easel.zoomBy(Math.exp(-pixels * WHEEL * speed), at);
  }

  private showLoupe(): void {
    const finger = this.last?.pointer === "touch" && this.press !== null;
    const on = this.last !== null && (this.loupe || finger);
    this.easel.setLoupe(on && this.last ? { at: this.last.screen, finger } : null);
  }
}
