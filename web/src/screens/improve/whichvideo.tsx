// One video of the project, or all of them.
import type { Signal } from "@preact/signals";
import * as session from "../../store/session";

/** The numbers of the videos that were chosen; a video that is gone stands for all. */
export function videosOf(chosen: Signal<number>): number[] {
  const all = session.videos.peek().map(({ id }) => id);
  return all.includes(chosen.peek()) ? [chosen.peek()] : all;
}

/** A list to choose from; 0 is all. */
export function WhichVideo({ label, chosen }: { label: string; chosen: Signal<number> }) {
  const videos = session.videos.value;
  if (videos.length < 2) return null;
  return (
    <select
      aria-label={label}
      value={videos.some(({ id }) => id === chosen.value) ? chosen.value : 0}
      onChange={(event) => (chosen.value = Number(event.currentTarget.value))}
    >
      <option value={0}>all videos</option>
      {videos.map(({ id, name }) => (
        <option key={id} value={id}>
          {name}
        </option>
      ))}
    </select>
  );
}
