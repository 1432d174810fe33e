import { beforeEach, describe, expect, test, vi } from "vitest";
import { ApiError } from "../api";
import type { VideoRef } from "./frames";
import { Link } from "./link";
import { canPlay, groupOf, Player, readGroup, readStarts, type Tools } from "./packets";

const GOP = 20;
const FRAMES = 100;
let count = 0;
let video: VideoRef;

beforeEach(() => {
  vi.stubGlobal("VideoDecoder", class {});
  video = { id: ++count, fingerprint: "ab", frames: FRAMES };
});

/** A group as the server writes it; the last two frames come in the wrong order, as B-frames do. */
function written(gop: number, long = GOP): ArrayBuffer {
  const head = new TextEncoder().encode(
    JSON.stringify({
      codec: "avc1.42c00d", description: btoa("\u0001d"), width: 64, height: 48,
      swap: false, mirror_x: true, mirror_y: false,
    }),
  );
  const frames = Array.from({ length: long }, (_, k) => gop * GOP + k);
  frames.push(...frames.splice(-2).reverse());
  const buffer = new ArrayBuffer(4 + head.length + frames.length * 9);
  const view = new DataView(buffer);
  view.setUint32(0, head.length, true);
  new Uint8Array(buffer, 4).set(head);
  frames.forEach((frame, k) => {
    const at = 4 + head.length + 9 * k;
    view.setInt32(at, frame, true);
    view.setUint32(at + 4, 1, true);
    view.setUint8(at + 8, frame);
  });
  return buffer;
}

type Fault = (frame: number) => number; // how often a frame comes back

/** A browser that decodes at once, holds one frame back as decoders do, and may go wrong. */
function fake(times: Fault = () => 1) {
  const asked: string[] = [];
  const open = { frames: 0, decoders: 0 };
  const tools: Tools = {
    fetch: async (path) => {
      asked.push(path.replace(/.*packets/, ""));
      if (path.endsWith("packets"))
        return Uint32Array.from({ length: FRAMES / GOP }, (_, k) => k * GOP).buffer;
      return written(Number(path.split("/").at(-1)));
    },
    able: async () => true,
    chunk: (init) => init as unknown as EncodedVideoChunk,
    decoder: (init) => {
      open.decoders++;
      const held: number[] = [];
      let queue: Promise<void> = Promise.resolve();
      const give = (at: number) => {
        for (let n = 0; n < times(at / 1000); n++) {
          open.frames++;
          init.output({ timestamp: at, close: () => open.frames-- } as unknown as VideoFrame);
        }
      };
      const self = {
        state: "configured",
        decodeQueueSize: 0,
        configure: () => undefined,
        decode: (chunk: { timestamp: number }) => {
          queue = queue.then(() => {
            held.push(chunk.timestamp);
            if (held.length > 1) give(held.shift()!);
          });
        },
        flush: async () => {
          await queue;
          while (held.length > 0) give(held.shift()!);
        },
        close: () => {
          if (self.state !== "closed") open.decoders--;
          self.state = "closed";
        },
      };
      return self as unknown as VideoDecoder;
    },
    picture: async (frame) =>
      ({ frame: frame.timestamp / 1000, close: () => undefined }) as unknown as ImageBitmap,
  };
  return { tools, asked, open };
}

const get = (player: Player, frame: number) =>
  new Promise<number | null>((done) =>
    player.when(frame, (one) => done(one && (one as unknown as { frame: number }).frame)),
  );

describe("packets", () => {
  test("a group is read as it was written", () => {
    const { coding, packets } = readGroup(written(1));
    expect(packets.map(({ frame }) => frame)).toEqual([...Array(18).keys()].map((k) => 20 + k).concat(39, 38));
    expect([...packets[0]!.data]).toEqual([20]);
    expect(coding).toMatchObject({ codec: "avc1.42c00d", width: 64, mirrorX: true, swap: false });
    expect([...coding.description!]).toEqual([1, 100]);
  });

  test("a frame is in the group that begins at it or before", () => {
    const starts = readStarts(Uint32Array.of(0, 20, 55).buffer);
    expect([0, 19, 20, 54, 55, 900].map((frame) => groupOf(starts, frame))).toEqual([0, 0, 1, 1, 2, 2]);
  });

  test("every frame comes under its number, each group is asked for once", async () => {
    const { tools, asked, open } = fake();
    const player = new Player(video, tools);
    for (let frame = 33; frame < FRAMES; frame++) expect(await get(player, frame)).toBe(frame);
    expect(asked).toEqual(["", "/1", "/2", "/3", "/4"]);
    player.close();
    expect(open).toEqual({ frames: 0, decoders: 0 });
    expect(canPlay(video)).toBe(true);
  });

  test("frames that the screen was too slow for may be left out; back and far away it begins anew", async () => {
    const { tools, asked } = fake();
    const player = new Player(video, tools);
    for (const frame of [2, 5, 9, 30, 31, 4, 90, 91, 30]) expect(await get(player, frame)).toBe(frame);
    expect(asked.filter((one) => one === "")).toHaveLength(1);
  });

  test("no more is decoded ahead than a dozen pictures and what the decoder holds", async () => {
    let made = 0;
    const { tools } = fake((_) => (made++, 1));
    const player = new Player(video, tools);
    await get(player, 0);
    for (let k = 0; k < 200; k++) await Promise.resolve();
    expect(made).toBeLessThan(40); // those and what is inside the decoder; the film has 100
  });

  test.each([
    ["is lost", (frame: number) => (frame === 27 ? 0 : 1)],
    ["comes twice", (frame: number) => (frame === 27 ? 2 : 1)],
  ])("where a frame %s the video stays on pictures for good", async (_, fault) => {
    const { tools } = fake(fault);
    const player = new Player(video, tools);
    const seen = [];
    for (let frame = 22; frame < 60; frame++) seen.push(await get(player, frame));
    const right = seen.findIndex((one) => one === null);
    expect(seen.slice(0, right)).toEqual([...Array(right).keys()].map((k) => 22 + k));
    expect(right).toBeLessThanOrEqual(18);
    expect(canPlay(video)).toBe(false);
    expect(canPlay({ ...video, id: 9999 })).toBe(true);
  });

  test("a refused codec is for good, a lost link is not", async () => {
    const problem = { code: "", message: "", hint: "", theirs: [] };
    for (const [status, left] of [[415, false], [0, true]] as const) {
      const one = { ...video, id: ++count };
      const fetch = () => Promise.reject(new ApiError(status, problem));
      expect(await get(new Player(one, { ...fake().tools, fetch }), 3)).toBeNull();
      expect(canPlay(one)).toBe(left);
    }
  });
});

describe("link", () => {
  test("speed is bits over the time in which any answer was on its way", () => {
    let now = 0;
    const link = new Link(() => now);
    for (let k = 0; k < 10; k++) {
      const [one, other] = [link.begin(), link.begin()];
      now += 100; // two answers share the link
      one(125_000);
      now += 100;
      other(125_000);
      now += 5000; // nothing is on its way
    }
    expect(link.speed()).toBeCloseTo(10);
  });

  test("small answers and little of them say nothing", () => {
    let now = 0;
    const link = new Link(() => now);
    for (let k = 0; k < 100; k++) {
      const done = link.begin();
      now += 40;
      done(20_000);
    }
    expect(link.speed()).toBeNull();
    link.begin()(500_000);
    expect(link.speed()).toBeNull();
  });

  test("a link that became slow is noticed", () => {
    let now = 0;
    const link = new Link(() => now);
    for (let k = 0; k < 400; k++) {
      const done = link.begin();
      now += k < 200 ? 5 : 100;
      done(100_000);
    }
    expect(link.speed()).toBeLessThan(15);
  });
});
