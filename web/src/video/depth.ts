// Films of more than 8 bits: which of their stored values are shown, between black and white.
import { signal, type Signal } from "@preact/signals";
import { bytes } from "../api";
import type { VideoRef } from "./frames";

/** Stored values: of a frame, nearly all lie between low and high; none is above top. */
export interface Levels16 {
  readonly top: number;
  readonly low: number;
  readonly high: number;
}

/** The stored values shown as black and as white. */
export interface Window16 {
  readonly low: number;
  readonly high: number;
}

const known = new Map<string, Signal<number>>();

/** The largest value that frames of a video can hold; 255 until more is known. */
export function topOf(video: VideoRef): Signal<number> {
  const name = `${video.id}/${video.fingerprint}`;
  let one = known.get(name);
  if (one === undefined) {
    const made = signal(255);
    known.set(name, (one = made));
    levelsOf(video, 0)
      .then(({ top }) => (made.value = top))
      .catch(() => known.delete(name)); // asked for again when the video is opened again
  }
  return one;
}

/** What the values of a frame are. */
export async function levelsOf({ id, fingerprint }: VideoRef, frame: number): Promise<Levels16> {
  return readLevels(await bytes(`videos/${id}/${fingerprint}/levels/${frame}`));
}

/** Three little-endian uint32. */
export function readLevels(buffer: ArrayBuffer): Levels16 {
  const view = new DataView(buffer);
  const [top, low, high] = [0, 4, 8].map((at) => view.getUint32(at, true)) as [number, number, number];
  return { top, low, high };
}

/** Move one end of a window; the other gives way, so that white stays above black. */
export function moved(window: Window16, end: keyof Window16, to: number, top: number): Window16 {
  const at = Math.round(to);
  if (end === "low") {
    const low = Math.min(Math.max(at, 0), top - 1);
    return { low, high: Math.max(window.high, low + 1) };
  }
  const high = Math.min(Math.max(at, 1), top);
  return { low: Math.min(window.low, high - 1), high };
}

/** A video as it is to be fetched: a window belongs to the address of its pictures. */
export function through<V extends VideoRef>(video: V, window: Window16 | null): V {
  return window === null ? video : { ...video, window: `lo=${window.low}&hi=${window.high}` };
}
