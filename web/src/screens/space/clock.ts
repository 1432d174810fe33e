// One clock for all views: which frame of a film belongs to a moment.
import type { ViewOf } from "../../types.gen";

type Late = Pick<ViewOf, "lag" | "drift" | "drops" | "skips">;

/** The frame of a view's film at a moment; null where it recorded none. */
export function frameOf(view: Late, moment: number, frames: number): number | null {
  let at = Math.round(moment + view.lag + view.drift * moment);
  for (const [from, lost] of view.skips) if (moment >= from) at += lost;
  for (const [from, lost] of view.drops) {
    if (at < from) break;
    if (at < from + lost) return null; // lost, and no neighbour is shown instead
    at -= lost;
  }
  return at >= 0 && at < frames ? at : null;
}

/** Frames by which a view is late at a moment. */
export function lateness(view: Late, moment: number): number {
  return view.lag + view.drift * moment;
}
