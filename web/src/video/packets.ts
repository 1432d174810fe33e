// Coded packets, decoded here. The server says which frame each packet presents, and a player that
// does not get every frame of a group back exactly once is not used for that video again.
import { ApiError, bytes } from "../api";
import type { VideoRef } from "./frames";

/** What a decoder must know, and what to do with its pictures: swap x and y first, then mirror. */
export interface Coding {
  readonly codec: string;
  readonly description: Uint8Array | null;
  readonly width: number;
  readonly height: number;
  readonly swap: boolean;
  readonly mirrorX: boolean;
  readonly mirrorY: boolean;
}

export interface Packet {
  readonly frame: number;
  readonly data: Uint8Array;
}

export interface Group {
  readonly coding: Coding;
  readonly packets: readonly Packet[];
}

/** What the player needs of the browser. */
export interface Tools {
  fetch(path: string, signal: AbortSignal): Promise<ArrayBuffer>;
  decoder(init: VideoDecoderInit): VideoDecoder;
  chunk(init: EncodedVideoChunkInit): EncodedVideoChunk;
  able(config: VideoDecoderConfig): Promise<boolean>;
  picture(frame: VideoFrame, coding: Coding): Promise<ImageBitmap>;
}

const AHEAD = 12; // pictures at hand
const QUEUED = 4; // packets that wait in the decoder
const TICK = 1000; // µs between two timestamps: they count frames, so their distance means nothing

const refused = new Set<string>();

/** Whether packets of a video may be played: the browser can, and it never went wrong. */
export function canPlay(video: VideoRef): boolean {
  return typeof VideoDecoder !== "undefined" && !refused.has(nameOf(video));
}

type Tell = (picture: ImageBitmap | null) => void;

/** One viewer's film, from the frame that is asked for on. */
export class Player {
  private readonly kept = new Map<number, ImageBitmap>();
  private readonly waiting = new Map<number, Set<Tell>>();
  private starts: Uint32Array | null = null;
  private run = new AbortController(); // from a key frame on; a jump begins another
  private begun = false;
  private want = 0;
  private low = 0; // frames before this one do not come in this run
  private high = 0; // nor those from here on, before long
  private pending = 0;
  private wake: () => void = () => undefined;

  constructor(
    private readonly video: VideoRef,
    private readonly tools: Tools = browser,
  ) {}

  /** The picture of a frame when it has come; null: not from packets, ask the server. */
  when(frame: number, tell: Tell): () => void {
    const back = frame < this.want;
    this.want = frame;
    for (const [one, picture] of this.kept)
      if (one < frame) {
        picture.close();
        this.kept.delete(one);
      }
    const there = this.kept.get(frame);
    if (there !== undefined) {
      this.kept.delete(frame); // whoever shows it keeps it
      this.low = frame + 1;
      tell(there);
      this.wake();
      return () => undefined;
    }
    const tellers = this.waiting.get(frame) ?? new Set<Tell>();
    this.waiting.set(frame, tellers.add(tell));
    if (!this.begun || back || frame < this.low || frame >= this.high) this.begin(frame);
    this.wake();
    return () => {
      tellers.delete(tell);
      if (tellers.size === 0 && this.waiting.get(frame) === tellers) this.waiting.delete(frame);
    };
  }

  close(): void {
    this.run.abort();
    this.wake();
    this.begun = false;
    for (const picture of this.kept.values()) picture.close();
    this.kept.clear();
    this.waiting.clear();
  }

  private begin(frame: number): void {
    this.run.abort();
    this.wake();
    this.run = new AbortController();
    const { signal } = this.run;
    for (const picture of this.kept.values()) picture.close();
    this.kept.clear();
    this.begun = true;
    [this.low, this.high] = [frame, Infinity];
    this.pending = 0;
    this.play(frame, signal).catch((error: unknown) => {
      if (!signal.aborted) this.fail(!(error instanceof ApiError) || error.status === 415);
    });
  }

  /** Tell all that wait to ask the server; for good, unless only the link was lost. */
  private fail(forGood: boolean): void {
    if (forGood) refused.add(nameOf(this.video));
    const tellers = [...this.waiting.values()].flatMap((some) => [...some]);
    this.close();
    for (const tell of tellers) tell(null);
  }

  private async play(frame: number, signal: AbortSignal): Promise<void> {
    const at = `videos/${this.video.id}/${this.video.fingerprint}/packets`;
    this.starts ??= readStarts(await this.tools.fetch(at, signal));
    const { starts } = this;
    const group = async (gop: number) => readGroup(await this.tools.fetch(`${at}/${gop}`, signal));
    const first = groupOf(starts, frame);
    let coming = group(first);
    const run = new Run(this.tools, (picture, coding) => this.take(picture, coding, signal));
    signal.addEventListener("abort", () => run.close());
    for (let gop = first; gop < starts.length; gop++) {
      this.high = starts[gop + 2] ?? Infinity;
      const now = await coming;
      if (gop + 1 < starts.length) {
        coming = group(gop + 1);
        coming.catch(() => undefined); // told when its turn comes
      }
      await run.decode(now, () => this.room(signal));
      if (signal.aborted) return;
    }
    run.close();
  }

  /** Wait while enough pictures are at hand, and the one that is wanted is among them or gone by. */
  private async room(signal: AbortSignal): Promise<void> {
    const enough = () =>
      this.kept.size + this.pending >= AHEAD && (this.kept.has(this.want) || this.low > this.want);
    while (!signal.aborted && enough()) await new Promise<void>((done) => (this.wake = done));
  }

  private async take(frame: VideoFrame, coding: Coding, signal: AbortSignal): Promise<void> {
    const number = frame.timestamp / TICK;
    if (signal.aborted || number < this.want) return frame.close();
    this.pending++;
    const picture = await this.tools.picture(frame, coding).finally(() => frame.close());
    if (signal.aborted) return picture.close();
    this.pending--;
    const tellers = this.waiting.get(number);
    this.waiting.delete(number);
    if (tellers !== undefined && tellers.size > 0) {
      this.low = number + 1;
      for (const tell of tellers) tell(picture);
    } else if (number >= this.want) this.kept.set(number, picture);
    else picture.close();
    this.wake();
  }
}

/** A decoder that counts what it gives back. */
class Run {
  private decoder: VideoDecoder | null = null;
  private coding: Coding | null = null;
  private came = new Map<number, number>();
  private broken: unknown = null;
  private closed = false;

  constructor(
    private readonly tools: Tools,
    private readonly take: (frame: VideoFrame, coding: Coding) => Promise<void>,
  ) {}

  /** Decode a group; fails unless every frame of it came exactly once. */
  async decode({ coding, packets }: Group, room: () => Promise<void>): Promise<void> {
    const decoder = await this.ready(coding);
    this.came = new Map(packets.map(({ frame }) => [frame, 0]));
    for (const [k, { frame, data }] of packets.entries()) {
      await room();
      while (!this.closed && this.broken === null && decoder.decodeQueueSize > QUEUED)
        await new Promise((done) => setTimeout(done, 4));
      if (this.closed) return;
      if (this.broken !== null) throw this.broken;
      const type = k === 0 ? "key" : "delta";
      decoder.decode(this.tools.chunk({ type, timestamp: frame * TICK, data }));
    }
    await decoder.flush();
    if (this.broken !== null) throw this.broken;
    if (!this.closed && [...this.came.values()].some((times) => times !== 1))
      throw new Error("a frame did not come back exactly once");
  }

  close(): void {
    this.closed = true;
    if (this.decoder !== null && this.decoder.state !== "closed") this.decoder.close();
  }

  private async ready(coding: Coding): Promise<VideoDecoder> {
    if (this.decoder !== null) return this.decoder;
    const { codec, description, width, height } = coding;
    const size = { codedWidth: width, codedHeight: height };
    const config = { codec, ...size, ...(description === null ? {} : { description }) };
    if (!(await this.tools.able(config))) throw new Error(`no decoder of ${codec}`);
    this.coding = coding;
    this.decoder = this.tools.decoder({
      output: (frame) => this.out(frame),
      error: (error) => (this.broken ??= error),
    });
    this.decoder.configure(config);
    return this.decoder;
  }

  private out(frame: VideoFrame): void {
    const number = frame.timestamp / TICK;
    const times = this.came.get(number);
    if (times === undefined || times > 0) this.broken ??= new Error(`frame ${number} came unasked`);
    if (this.broken !== null || this.closed) return frame.close();
    this.came.set(number, times! + 1);
    this.take(frame, this.coding!).catch((error: unknown) => (this.broken ??= error));
  }
}

/** First frames of all groups. */
export function readStarts(buffer: ArrayBuffer): Uint32Array {
  const view = new DataView(buffer);
  const count = Math.floor(buffer.byteLength / 4);
  return Uint32Array.from({ length: count }, (_, i) => view.getUint32(4 * i, true));
}

/** The group that holds a frame. */
export function groupOf(starts: Uint32Array, frame: number): number {
  const after = starts.findIndex((start) => start > frame);
  return (after < 0 ? starts.length : after) - 1;
}

/** Read a group; the layout is that of src/gambol/app/web/packets.py. */
export function readGroup(buffer: ArrayBuffer): Group {
  const view = new DataView(buffer);
  const size = view.getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, size))) as {
    codec: string;
    description: string;
    width: number;
    height: number;
    swap: boolean;
    mirror_x: boolean;
    mirror_y: boolean;
  };
  const { codec, width, height, swap, mirror_x: mirrorX, mirror_y: mirrorY } = head;
  const told = Uint8Array.from(atob(head.description), (letter) => letter.charCodeAt(0));
  const description = told.length > 0 ? told : null;
  const packets: Packet[] = [];
  for (let at = 4 + size; at < buffer.byteLength; ) {
    const length = view.getUint32(at + 4, true);
    packets.push({ frame: view.getInt32(at, true), data: new Uint8Array(buffer, at + 8, length) });
    at += 8 + length;
  }
  return { coding: { codec, description, width, height, swap, mirrorX, mirrorY }, packets };
}

/** A decoded frame as it is to be shown. */
async function picture(frame: VideoFrame, coding: Coding): Promise<ImageBitmap> {
  const { width, height, swap, mirrorX, mirrorY } = coding;
  if (!swap && !mirrorX && !mirrorY) return createImageBitmap(frame);
  const [across, down] = swap ? [height, width] : [width, height];
  const canvas = new OffscreenCanvas(across, down);
  const brush = canvas.getContext("2d")!;
  brush.setTransform(mirrorX ? -1 : 1, 0, 0, mirrorY ? -1 : 1, mirrorX ? across : 0, mirrorY ? down : 0);
  if (swap) brush.transform(0, 1, 1, 0, 0, 0);
  brush.drawImage(frame, 0, 0, width, height);
  return canvas.transferToImageBitmap();
}

const browser: Tools = {
  fetch: (path, signal) => bytes(path, { signal }),
  decoder: (init) => new VideoDecoder(init),
  chunk: (init) => new EncodedVideoChunk(init),
  able: async (config) => (await VideoDecoder.isConfigSupported(config)).supported === true,
  picture,
};

function nameOf(video: VideoRef): string {
  return `${video.id}/${video.fingerprint}`;
}
