import { afterEach, beforeEach, expect, test, vi } from "vitest";
import * as session from "../../store/session";
import { store, stored } from "../../store/storage";
import { closeSending, openSending, pending, send, type Waiting } from "./sending";

const bodies: { path: string; id: string; do: string }[] = [];
let answers: (() => Promise<Response>)[] = [];

beforeEach(() => {
  vi.useFakeTimers();
  bodies.length = 0;
  answers = [];
  store("behavior.waiting", []);
  session.refused.value = "";
  vi.stubGlobal("fetch", (path: string, init: RequestInit) => {
    bodies.push({ path, ...(JSON.parse(String(init.body)) as { id: string; do: string }) });
    const late = new Promise<never>((_, reject) => {
      const gone = (): void => reject(new DOMException("aborted", "AbortError"));
      init.signal?.addEventListener("abort", gone);
    });
    return Promise.race([(answers.shift() ?? good)(), late]);
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

test.each([401, 403, 423, 429, 500, 503, 507])("a decision that is answered with %s is kept, and sent again", async (status) => {
  openSending("p");
  const no = (): Promise<Response> => Promise.resolve(new Response('{"code":"full","message":"Not now."}', { status }));
  answers = [no, no];
  const said = send("bouts", { do: "add" });
  await vi.advanceTimersByTimeAsync(10);
  expect(pending()).toBe(1);
  expect(stored<Waiting[]>("behavior.waiting", [])).toHaveLength(1);
  expect(session.refused.value).toBe([500, 503].includes(status) ? "" : "Not now.");
  await vi.advanceTimersByTimeAsync(10_000);
  expect(await said).toEqual({ ok: 1 });
  expect(bodies.map((one) => one.do)).toEqual(["add", "add", "add"]);
  expect(session.refused.value).toBe("");
});

test("a decision about a run that was deleted holds nothing up", async () => {
  openSending("p");
  answers = [() => Promise.resolve(new Response('{"code":"missing","message":"gone"}', { status: 404 }))];
  const wrong = send("bouts", { do: "add" }).catch((error: Error) => error.message);
  await vi.advanceTimersByTimeAsync(10);
  expect(await wrong).toBe("gone");
  expect(pending()).toBe(0);
});

test("a server that is frozen is asked again", async () => {
  openSending("p");
  answers = [() => new Promise(() => undefined)];
  for (const what of ["add", "undo"]) void send("bouts", { do: what });
  await vi.advanceTimersByTimeAsync(40_000);
  expect(pending()).toBe(0);
  expect(bodies.map((one) => one.do)).toEqual(["add", "add", "undo"]);
});
