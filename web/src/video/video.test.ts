import { describe, expect, test } from "vitest";
import { Frames, type Got, type VideoRef } from "./frames";
import { due, surplus, travelled, wanted } from "./plan";
import { frameAt, readTimes } from "./times";

const video: VideoRef = { id: 1, fingerprint: "ab", frames: 1000 };

/** A loader that answers when told to, and remembers what was asked and given up. */
function slow(size = 10) {
  const asked: number[] = [];
  const dropped: number[] = [];
  const answers = new Map<number, () => void>();
  const load = (_: VideoRef, frame: number, signal: AbortSignal) =>
    new Promise<ImageBitmap>((done, fail) => {
      asked.push(frame);
      signal.addEventListener("abort", () => {
        dropped.push(frame);
        fail(new DOMException("", "AbortError"));
      });
      answers.set(frame, () =>
        frame === 13
          ? fail(new Error("frame 13 is damaged"))
          : done({ width: size, height: size, close: () => undefined } as ImageBitmap),
      );
    });
  const settle = async () => {
    for (let i = 0; i < 400; i++) {
      for (const [frame, answer] of [...answers]) {
        answers.delete(frame);
        answer();
      }
      await Promise.resolve();
    }
  };
  return { asked, dropped, answers, load, settle };
}

describe("plan", () => {
  test("twelve ahead in the direction of travel, four behind, none outside", () => {
    const list = wanted({ frame: 100, stride: 1 }, 1000);
    expect(list[0]).toBe(100);
    expect(list.filter((frame) => frame > 100)).toHaveLength(12);
    expect(list.filter((frame) => frame < 100).sort((a, b) => a - b)).toEqual([96, 97, 98, 99]);
    expect(wanted({ frame: 100, stride: -1 }, 1000).filter((frame) => frame < 100)).toHaveLength(12);
    expect(wanted({ frame: 998, stride: 1 }, 1000).every((frame) => frame < 1000)).toBe(true);
    expect(wanted({ frame: 0, stride: 10 }, 1000)[1]).toBe(10);
  });

  test("a repeated step of ten is a stride, a single jump a direction", () => {
    const first = travelled({ frame: 100, stride: 1 }, 110, 1);
    expect(first).toEqual({ frame: 110, stride: 1 });
    expect(travelled(first, 120, 10)).toEqual({ frame: 120, stride: 10 });
    expect(travelled(first, 10, 10)).toEqual({ frame: 10, stride: -1 });
    expect(travelled(first, 610, 500).stride).toBe(1);
    expect(travelled(null, 7, 0)).toEqual({ frame: 7, stride: 1 });
    expect(travelled({ frame: 7, stride: -1 }, 7, -1).stride).toBe(-1);
  });

  test("the farthest frames are forgotten, other videos before them", () => {
    const kept = [0, 5, 9, 40].map((frame) => ({ video: 1, frame, bytes: 100 }));
    const other = { video: 2, frame: 10, bytes: 100 };
    const gone = surplus([...kept, other], new Map([[1, 8]]), { count: 3, bytes: 1e9 });
    expect(gone).toEqual([other, kept[3]]);
    expect(surplus(kept, new Map([[1, 8]]), { count: 9, bytes: 150 })).toHaveLength(3);
    expect(surplus(kept, new Map(), { count: 9, bytes: 1e9 })).toEqual([]);
  });

  test("playing leaves frames out only where the screen is too slow for them", () => {
    expect(due(1000, 25, 1, 24)).toBe(1);
    expect(due(1000, 25, 1, 25)).toBe(0);
    expect(due(1000, 25, 1, 10)).toBe(1);
    expect(due(1000, 250, 1, 200)).toBe(5);
    expect(due(1000, 250, 0.25, 0)).toBe(2);
  });
});

describe("frames", () => {
  test("the frame to be seen is asked for first, and no more than four at once", () => {
    const server = slow();
    const frames = new Frames(server.load);
    frames.aim({}, video, 100);
    expect(server.asked[0]).toBe(100);
    expect(server.asked).toHaveLength(4);
  });

  test("all that is near comes in the end, and then nothing is asked twice", async () => {
    const server = slow();
    const frames = new Frames(server.load);
    const viewer = {};
    frames.aim(viewer, video, 100);
    await server.settle();
    expect(new Set(server.asked)).toEqual(new Set(wanted({ frame: 100, stride: 1 }, 1000)));
    frames.aim(viewer, video, 101);
    await server.settle();
    expect(server.asked.at(-1)).toBe(113);
    expect(new Set(server.asked).size).toBe(server.asked.length);
    expect(frames.at(video, 105)?.kind).toBe("picture");
  });

  test("what nobody wants any more is given up, the new frame starts at once", () => {
    const server = slow();
    const frames = new Frames(server.load);
    const viewer = {};
    frames.aim(viewer, video, 100);
    frames.aim(viewer, video, 500);
    expect(server.dropped.sort()).toEqual(server.asked.slice(0, 4).sort());
    expect(server.asked[4]).toBe(500);
  });

  test("a waiting page is told, one that moved on is not", async () => {
    const server = slow();
    const frames = new Frames(server.load);
    const viewer = {};
    const told: number[] = [];
    frames.aim(viewer, video, 300);
    frames.when(video, 300, () => told.push(300));
    frames.aim(viewer, video, 700);
    const leave = frames.when(video, 700, () => told.push(700));
    leave();
    frames.when(video, 700, () => told.push(701));
    await server.settle();
    expect(told).toEqual([701]);
  });

  test("an unreadable frame has its reason, and may be asked for again", async () => {
    const server = slow();
    const frames = new Frames(server.load);
    const got: Got[] = [];
    frames.aim({}, video, 13);
    frames.when(video, 13, (one) => got.push(one));
    await server.settle();
    expect(got).toEqual([{ kind: "trouble", reason: "frame 13 is damaged" }]);
    frames.retry(video, 13);
    expect(server.asked.filter((frame) => frame === 13)).toHaveLength(2);
  });

  test("queued frames come last; without prefetching only what is looked at", async () => {
    const server = slow();
    const frames = new Frames(server.load);
    frames.expect([{ video, frame: 900 }]);
    expect(server.asked).toEqual([900]);
    frames.aim({}, video, 5);
    await server.settle();
    expect(frames.at(video, 900)).not.toBeNull();

    const bare = slow();
    const alone = new Frames(bare.load);
    alone.prefetch = false;
    alone.aim({}, video, 5);
    await bare.settle();
    expect(bare.asked).toEqual([5]);
  });

  test("memory stays below its bound, the frame that is seen stays", async () => {
    const server = slow(100); // 40 kB a picture
    const frames = new Frames(server.load, { count: 120, bytes: 400_000 });
    const viewer = {};
    for (const frame of [0, 200, 400]) {
      frames.aim(viewer, video, frame);
      await server.settle();
    }
    expect(frames.at(video, 0)).toBeNull();
    expect(frames.at(video, 400)).not.toBeNull();
  });
});

describe("times", () => {
  test("seconds are read little-endian, and frames found by them", () => {
    const buffer = new ArrayBuffer(32);
    const view = new DataView(buffer);
    [0, 0.04, 0.1, 0.11].forEach((t, i) => view.setFloat64(i * 8, t, true));
    const times = readTimes(buffer);
    expect([...times]).toEqual([0, 0.04, 0.1, 0.11]);
    expect([-1, 0, 0.039, 0.04, 0.105, 9].map((t) => frameAt(times, t))).toEqual([0, 0, 0, 1, 2, 3]);
  });
});
