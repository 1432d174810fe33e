// The open video as something that plays, and the space bar: a tap plays, held it pans.
import type { StageTools } from "../canvas/stage";
import * as view from "../store/view";
import { toggle, type Film } from "./play";

type Tools = () => StageTools | null;

/** The open video on a stage; null: none is open. */
export function openFilm(tools: Tools): Film | null {
  const video = view.openVideo.peek();
  if (video === undefined) return null;
  return {
    fps: video.fps > 0 ? video.fps : 25,
    frames: video.frames,
    frame: () => view.frame.peek(),
    goTo: (frame) => view.goTo(frame),
    shown: () => tools()?.easel.watch.settled() ?? true,
  };
}

/** Play the open video at this speed, or pause it if it does. */
export function playAt(tools: Tools, speed: number): void {
  const now = openFilm(tools);
  if (now !== null) toggle(now, speed);
}

/** Space plays when it goes up, unless it was held to pan. */
export function spaceBar(tools: Tools, play: () => void): { run: () => void; release: () => void } {
  return {
    run: () => {
      const hands = tools()?.gestures;
      if (hands) [hands.space, hands.panned] = [true, false];
    },
    release: () => {
      const hands = tools()?.gestures;
      if (hands) hands.space = false;
      if (!hands?.panned) play();
    },
  };
}
