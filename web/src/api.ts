// Talking to the server: JSON in and out, addresses relative to the page, errors in one type.
import type { Problem } from "./types.gen";

/** An answer that is not a success; `status` 0: no server answered. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly problem: Problem,
  ) {
    super(problem.message);
    this.name = "ApiError";
  }
}

// about the request itself: sent again it gets the same answer
const LASTING = new Set([400, 409, 413, 415, 422]);
// not now, and why: no key any more, may only look, read-only, too many tries, disk full
const REFUSING = new Set([401, 403, 423, 429, 507]);

/** Whether gambol refused a request, not a proxy before it, and will refuse it again. */
export function forGood(error: unknown): error is ApiError {
  return error instanceof ApiError && LASTING.has(error.status) && error.problem.code !== "http";
}

/** Whether the server takes nothing now, and says why: what waits is sent again. */
export function notNow(error: unknown): error is ApiError {
  return error instanceof ApiError && REFUSING.has(error.status);
}

let person = "";
let browser = "";

/** Say who edits, in the header of every request that follows. */
export function setUser(name: string): void {
  person = name;
}

/** Say which browser this is, so that those in which nobody typed a name are told apart. */
export function setBrowser(id: string): void {
  browser = id;
}

/** Address of a route below the page's own address, so that a proxy may add a path before it. */
export function url(path: string): string {
  const base = typeof document === "undefined" ? "http://localhost/" : document.baseURI;
  return new URL(`api/${path.replace(/^\//, "")}`, base.replace(/[#?].*$/, "")).href;
}

/** The headers of every request; names of people may hold any letter. */
export function headers(): Record<string, string> {
  const who = { "X-Gambol": "1", "X-Gambol-User": encodeURIComponent(person) };
  return browser === "" ? who : { ...who, "X-Gambol-Browser": browser };
}

interface Options {
  signal?: AbortSignal;
  keepalive?: boolean;
  /** ms after which nobody is thought to answer; a server may be frozen, a cable pulled. */
  within?: number;
}
type Untimed = Omit<Options, "within">;

async function request(
  method: string,
  path: string,
  init: RequestInit,
  options: Untimed,
): Promise<Response> {
  let answer: Response;
  try {
    answer = await fetch(url(path), { method, credentials: "same-origin", ...init, ...options });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw nobody();
  }
  if (!answer.ok) throw new ApiError(answer.status, await problemOf(answer));
  return answer;
}

function nobody(): ApiError {
  return new ApiError(0, {
    code: "offline",
    message: "The server does not answer.",
    hint: "Is gambol studio still running?",
    theirs: [],
  });
}

/** Let an answer, its body too, come within the time that was given for it. */
async function timed<T>(
  { within, signal, ...rest }: Options,
  act: (options: Untimed) => Promise<T>,
): Promise<T> {
  if (within === undefined) return act({ ...rest, ...(signal ? { signal } : {}) });
  const late = new AbortController();
  const stop = (): void => late.abort();
  const timer = setTimeout(stop, within);
  signal?.addEventListener("abort", stop);
  try {
    return await act({ ...rest, signal: late.signal });
  } catch (error) {
    if (late.signal.aborted && !signal?.aborted) throw nobody();
    throw error;
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
  }
}

async function problemOf(answer: Response): Promise<Problem> {
  const fallback = { code: "http", message: `The server answered ${answer.status}.`, hint: "" };
  try {
    const said = (await answer.json()) as Partial<Problem> | null;
    return { ...fallback, theirs: [], ...(typeof said?.message === "string" ? said : {}) };
  } catch {
    return { ...fallback, theirs: [] };
  }
}

async function json<T>(answer: Response): Promise<T> {
  return answer.status === 204 ? (undefined as T) : ((await answer.json()) as T);
}

/** GET a JSON answer. */
export async function get<T>(path: string, options: Options = {}): Promise<T> {
  return timed(options, async (how) =>
    json<T>(await request("GET", path, { headers: headers() }, how)),
  );
}

/** GET bytes. */
export async function bytes(path: string, options: Untimed = {}): Promise<ArrayBuffer> {
  return (await request("GET", path, { headers: headers() }, options)).arrayBuffer();
}

/** GET a text. */
export async function text(path: string, options: Untimed = {}): Promise<string> {
  return (await request("GET", path, { headers: headers() }, options)).text();
}

/** Send a JSON body, by POST unless said otherwise. */
export async function post<T>(
  path: string,
  body: unknown = {},
  options: Options & { method?: "POST" | "PATCH" | "DELETE" } = {},
): Promise<T> {
  const { method = "POST", ...rest } = options;
  const init = {
    headers: { ...headers(), "Content-Type": "application/json" },
    body: JSON.stringify(body),
  };
  return timed(rest, async (how) => json<T>(await request(method, path, init, how)));
}

/** PUT a part of a file. */
export async function put<T>(path: string, part: Blob, options: Untimed = {}): Promise<T> {
  const init = {
    headers: { ...headers(), "Content-Type": "application/octet-stream" },
    body: part,
  };
  return json<T>(await request("PUT", path, init, options));
}

/** One sentence for people about any error. */
export function sentence(error: unknown): string {
  if (error instanceof ApiError) {
    const { message, hint } = error.problem;
    return hint ? `${message} ${hint}` : message;
  }
  return error instanceof Error ? error.message : String(error);
}

/** A number that no two requests share. */
export function uuid(): string {
  // randomUUID exists in secure contexts only, and a laboratory's server may speak plain HTTP
  if (typeof crypto.randomUUID === "function") return crypto.randomUUID();
  const b = crypto.getRandomValues(new Uint8Array(16));
  b[6] = (b[6]! & 0x0f) | 0x40;
  b[8] = (b[8]! & 0x3f) | 0x80;
  const hex = [...b].map((v) => v.toString(16).padStart(2, "0")).join("");
  return hex.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5");
}
