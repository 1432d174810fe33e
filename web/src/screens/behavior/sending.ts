// Decisions and bouts on their way: each has a number, is sent until it is answered, and waits
// in the browser where a reload finds it. Sent twice it happens once.
import { ApiError, forGood, notNow, post, sentence, uuid } from "../../api";
import { refused } from "../../store/session";
import { store, stored } from "../../store/storage";

/** One request that waits. */
export interface Waiting {
  id: string;
  project: string;
  path: string;
  body: Record<string, unknown>;
}

interface Answering {
  resolve(answer: unknown): void;
  reject(error: unknown): void;
}

const SHELF = "behavior.waiting";
const RETRY_MS = [300, 600, 1000, 2000, 3000];
const ANSWER_MS = 30_000; // a frozen server, a cable pulled: ask again, by then on a new line
const answering = new Map<string, Answering>();
let queue: Waiting[] = [];
let project = "";
let running = false;
let failures = 0;
let timer: ReturnType<typeof setTimeout> | undefined;

/** Begin: what an earlier page of this project left is sent first; returns how much it is. */
export function openSending(name: string): number {
  if (name === project) return 0;
  project = name;
  const ids = new Set(queue.map((one) => one.id));
  const left = stored<Waiting[]>(SHELF, []).filter((one) => one.project === name && !ids.has(one.id));
  queue = [...left, ...queue];
  void flush();
  return left.length;
}

/** How many requests wait for an answer. */
export const pending = (): number => queue.length;

/** Send a request with a number of its own, after those before it; again while nobody answers. */
export function send<T>(path: string, body: object): Promise<T> {
  const id = uuid();
  const one = { id, project, path, body: { ...body, id } };
  queue.push(one);
  keep(one, true);
  const answer = new Promise<unknown>((resolve, reject) => answering.set(id, { resolve, reject }));
  void flush();
  return answer as Promise<T>;
}

/** Forget everything in memory; tests. */
export function closeSending(): void {
  clearTimeout(timer);
  queue = [];
  answering.clear();
  project = "";
  running = false;
  failures = 0;
}

/** Put a request on the shelf, or take it away; other pages have theirs there, too. */
function keep(one: Waiting, waits: boolean): void {
  const others = stored<Waiting[]>(SHELF, []).filter((other) => other.id !== one.id);
  store(SHELF, waits ? [...others, one] : others);
}

async function flush(): Promise<void> {
  if (running) return;
  clearTimeout(timer);
  running = true;
  try {
    for (let one = queue[0]; one !== undefined; one = queue[0]) await sendOne(one);
  } catch {
    failures += 1;
    timer = setTimeout(() => void flush(), RETRY_MS[Math.min(failures, RETRY_MS.length) - 1]);
  } finally {
    running = false;
  }
}

/** Send the first request; throws where it has to be sent again. */
async function sendOne(one: Waiting): Promise<void> {
  const waiter = answering.get(one.id);
  try {
    const answer = await post<unknown>(one.path, one.body, { within: ANSWER_MS });
    done(one);
    waiter?.resolve(answer);
  } catch (error) {
    if (notNow(error)) refused.value = sentence(error);
    if (!lasts(error)) throw error;
    done(one);
    waiter?.reject(error);
  }
  failures = 0;
  refused.value = "";
}

/** Whether a request will never be taken: it is wrong, or what it is about is gone. */
function lasts(error: unknown): boolean {
  return forGood(error) || (error instanceof ApiError && error.status === 404 && error.problem.code !== "http");
}

function done(one: Waiting): void {
  queue = queue.filter((other) => other.id !== one.id);
  answering.delete(one.id);
  keep(one, false);
}
