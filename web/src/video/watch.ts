// One viewer: the old frame stays until the new one is there; after 50 ms its thumbnail, after
// 100 ms a thin bar says that it is on its way.
import { signal } from "@preact/signals";
import { fetchPicture, frames, thumbUrl, type Got, type VideoRef } from "./frames";

export interface Shown {
  readonly video: VideoRef;
  readonly frame: number;
  readonly got: Got;
  readonly thumb: boolean; // a small picture of it, until the frame itself has come
}

const THUMB_MS = 50;
const BAR_MS = 100;

export class Watch {
  /** What is, or is about to be, on the screen. */
  readonly shown = signal<Shown | null>(null);
  readonly late = signal(false);
  /** When the frame was asked for, ms of performance.now(). */
  asked = 0;
  private want: { video: VideoRef; frame: number } | null = null;
  private stop: () => void = () => undefined;

  look(video: VideoRef, frame: number): void {
    const now = this.want;
    const same = now?.video.fingerprint === video.fingerprint && now.video.id === video.id;
    if (same && now.frame === frame) return;
    this.want = { video, frame };
    this.asked = performance.now();
    this.stop();
    frames.aim(this, video, frame);
    const thumb = new AbortController();
    const timers = [
      setTimeout(() => void this.showThumb(video, frame, thumb.signal), THUMB_MS),
      setTimeout(() => (this.late.value = true), BAR_MS),
    ];
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
      this.shown.value = { video, frame, got, thumb: false };
    });
  }

  /** Whether the frame that was asked for is the one that is shown. */
  settled(): boolean {
    const shown = this.shown.peek();
    return shown !== null && !shown.thumb && shown.frame === this.want?.frame;
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
    frames.leave(this);
  }

  private async showThumb(video: VideoRef, frame: number, stop: AbortSignal): Promise<void> {
    try {
      const picture = await fetchPicture(thumbUrl(video, frame), stop);
      if (!stop.aborted)
        this.shown.value = { video, frame, got: { kind: "picture", picture }, thumb: true };
    } catch {
      // the frame itself will come, or say why not
    }
  }
}
