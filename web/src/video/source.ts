// What a film is played from: pictures of the server, or coded packets where the link is slow.
import { remember } from "../store/view";
import type { VideoRef } from "./frames";
import { link } from "./link";
import { canPlay } from "./packets";
import { speed } from "./play";

export type Source = "auto" | "pictures" | "packets";
export const SOURCES: readonly Source[] = ["auto", "pictures", "packets"];

/** What the person chose. */
export const source = remember<Source>("play.from", "auto");

const SLOW = 30; // Mbit/s

/** Whether a film is played from packets just now; a frame that stands still never is. */
export function fromPackets(video: VideoRef): boolean {
  if (speed.peek() === 0 || video.window !== undefined || !canPlay(video)) return false;
  const chosen = source.peek();
  return chosen === "packets" || (chosen === "auto" && (link.speed() ?? SLOW) < SLOW);
}

/** Choose the next one. */
export function nextSource(): Source {
  return (source.value = SOURCES[(SOURCES.indexOf(source.value) + 1) % SOURCES.length]!);
}
