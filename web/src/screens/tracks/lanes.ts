// Frames and pixels of the lanes: zoom, pan, what lies where. No DOM.

/** Which frames are in sight; the edges need not be whole frames. */
export interface Sight {
  readonly from: number;
  readonly to: number;
}

const LEAST = 20; // frames in sight, at most zoomed in

/** Keep a stretch inside the recording, and not too small. */
export function within(sight: Sight, frames: number): Sight {
  const length = Math.min(Math.max(sight.to - sight.from, Math.min(LEAST, frames)), frames);
  const from = Math.min(Math.max(sight.from, 0), frames - length);
  return { from, to: from + length };
}

/** Zoom; the frame below x stays below it. */
export function zoomed(sight: Sight, x: number, width: number, factor: number, frames: number): Sight {
  const length = sight.to - sight.from;
  const at = sight.from + (x / Math.max(width, 1)) * length;
  const grown = Math.min(Math.max(length / factor, Math.min(LEAST, frames)), frames);
  const from = at - (x / Math.max(width, 1)) * grown;
  return within({ from, to: from + grown }, frames);
}

/** Move by pixels. */
export function panned(sight: Sight, dx: number, width: number, frames: number): Sight {
  const by = (dx / Math.max(width, 1)) * (sight.to - sight.from);
  return within({ from: sight.from - by, to: sight.to - by }, frames);
}

/** The pixel where a frame begins. */
export function xOf(frame: number, sight: Sight, width: number): number {
  return ((frame - sight.from) / (sight.to - sight.from)) * width;
}

/** The frame below a pixel. */
export function frameAt(x: number, sight: Sight, width: number, frames: number): number {
  const frame = Math.floor(sight.from + (x / Math.max(width, 1)) * (sight.to - sight.from));
  return Math.min(Math.max(frame, 0), frames - 1);
}

/** The stretch around a frame, if it is not in sight; else the same. */
export function withFrame(sight: Sight, frame: number, frames: number): Sight {
  const length = sight.to - sight.from;
  const edge = length * 0.02;
  if (frame >= sight.from + edge && frame < sight.to - edge) return sight;
  return within({ from: frame - length / 2, to: frame + length / 2 }, frames);
}

/** What to ask the server for: as much again at both sides, so that panning has it already. */
export function asked(sight: Sight, width: number, frames: number): { from: number; to: number; px: number } {
  const length = sight.to - sight.from;
  const from = Math.max(Math.floor(sight.from - length), 0);
  const to = Math.min(Math.ceil(sight.to + length), frames - 1);
  const px = Math.min(Math.round((width * (to - from + 1)) / length), 4096);
  return { from, to, px: Math.max(px, 1) };
}

/** Which of the digits 1–9 and names a swap still asks for. */
export function pairOf(chosen: readonly string[]): [string, string] | null {
  const [a, b] = [...new Set(chosen)];
  return a !== undefined && b !== undefined ? [a, b] : null;
}
