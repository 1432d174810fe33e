// Where waiting edits survive a killed browser: IndexedDB, or memory where there is none.
//
// Several pages of one browser share the shelf. Each keeps its edits under its own name, `tab`,
// and only the page of that name takes them away. Edits of a page that is gone are moved to
// another in one transaction, so that two pages that look at once do not both get them.
import type { Waiting } from "./outbox";

/** A small ordered table of edits that wait. */
export interface Shelf {
  /** Whether edits outlive the page. */
  readonly lasts: boolean;
  /** The edits of all pages but one, in order. */
  others(tab: string): Promise<Waiting[]>;
  /** Names of pages that have edits here. */
  tabs(): Promise<string[]>;
  put(one: Waiting): Promise<void>;
  remove(some: readonly Waiting[]): Promise<void>;
  /** Give a page the edits of others that `wanted` says yes to; returns them, in order. */
  adopt(tab: string, wanted: (one: Waiting) => boolean): Promise<Waiting[]>;
}

const NAME = "gambol";
const TABLE = "outbox";

/** Edits that are to be under another page's name: each page's in order, no two in one place. */
export function moved(some: readonly Waiting[], tab: string, taken: ReadonlySet<number>): Waiting[] {
  const used = new Set(taken);
  const last = new Map<string, number>();
  return some
    .toSorted((a, b) => a.n - b.n)
    .map((one) => {
      let n = Math.max(one.n, (last.get(one.tab) ?? -Infinity) + 1);
      while (used.has(n)) n += 1;
      used.add(n);
      last.set(one.tab, n);
      return { ...one, tab, n };
    });
}

function done<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error ?? new Error("IndexedDB failed"));
  });
}

function open(factory: IDBFactory): Promise<IDBDatabase> {
  const request = factory.open(NAME, 1);
  request.onupgradeneeded = () =>
    request.result.createObjectStore(TABLE, { keyPath: ["tab", "n"] });
  return done(request);
}

function committed(act: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    act.oncomplete = () => resolve();
    act.onabort = act.onerror = () => reject(act.error ?? new Error("IndexedDB failed"));
  });
}

/** A shelf in IndexedDB. */
export async function databaseShelf(factory: IDBFactory): Promise<Shelf> {
  const database = await open(factory);
  database.onversionchange = () => database.close(); // a newer gambol in another page goes first
  const table = (mode: IDBTransactionMode): IDBObjectStore =>
    database.transaction(TABLE, mode, { durability: "strict" }).objectStore(TABLE);
  const all = async (from: IDBObjectStore): Promise<Waiting[]> =>
    (await done<Waiting[]>(from.getAll())).sort((a, b) => a.n - b.n);
  return {
    lasts: true,
    async others(tab) {
      return (await all(table("readonly"))).filter((one) => one.tab !== tab);
    },
    async tabs() {
      const keys = (await done(table("readonly").getAllKeys())) as [string, number][];
      return [...new Set(keys.map(([tab]) => tab))];
    },
    async put(one) {
      const into = table("readwrite");
      into.put(one);
      await committed(into.transaction);
    },
    async remove(some) {
      const from = table("readwrite");
      for (const { tab, n } of some) from.delete([tab, n]);
      await committed(from.transaction);
    },
    async adopt(tab, wanted) {
      const from = table("readwrite");
      const kept = await all(from);
      const found = kept.filter((one) => one.tab !== tab && wanted(one));
      const own = new Set(kept.filter((one) => one.tab === tab).map(({ n }) => n));
      const given = moved(found, tab, own);
      for (const one of found) from.delete([one.tab, one.n]);
      for (const one of given) from.put(one);
      await committed(from.transaction);
      return given;
    },
  };
}

/** A shelf that lasts as long as the page: private windows, tests. */
export function memoryShelf(kept: Waiting[] = [], lasts = false): Shelf {
  const place = (one: Waiting): number =>
    kept.findIndex((w) => w.n === one.n && w.tab === one.tab);
  const sorted = (): Waiting[] => kept.toSorted((a, b) => a.n - b.n);
  const shelf: Shelf = {
    lasts,
    others: (tab) => Promise.resolve(sorted().filter((one) => one.tab !== tab)),
    tabs: () => Promise.resolve([...new Set(kept.map(({ tab }) => tab))]),
    put(one) {
      const at = place(one);
      if (at < 0) kept.push(structuredClone(one));
      else kept[at] = structuredClone(one);
      return Promise.resolve();
    },
    remove(some) {
      for (const one of some) if (place(one) >= 0) kept.splice(place(one), 1);
      return Promise.resolve();
    },
    async adopt(tab, wanted) {
      const found = sorted().filter((one) => one.tab !== tab && wanted(one));
      const given = moved(found, tab, new Set(kept.filter((w) => w.tab === tab).map((w) => w.n)));
      await shelf.remove(found);
      kept.push(...given);
      return given;
    },
  };
  return shelf;
}

const OPEN_MS = 3000; // a private window, a browser without a disk: some never answer

/** The best shelf that this browser has; one that does not answer in time is no shelf. */
export async function openShelf(factory: () => IDBFactory = () => indexedDB): Promise<Shelf> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<Shelf>((resolve) => {
    timer = setTimeout(() => resolve(memoryShelf()), OPEN_MS);
  });
  const answers = async (): Promise<Shelf> => {
    const shelf = await databaseShelf(factory());
    await shelf.tabs(); // some open, and fail when they are read
    return shelf;
  };
  try {
    return await Promise.race([answers(), late]);
  } catch {
    return memoryShelf();
  } finally {
    clearTimeout(timer);
  }
}
