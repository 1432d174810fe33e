// Pictures of frames: fetched by index, kept nearest the cursor, dropped when the page moved on.
import { ApiError, sentence, url } from "../api";
import { link } from "./link";
import { surplus, travelled, wanted, type Travel } from "./plan";

export interface VideoRef {
  readonly id: number;
  readonly fingerprint: string;
  readonly frames: number;
  /** Of the stored values those that are shown, as the address says it. */
  readonly window?: string;
}

/** What a frame turned out to be. */
export type Got =
  | { readonly kind: "picture"; readonly picture: ImageBitmap }
  | { readonly kind: "trouble"; readonly reason: string };

interface Entry {
  readonly video: number;
  readonly frame: number;
  readonly name: string;
  readonly bytes: number;
  readonly got: Got;
}

interface Viewer {
  readonly video: VideoRef;
  readonly travel: Travel;
  readonly lastMove: number;
}

export type Load = (video: VideoRef, frame: number, signal: AbortSignal) => Promise<ImageBitmap>;

const PAUSE_MS = 500; // before a busy or lost server is asked again
const PARALLEL = 4; // of the six connections a browser opens to one host; edits need some
export const MOST = { count: 120, bytes: 512 * 1024 * 1024 };

export class Frames {
  private readonly kept = new Map<string, Entry>();
  private readonly running = new Map<string, AbortController>();
  private readonly viewers = new Map<object, Viewer>();
  private readonly waiting = new Map<string, Set<(got: Got) => void>>();
  private queue: { video: VideoRef; frame: number }[] = [];
  prefetch = true;

  constructor(
    private readonly load: Load,
    private readonly most = MOST,
  ) {}

  /** The picture of a frame if it is at hand. */
  at(video: VideoRef, frame: number): Got | null {
    return this.kept.get(nameOf(video, frame))?.got ?? null;
  }

  /** A viewer looks at a frame: fetch it and what comes next, drop what nobody wants any more. */
  aim(viewer: object, video: VideoRef, frame: number): void {
    const before = this.viewers.get(viewer);
    const same = before?.video.id === video.id ? before : null;
    const travel = travelled(same?.travel ?? null, frame, same?.lastMove ?? 0);
    const move = same === null ? 0 : frame - same.travel.frame;
    this.viewers.set(viewer, { video, travel, lastMove: move === 0 ? (same?.lastMove ?? 0) : move });
    this.turn();
  }

  /** The viewer is gone. */
  leave(viewer: object): void {
    this.viewers.delete(viewer);
    this.turn();
  }

  /** Frames that are probably opened next; fetched when nothing else is to do. */
  expect(places: { video: VideoRef; frame: number }[]): void {
    this.queue = places;
    this.turn();
  }

  /** The frame, now or when it has come; never if everybody moves on before. */
  when(video: VideoRef, frame: number, tell: (got: Got) => void): () => void {
    const there = this.at(video, frame);
    if (there !== null) {
      tell(there);
      return () => undefined;
    }
    const name = nameOf(video, frame);
    const tellers = this.waiting.get(name) ?? new Set();
    this.waiting.set(name, tellers.add(tell));
    return () => {
      tellers.delete(tell);
      if (tellers.size === 0) this.waiting.delete(name);
    };
  }

  /** Ask again for a frame that could not be read. */
  retry(video: VideoRef, frame: number): void {
    this.kept.delete(nameOf(video, frame));
    this.turn();
  }

  /** Ask again for everything of a video that could not be read: its file changed. */
  forgetTroubles(video: number): void {
    for (const [name, one] of this.kept)
      if (one.video === video && one.got.kind === "trouble") this.kept.delete(name);
    this.turn();
  }

  private turn(): void {
    const list = this.needs();
    const names = new Set(list.map((one) => one.name));
    for (const [name, control] of this.running)
      if (!names.has(name)) {
        control.abort();
        this.running.delete(name);
      }
    const seen = this.viewers.size;
    for (const [rank, one] of list.entries()) {
      if (this.kept.has(one.name) || this.running.has(one.name)) continue;
      // what a viewer looks at starts at once; the rest waits for a free connection
      if (rank >= seen && this.running.size >= PARALLEL) break;
      this.start(one.video, one.frame, one.name);
    }
  }

  /** Everything worth having, in the order of need: first what the viewers look at. */
  private needs(): { video: VideoRef; frame: number; name: string }[] {
    const plans = [...this.viewers.values()].map(({ video, travel }) =>
      (this.prefetch ? wanted(travel, video.frames) : [travel.frame]).map((frame) => ({
        video,
        frame,
        name: nameOf(video, frame),
      })),
    );
    const longest = Math.max(0, ...plans.map((plan) => plan.length));
    const list = [];
    for (let n = 0; n < longest; n++) for (const plan of plans) if (plan[n]) list.push(plan[n]!);
    if (this.prefetch)
      for (const { video, frame } of this.queue)
        list.push({ video, frame, name: nameOf(video, frame) });
    return list;
  }

  private start(video: VideoRef, frame: number, name: string): void {
    const control = new AbortController();
    this.running.set(name, control);
    this.load(video, frame, control.signal)
      .then((picture): Got => ({ kind: "picture", picture }))
      .catch(async (error: unknown): Promise<Got | null> => {
        if (control.signal.aborted) return null;
        if (!passing(error)) return { kind: "trouble", reason: sentence(error) };
        await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
        return null; // asked for again if it is still wanted
      })
      .then((got) => this.finish(video, frame, name, control, got));
  }

  private finish(
    video: VideoRef,
    frame: number,
    name: string,
    control: AbortController,
    got: Got | null,
  ): void {
    if (this.running.get(name) === control) this.running.delete(name);
    if (got !== null && !this.kept.has(name)) {
      const bytes = got.kind === "picture" ? got.picture.width * got.picture.height * 4 : 0;
      this.kept.set(name, { video: video.id, frame, name, bytes, got });
      this.forget();
      for (const tell of this.waiting.get(name) ?? []) tell(got);
      this.waiting.delete(name);
    }
    this.turn();
  }

  private forget(): void {
    const cursors = new Map<number, number>();
    for (const { video, travel } of this.viewers.values()) cursors.set(video.id, travel.frame);
    // bitmaps are left to the collector: one may still be on a screen
    for (const one of surplus([...this.kept.values()], cursors, this.most)) this.kept.delete(one.name);
  }
}

/** Whether an error says nothing of the frame: no server, or a busy one. */
function passing(error: unknown): boolean {
  if (error instanceof ApiError) return [0, 429, 502, 503, 504].includes(error.status);
  return error instanceof TypeError; // what fetch throws without a network
}

/** Address of a frame's picture below the page. */
export function frameUrl(video: VideoRef, frame: number, kind: "jpg" | "png" = "jpg"): string {
  const window = video.window === undefined ? "" : `?${video.window}`;
  return url(`videos/${video.id}/${video.fingerprint}/frames/${frame}.${kind}${window}`);
}

/** Address of a small picture of a frame. */
export function thumbUrl(video: VideoRef, frame: number): string {
  return url(`videos/${video.id}/${video.fingerprint}/thumbs/${frame}.jpg`);
}

/** Fetch and decode a picture. It has no colour profile and nothing to see through, so that nothing
 * is converted; to say so with options costs a copy, which is a third of the time. */
export async function fetchPicture(address: string, signal: AbortSignal): Promise<ImageBitmap> {
  const answer = await fetch(address, { signal, credentials: "same-origin" });
  if (!answer.ok) throw new ApiError(answer.status, await problemOf(answer));
  const came = link.begin();
  try {
    const body = await answer.blob();
    came(body.size);
    return await createImageBitmap(body);
  } finally {
    came(0);
  }
}

async function problemOf(answer: Response) {
  const plain = {
    code: "http",
    message: `The frame could not be fetched (${answer.status}).`,
    hint: "",
    theirs: [],
  };
  try {
    const said = (await answer.json()) as { message?: unknown; hint?: unknown };
    const text = (value: unknown) => (typeof value === "string" ? value : "");
    return { ...plain, message: text(said.message) || plain.message, hint: text(said.hint) };
  } catch {
    return plain;
  }
}

/** The page's own store of pictures. */
export const frames = new Frames((video, frame, signal) =>
  fetchPicture(frameUrl(video, frame), signal),
);

// "?prefetch=off" in the page's address: the bare link is measured, or spared where it is paid for
if (typeof location !== "undefined")
  frames.prefetch = new URLSearchParams(location.search).get("prefetch") !== "off";

function nameOf(video: VideoRef, frame: number): string {
  return `${video.id}/${video.fingerprint}/${frame}/${video.window ?? ""}`;
}
