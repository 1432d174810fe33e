import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { store, stored } from "../../store/storage";
import { closeSending, openSending, pending, send, type Waiting } from "./sending";

const bodies: { path: string; id: string; do: string }[] = [];
let answers: (() => Promise<Response>)[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  bodies.length = 0;
  answers = [];
  store("behavior.waiting", []);
  vi.stubGlobal("fetch", (path: string, init: RequestInit) => {
    bodies.push({ path, ...(JSON.parse(String(init.body)) as { id: string; do: string }) });
    return (answers.shift() ?? good)();
  });
});
afterEach(() => {
  closeSending();
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

const good = (): Promise<Response> => Promise.resolve(new Response('{"ok":1}', { status: 200 }));
const lost = (): Promise<Response> => Promise.reject(new TypeError("network"));
const refused = (): Promise<Response> =>
  Promise.resolve(new Response('{"code":"input","message":"no"}', { status: 422 }));

test("a lost answer is asked for again with the same number, and the next one waits", async () => {
  openSending("p");
  answers = [lost, lost];
  const both = [send("bouts", { do: "add" }), send("bouts", { do: "undo" })];
  await vi.advanceTimersByTimeAsync(5000);
  expect(await Promise.all(both)).toEqual([{ ok: 1 }, { ok: 1 }]);
  expect(bodies.map((one) => one.do)).toEqual(["add", "add", "add", "undo"]);
  expect(new Set(bodies.slice(0, 3).map((one) => one.id)).size).toBe(1);
  expect(pending()).toBe(0);
  expect(stored<Waiting[]>("behavior.waiting", [])).toEqual([]);
});

test("what is refused is told, and what comes after it goes on", async () => {
  openSending("p");
  answers = [refused];
  const wrong = send("bouts", { do: "add" }).catch((error: Error) => error.message);
  const right = send("bouts", { do: "undo" });
  await vi.advanceTimersByTimeAsync(10);
  expect(await wrong).toBe("no");
  expect(await right).toEqual({ ok: 1 });
});

test("a page that was closed leaves what waits to the next one of the same project", async () => {
  openSending("p");
  answers = [lost];
  void send("bouts", { do: "add" });
  await vi.advanceTimersByTimeAsync(10);
  const first = bodies[0]!.id;
  closeSending();
  expect(openSending("other")).toBe(0);
  expect(openSending("p")).toBe(1);
  await vi.advanceTimersByTimeAsync(10);
  expect(bodies.at(-1)).toMatchObject({ id: first, do: "add" });
  expect(stored<Waiting[]>("behavior.waiting", [])).toEqual([]);
});
