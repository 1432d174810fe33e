// Which pages of this browser still run, so that none sends what another is sending.
//
// Web Locks tell for sure, but exist in secure contexts only, and a laboratory's server may speak
// plain HTTP. There a page leaves a note that it renews, and answers those who ask: a page in the
// background is slow to renew its note, and a busy one is slow to answer, but not both for long.

/** The pages of this browser. */
export interface Pages {
  /** Names of those that run, this one among them. */
  alive(): Promise<ReadonlySet<string>>;
  /** Whether a page that is said to be gone is gone for sure. */
  readonly sure: boolean;
  close(): void;
}

const LOCK = "gambol:";
const NOTE = "gambol:page:";
const CHANNEL = "gambol:pages";
const RENEW_MS = 5000;
const LASTS_MS = 20_000;
const ASK_MS = 300;
const ANSWER_MS = 1000;

/** Say that a page runs, and listen for others. */
export function openPages(tab: string): Pages {
  const locks = typeof navigator === "undefined" ? undefined : navigator.locks;
  return locks === undefined ? noted(tab) : locked(tab, locks);
}

function locked(tab: string, locks: LockManager): Pages {
  let end = (): void => undefined;
  const held = new Promise<void>((resolve) => (end = resolve));
  locks.request(LOCK + tab, () => held).catch(() => undefined);
  return {
    sure: true,
    async alive() {
      const { held: all = [] } = await locks.query();
      const names = all.map((lock) => lock.name ?? "").filter((name) => name.startsWith(LOCK));
      return new Set([tab, ...names.map((name) => name.slice(LOCK.length))]);
    },
    close: end,
  };
}

function noted(tab: string): Pages {
  const answers = new Set<string>();
  const channel = typeof BroadcastChannel === "undefined" ? null : new BroadcastChannel(CHANNEL);
  const renew = (): void => write(NOTE + tab, String(Date.now() + LASTS_MS));
  const leave = (): void => write(NOTE + tab, null);
  const back = (event: PageTransitionEvent): void => void (event.persisted && renew());
  if (channel !== null)
    channel.onmessage = ({ data }: MessageEvent<{ ask?: true; here?: string }>) => {
      if (data.ask) channel.postMessage({ here: tab });
      else if (data.here !== undefined) answers.add(data.here);
    };
  renew();
  const timer = setInterval(renew, RENEW_MS);
  globalThis.addEventListener?.("pagehide", leave);
  globalThis.addEventListener?.("pageshow", back);
  return {
    sure: false,
    async alive() {
      answers.clear();
      channel?.postMessage({ ask: true });
      await new Promise((resolve) => setTimeout(resolve, ASK_MS));
      return new Set([tab, ...answers, ...notes()]);
    },
    close() {
      clearInterval(timer);
      leave();
      channel?.close();
      globalThis.removeEventListener?.("pagehide", leave);
      globalThis.removeEventListener?.("pageshow", back);
    },
  };
}

/** Names of pages whose note is fresh; old notes are cleared away. */
function notes(): string[] {
  const fresh: string[] = [];
  try {
    for (const key of Object.keys(localStorage)) {
      if (!key.startsWith(NOTE)) continue;
      if (Number(localStorage.getItem(key)) > Date.now()) fresh.push(key.slice(NOTE.length));
      else localStorage.removeItem(key);
    }
  } catch {
    // no storage: those who answer are all that there are
  }
  return fresh;
}

function write(key: string, text: string | null): void {
  try {
    if (text === null) localStorage.removeItem(key);
    else localStorage.setItem(key, text);
  } catch {
    // no storage: this page answers those who ask
  }
}

/** The pages that run; after a second without an answer, all of `known` may. */
export async function running(pages: Pages, known: Iterable<string>): Promise<ReadonlySet<string>> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<ReadonlySet<string>>((resolve) => {
    timer = setTimeout(() => resolve(new Set(known)), ANSWER_MS);
  });
  return Promise.race([pages.alive(), late]).finally(() => clearTimeout(timer));
}
