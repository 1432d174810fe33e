// Playing: the frame that is due by the clock, but never one before the last is on the screen.
import { signal } from "@preact/signals";
import { due } from "./plan";

export interface Film {
  readonly fps: number;
  readonly frames: number;
  frame(): number;
  goTo(frame: number): void;
  shown(): boolean; // the frame that was gone to is on the screen
}

/** Parts of the real speed; 0: paused. */
export const speed = signal(0);

let ticket = 0;

/** Play a film, or pause it if it plays at this speed. */
export function toggle(film: Film, at = 1): void {
  if (speed.peek() === at) pause();
  else play(film, at);
}

export function pause(): void {
  ticket++;
  speed.value = 0;
}

/** Play from the frame that is shown; ends with the film. */
export function play(film: Film, at = 1): void {
  const mine = ++ticket;
  speed.value = at;
  let clock: { from: number; played: number } | null = null;
  let expected = film.frame();
  const tick = (now: number) => {
    if (mine !== ticket) return;
    if (film.frame() !== expected) clock = null; // somebody moved the cursor: go on from there
    clock ??= { from: now, played: 0 };
    const steps = due(now - clock.from, film.fps, at, clock.played);
    if (steps > 0 && film.shown()) {
      const to = Math.min(film.frame() + steps, film.frames - 1);
      clock.played += steps;
      film.goTo(to);
      if (to === film.frames - 1) return pause();
      // a slow link lags: the clock begins anew, so that no frame is left out to catch up
      if (((now - clock.from) / 1000) * film.fps * at - clock.played > 2) clock = null;
    }
    expected = film.frame();
    requestAnimationFrame(tick);
  };
  requestAnimationFrame(tick);
}
