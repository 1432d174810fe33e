// For tests: a server that answers `fetch` in memory, and keeps what it was asked.
import { afterEach, vi } from "vitest";

export interface Asked {
  method: string;
  path: string;
  body: unknown;
  headers: Record<string, string>;
}
type Answer = { status?: number; json: unknown } | "offline";

/** Let `answer` stand for the server until the test ends; returns what was asked so far. */
export function fakeServer(answer: (asked: Asked) => Answer | Promise<Answer>): Asked[] {
  const all: Asked[] = [];
  vi.stubGlobal("fetch", async (address: string, init: RequestInit) => {
    const { pathname, search } = new URL(address);
    const body = typeof init.body === "string" ? (JSON.parse(init.body) as unknown) : init.body;
    const headers = init.headers as Record<string, string>;
    const path = pathname.replace("/api/", "") + search;
    const asked = { method: init.method ?? "GET", path, body, headers };
    all.push(asked);
    const said = await answered(answer(asked), init.signal ?? null);
    if (said === "offline") throw new TypeError("fetch failed");
    return Response.json(said.json, { status: said.status ?? 200 });
  });
  return all;
}

/** An answer that is no longer wanted never comes; `fetch` says so, too. */
function answered<T>(answer: T | Promise<T>, signal: AbortSignal | null): Promise<T> {
  return new Promise((resolve, reject) => {
    const gone = (): void => reject(new DOMException("aborted", "AbortError"));
    signal?.addEventListener("abort", gone);
    void Promise.resolve(answer).then(resolve, reject);
  });
}

/** Let everything that waits for nothing but its turn be done. */
export async function settled(turns = 30): Promise<void> {
  for (let i = 0; i < turns; i++) await Promise.resolve();
}

afterEach(() => void vi.unstubAllGlobals());
