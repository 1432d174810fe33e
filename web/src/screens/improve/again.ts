// Asking the same thing again and again, but not too often, and never twice at a time.
import { untracked } from "@preact/signals";

type Failed = (error: unknown) => void;

/** Asks at once, then at most once in a pause; the newest question is always answered. */
export class Again {
  private turn = 0; // of the question that is open; an older one no longer counts
  private busy = false;
  private wanted: Failed | null = null;
  private about: string | null = null;
  private timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly pauseMs: number,
    private readonly get: (about: string) => Promise<void>,
  ) {}

  /** Ask, now or when the pause is over. A question about something else does not wait. */
  ask(about: string, failed: Failed): void {
    if (this.busy && about === this.about) this.wanted = failed;
    else this.go(about, failed);
  }

  private go(about: string, failed: Failed): void {
    clearTimeout(this.timer);
    [this.busy, this.about, this.wanted] = [true, about, null];
    const turn = ++this.turn;
    // an effect that asks must not come to depend on what the answer changes
    void untracked(() => this.get(about))
      .catch(failed)
      .finally(() => {
        if (turn === this.turn) this.timer = setTimeout(() => this.rested(), this.pauseMs);
      });
  }

  private rested(): void {
    this.busy = false;
    if (this.wanted !== null && this.about !== null) this.go(this.about, this.wanted);
  }

  /** Forget what was still to be asked. */
  stop(): void {
    clearTimeout(this.timer);
    this.turn += 1;
    [this.busy, this.about, this.wanted] = [false, null, null];
  }
}
