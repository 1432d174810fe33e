// What a strip of a whole video shows in each of its pixels: work goes with pixels, not frames.

export const NOTHING = 0;
export const SUGGESTED = 1;
export const DRAFT = 2;
export const DONE = 3;
export const FLAG = 4;

/** The strongest mark of every pixel column; marks as pairs of frame and kind. */
export function columns(
  marks: Iterable<readonly [frame: number, kind: number]>,
  span: { first: number; last: number },
  width: number,
): Uint8Array {
  const strip = new Uint8Array(Math.max(width, 1));
  for (const [frame, kind] of marks) {
    if (frame < span.first || frame > span.last) continue;
    const x = columnOf(frame, span, width);
    if (kind > (strip[x] ?? 0)) strip[x] = kind;
  }
  return strip;
}

/** The pixel column of a frame. */
export function columnOf(frame: number, span: { first: number; last: number }, width: number): number {
  const frames = span.last - span.first + 1;
  return Math.min(Math.floor(((frame - span.first) / frames) * width), width - 1);
}

/** The frame at a place of the strip; with few frames every one has several pixels. */
export function frameAtX(x: number, span: { first: number; last: number }, width: number): number {
  const frames = span.last - span.first + 1;
  const frame = span.first + Math.floor((x / Math.max(width, 1)) * frames);
  return Math.min(Math.max(frame, span.first), span.last);
}

/** Runs of equal columns: kind, first column, length; columns with nothing are left out. */
export function runs(strip: Uint8Array): [kind: number, first: number, length: number][] {
  const found: [number, number, number][] = [];
  for (let x = 0; x < strip.length; ) {
    let end = x + 1;
    while (end < strip.length && strip[end] === strip[x]) end++;
    if (strip[x] !== NOTHING) found.push([strip[x]!, x, end - x]);
    x = end;
  }
  return found;
}
