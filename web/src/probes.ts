// What browser tests may read of the page: `window.__gambol`. Nothing here changes anything.
import type { XY } from "./canvas/transform";

export interface FrameShown {
  video: number;
  frame: number;
  ms: number; // from asking for it to drawing it
  coded: boolean; // from packets: a film plays
}

export interface Stats {
  count: number;
  last: number;
  p50: number;
  p95: number;
}

export interface Probes {
  frameShown: () => FrameShown | null;
  loaded: () => boolean; // the labels of the open frame are here
  seq: () => number;
  pending: () => number;
  redraw: () => { all: Stats; hand: Stats };
  screenToVideo: (x: number, y: number) => XY;
  videoToScreen: (x: number, y: number) => XY;
  viewsShown: () => Readonly<Record<string, number | null>>; // frame drawn by each camera
}

declare global {
  interface Window {
    __gambol?: Partial<Probes>;
  }
}

/** Add probes; later ones replace earlier ones of the same name. */
export function probe(more: Partial<Probes>): void {
  window.__gambol = { ...window.__gambol, ...more };
}

const KEPT = 600;

/** Durations of the last redraws, ms. */
export class Watchmaker {
  private readonly times: number[] = [];

  add(ms: number): void {
    this.times.push(ms);
    if (this.times.length > KEPT) this.times.shift();
  }

  stats(): Stats {
    const sorted = this.times.toSorted((a, b) => a - b);
    const at = (part: number) => sorted[Math.min(Math.floor(part * sorted.length), sorted.length - 1)] ?? 0;
    return { count: sorted.length, last: this.times.at(-1) ?? 0, p50: at(0.5), p95: at(0.95) };
  }
}
