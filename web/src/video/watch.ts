// One viewer: the old frame stays until the new one is there; after 50 ms its thumbnail, after
// 100 ms a thin bar says that it is on its way. While a film plays, packets may give its pictures;
// the frame that stands still is always the server's.
import { signal } from "@preact/signals";
import { fetchPicture, frames, thumbUrl, type Got, type VideoRef } from "./frames";
import { Player } from "./packets";
import { speed } from "./play";
import { fromPackets } from "./source";

export interface Shown {
  readonly video: VideoRef;
  readonly frame: number;
  readonly got: Got;
  readonly thumb: boolean; // a small picture of it, until the frame itself has come
  readonly coded: boolean; // decoded in the page, from packets
}

const THUMB_MS = 50;
const BAR_MS = 100;

export class Watch {
  /** What is, or is about to be, on the screen. */
  readonly shown = signal<Shown | null>(null);
  readonly late = signal(false);
  /** What was drawn last; whoever draws says so. */
  readonly drawn = signal<Shown | null>(null);
  /** When the frame was asked for, ms of performance.now(). */
  asked = 0;
  private want: { video: VideoRef; frame: number } | null = null;
  private stop: () => void = () => undefined;
  private player: { video: VideoRef; film: Player } | null = null;
  private readonly away = speed.subscribe((now) => {
    if (now === 0 && this.player !== null) this.stand();
  });

  look(video: VideoRef, frame: number): void {
    const now = this.want;
    if (now !== null && sameVideo(now.video, video) && now.frame === frame) return;
    this.want = { video, frame };
    this.asked = performance.now();
    this.stop();
    if (fromPackets(video)) this.follow(video, frame);
    else this.fetch(video, frame);
  }

  private fetch(video: VideoRef, frame: number): void {
    frames.aim(this, video, frame);
    const thumb = new AbortController();
    const timers = [setTimeout(() => (this.late.value = true), BAR_MS)];
    if (!this.stands(video, frame))
      timers.push(setTimeout(() => void this.showThumb(video, frame, thumb.signal), THUMB_MS));
    const settle = () => {
      timers.forEach(clearTimeout);
      thumb.abort();
      this.late.value = false;
    };
    let leave = () => undefined as void;
    this.stop = () => {
      settle();
      leave();
    };
    leave = frames.when(video, frame, (got) => {
      settle();
      this.show({ video, frame, got, thumb: false, coded: false });
    });
  }

  /** Whether the picture of a frame, not its thumbnail, is on the screen. */
  private stands(video: VideoRef, frame: number): boolean {
    const shown = this.shown.peek();
    if (shown === null || shown.thumb || shown.got.kind !== "picture") return false;
    return sameVideo(shown.video, video) && shown.frame === frame;
  }

  /** Replace what is shown; a picture that only this viewer had is given back at once. */
  private show(next: Shown): void {
    const before = this.shown.peek();
    this.shown.value = next;
    if (before !== null && pictureOf(before) !== pictureOf(next)) giveBack(before);
  }

  /** Show a frame of a film that plays. */
  private follow(video: VideoRef, frame: number): void {
    if (this.player === null || !sameVideo(this.player.video, video)) {
      this.player?.film.close();
      this.player = { video, film: new Player(video) };
    }
    const timer = setTimeout(() => (this.late.value = true), BAR_MS);
    const leave = this.player.film.when(frame, (picture) => {
      clearTimeout(timer);
      this.late.value = false;
      if (picture === null) return this.fetch(video, frame);
      const got: Got = { kind: "picture", picture };
      this.show({ video, frame, got, thumb: false, coded: true });
    });
    this.stop = () => {
      clearTimeout(timer);
      this.late.value = false;
      leave();
    };
  }

  /** The film stands still: its frame is fetched from the server. */
  private stand(): void {
    this.player?.film.close();
    this.player = null;
    if (this.want === null) return;
    this.stop();
    this.fetch(this.want.video, this.want.frame);
  }

  /** Whether the frame that was asked for is the one on the screen. */
  settled(): boolean {
    const shown = this.shown.peek();
    const drawn = shown !== null && shown === this.drawn.peek();
    return drawn && !shown.thumb && shown.frame === this.want?.frame;
  }

  retry(): void {
    if (this.want === null) return;
    const { video, frame } = this.want;
    this.want = null;
    frames.retry(video, frame);
    this.look(video, frame);
  }

  close(): void {
    this.stop();
    this.away();
    this.player?.film.close();
    frames.leave(this);
    const shown = this.shown.peek();
    this.shown.value = null;
    if (shown !== null) giveBack(shown);
  }

  private async showThumb(video: VideoRef, frame: number, stop: AbortSignal): Promise<void> {
    try {
      const picture = await fetchPicture(thumbUrl(video, frame), stop);
      if (stop.aborted) picture.close();
      else this.show({ video, frame, got: { kind: "picture", picture }, thumb: true, coded: false });
    } catch {
      // the frame itself will come, or say why not
    }
  }
}

function pictureOf({ got }: Shown): ImageBitmap | null {
  return got.kind === "picture" ? got.picture : null;
}

/** Close a picture; those of the server lie in the page's store, where others show them, too. */
function giveBack(shown: Shown): void {
  if (shown.coded || shown.thumb) pictureOf(shown)?.close();
}

function sameVideo(a: VideoRef, b: VideoRef): boolean {
  return a.id === b.id && a.fingerprint === b.fingerprint && a.window === b.window;
}
