// Which frames to have at hand: ahead in the direction of travel, a few behind, then the queue.

export const AHEAD = 12;
export const BEHIND = 4;

export interface Travel {
  readonly frame: number;
  readonly stride: number; // frames a step, with its sign; never 0
}

/** The frames of one viewer in the order of need; the first is the one to be seen. */
export function wanted(travel: Travel, frames: number, ahead = AHEAD, behind = BEHIND): number[] {
  const { frame, stride } = travel;
  const list = [frame];
  for (let n = 1; n <= Math.max(ahead, behind); n++) {
    if (n <= ahead) list.push(frame + n * stride);
    if (n <= behind) list.push(frame - n * stride);
  }
  return list.filter((one) => one >= 0 && one < frames);
}

const LONGEST = 100; // frames; a longer move is a jump, which has a direction but no stride

/** How the cursor travels after a move; steps of 10 prefetch every tenth frame once they repeat. */
export function travelled(before: Travel | null, to: number, lastMove: number): Travel {
  const move = before === null ? 0 : to - before.frame;
  if (move === 0) return { frame: to, stride: before?.stride ?? 1 };
  const steady = move === lastMove && Math.abs(move) <= LONGEST;
  return { frame: to, stride: steady ? move : Math.sign(move) };
}

interface Kept {
  readonly video: number;
  readonly frame: number;
  readonly bytes: number;
}

/** What to forget so that the rest fits: other videos first, then the farthest from the cursor. */
export function surplus<T extends Kept>(
  kept: readonly T[],
  cursors: ReadonlyMap<number, number>,
  most: { count: number; bytes: number },
): T[] {
  let count = kept.length;
  let bytes = kept.reduce((sum, one) => sum + one.bytes, 0);
  if (count <= most.count && bytes <= most.bytes) return [];
  const gap = (one: Kept) => {
    const cursor = cursors.get(one.video);
    return cursor === undefined ? Infinity : Math.abs(one.frame - cursor);
  };
  const gone: T[] = [];
  for (const one of [...kept].sort((a, b) => gap(b) - gap(a))) {
    if (count <= most.count && bytes <= most.bytes) break;
    gone.push(one);
    count--;
    bytes -= one.bytes;
  }
  return gone;
}

/** Frames that playing is on by now: no more than the screen can show, none left out otherwise. */
export function due(elapsed: number, fps: number, speed: number, played: number): number {
  const target = Math.floor((elapsed / 1000) * fps * speed);
  const tick = Math.max(1, Math.ceil((fps * speed) / 60));
  return Math.min(Math.max(target - played, 0), tick);
}
