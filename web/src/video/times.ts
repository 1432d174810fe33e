// When every frame of a video was taken: the file's own timestamps, by index.
import { signal, type Signal } from "@preact/signals";
import { bytes } from "../api";
import type { VideoRef } from "./frames";

const known = new Map<string, Signal<Float64Array | null>>();

/** Seconds of every frame; null until they have come. */
export function timesOf(video: VideoRef): Signal<Float64Array | null> {
  const name = `${video.id}/${video.fingerprint}`;
  let one = known.get(name);
  if (one === undefined) {
    const made = signal<Float64Array | null>(null);
    known.set(name, (one = made));
    bytes(`videos/${name}/times`)
      .then((read) => (made.value = readTimes(read)))
      .catch(() => known.delete(name)); // asked for again with the next frame
  }
  return one;
}

/** Little-endian float64, on every machine. */
export function readTimes(buffer: ArrayBuffer): Float64Array {
  const view = new DataView(buffer);
  const count = Math.floor(buffer.byteLength / 8);
  return Float64Array.from({ length: count }, (_, i) => view.getFloat64(i * 8, true));
}

/** The last frame taken at or before a time; the first where none was. */
export function frameAt(times: Float64Array, seconds: number): number {
  let [low, high] = [0, times.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (times[middle]! <= seconds) low = middle;
    else high = middle - 1;
  }
  return Math.max(low, 0);
}
