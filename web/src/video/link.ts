// How fast pictures come over the link: bits over the time in which any of them was on its way.

const ENOUGH = 1 << 20; // bytes, before anything is said
const SMALLEST = 32 << 10; // a smaller answer measures the delay, not the width
const KEEP = 0.5; // of what was seen, each time enough is together: the newer half counts more

export class Link {
  private bytes = 0;
  private ms = 0;
  private running = 0;
  private since = 0;

  constructor(private readonly clock: () => number = () => performance.now()) {}

  /** A body begins to come; call what is returned with its size when it is there. */
  begin(): (bytes: number) => void {
    if (this.running++ === 0) this.since = this.clock();
    let over = false;
    return (bytes) => {
      if (over) return;
      over = true;
      const now = this.clock();
      const took = now - this.since;
      this.since = now;
      this.running--;
      if (bytes < SMALLEST) return;
      this.bytes += bytes;
      this.ms += took;
      if (this.bytes < 4 * ENOUGH) return;
      this.bytes *= KEEP;
      this.ms *= KEEP;
    };
  }

  /** Mbit/s; null before enough has come. */
  speed(): number | null {
    return this.bytes < ENOUGH ? null : (this.bytes * 8) / 1000 / Math.max(this.ms, 0.001);
  }
}

/** The link of this page. */
export const link = new Link();
