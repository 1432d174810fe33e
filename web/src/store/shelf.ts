// Where waiting edits survive a killed browser: IndexedDB, or memory where there is none.
import type { Waiting } from "./outbox";

/** A small ordered table of edits that wait. */
export interface Shelf {
  all(): Promise<Waiting[]>;
  put(one: Waiting): Promise<void>;
  remove(places: number[]): Promise<void>;
}

const NAME = "gambol";
const TABLE = "outbox";

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

/** A shelf in IndexedDB. `place` numbers are unique, so that an adopted edit keeps its place. */
export async function databaseShelf(factory: IDBFactory): Promise<Shelf> {
  const database = await open(factory);
  const table = (mode: IDBTransactionMode): IDBObjectStore =>
    database.transaction(TABLE, mode, { durability: "strict" }).objectStore(TABLE);
  return {
    async all() {
      const found = await done<Waiting[]>(table("readonly").getAll());
      return found.sort((a, b) => a.n - b.n);
    },
    async put(one) {
      const into = table("readwrite");
      into.put(one);
      await committed(into.transaction);
    },
    async remove(places) {
      const from = table("readwrite");
      const wanted = new Set(places);
      const keys = (await done(from.getAllKeys())) as [string, number][];
      for (const key of keys) if (wanted.has(key[1])) from.delete(key);
      await committed(from.transaction);
    },
  };
}

/** A shelf that lasts as long as the page: private windows, tests. */
export function memoryShelf(kept: Waiting[] = []): Shelf {
  return {
    all: () => Promise.resolve([...kept].sort((a, b) => a.n - b.n)),
    put(one) {
      const at = kept.findIndex((w) => w.n === one.n);
      if (at < 0) kept.push(structuredClone(one));
      else kept[at] = structuredClone(one);
      return Promise.resolve();
    },
    remove(places) {
      for (const n of places) {
        const at = kept.findIndex((w) => w.n === n);
        if (at >= 0) kept.splice(at, 1);
      }
      return Promise.resolve();
    },
  };
}

/** The best shelf that this browser has. */
export async function openShelf(): Promise<Shelf> {
  try {
    return await databaseShelf(indexedDB);
  } catch {
    return memoryShelf();
  }
}

/** A name for this page, and the names of those that still run; Web Locks tell, where there are. */
export async function pages(tab: string): Promise<Set<string>> {
  const locks = typeof navigator === "undefined" ? undefined : navigator.locks;
  if (locks === undefined) return new Set([tab]);
  void locks.request(`gambol:${tab}`, () => new Promise(() => undefined));
  const { held = [] } = await locks.query();
  const names = held.map((lock) => lock.name ?? "").filter((n) => n.startsWith("gambol:"));
  return new Set([tab, ...names.map((name) => name.slice("gambol:".length))]);
}
