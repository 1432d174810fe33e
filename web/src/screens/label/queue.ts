// The frames to label: what was suggested and what is marked, as one list with filters.
import type { Place } from "../../store/labels";
import type { Mark } from "../../store/rows";
import type { Suggestion } from "../../types.gen";

export type Progress = "open" | "draft" | "done";
export type Filter = "all" | Progress | "flag";

export interface Queued extends Place {
  readonly progress: Progress;
  readonly flag: boolean;
  readonly animals: number;
  readonly reason: string; // "" where a person chose the frame
  readonly score: number | null;
  readonly holder: string | null;
}

/** ○ nothing yet · ◐ begun · ● done: shape, not only colour. */
export const SIGN: Record<Progress, string> = { open: "○", draft: "◐", done: "●" };

export function progressOf(mark: Mark | undefined): Progress {
  if (mark?.complete === 1) return "done";
  return mark !== undefined && (mark.animals > 0 || mark.complete >= 0) ? "draft" : "open";
}

/** Suggested and marked frames in the order of videos and frames. */
export function queueOf(
  suggestions: readonly Suggestion[],
  marks: ReadonlyMap<number, ReadonlyMap<number, Mark>>,
): Queued[] {
  const all = new Map<string, Queued>();
  const add = (place: Place, why: Suggestion | null) => {
    const mark = marks.get(place.video)?.get(place.frame);
    all.set(`${place.video},${place.frame}`, {
      video: place.video,
      frame: place.frame,
      progress: progressOf(mark),
      flag: (mark?.flag ?? 0) > 0,
      animals: mark?.animals ?? 0,
      reason: why?.reason ?? "",
      score: why?.score ?? null,
      holder: why?.holder ?? null,
    });
  };
  for (const [video, ofVideo] of marks) for (const frame of ofVideo.keys()) add({ video, frame }, null);
  for (const one of suggestions) add(one, one);
  return [...all.values()].sort((a, b) => a.video - b.video || a.frame - b.frame);
}

export function filtered(queue: readonly Queued[], filter: Filter): Queued[] {
  if (filter === "all") return [...queue];
  if (filter === "flag") return queue.filter((one) => one.flag);
  return queue.filter((one) => one.progress === filter);
}

/** The next place of a queue in a direction, from wherever one is; null at its end. */
export function neighbour<T extends Place>(queue: readonly T[], at: Place, step: 1 | -1): T | null {
  const after = (one: Place) => one.video - at.video || one.frame - at.frame;
  const side = queue.filter((one) => after(one) * step > 0);
  return (step > 0 ? side[0] : side.at(-1)) ?? null;
}

/** Where Enter goes: the next frame that is not done and that nobody else holds, around the end. */
export function nextOpen(queue: readonly Queued[], at: Place): Queued | null {
  const free = queue.filter(
    (one) =>
      one.progress !== "done" &&
      one.holder === null &&
      (one.video !== at.video || one.frame !== at.frame),
  );
  return neighbour(free, at, 1) ?? free[0] ?? null;
}
