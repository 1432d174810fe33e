import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { openPages, running, type Pages } from "./pages";

const open: Pages[] = [];
const page = (tab: string): Pages => {
  const one = openPages(tab);
  open.push(one);
  return one;
};

/** localStorage as far as notes need it: keys are its own properties. */
function storage(): Storage {
  const box: Record<string, string> = {};
  const act = {
    getItem: (key: string) => box[key] ?? null,
    setItem: (key: string, text: string) => void (box[key] = text),
    removeItem: (key: string) => void delete box[key],
  };
  return new Proxy(act, { ownKeys: () => Object.keys(box), getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }) }) as unknown as Storage;
}

beforeEach(() => {
  vi.stubGlobal("navigator", {}); // no Web Locks: plain HTTP in a laboratory
  vi.stubGlobal("localStorage", storage());
});
afterEach(() => {
  for (const one of open.splice(0)) one.close();
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test("without Web Locks pages find each other, and miss those that left", async () => {
  const [here, other] = [page("here"), page("other")];
  expect(here.sure).toBe(false);
  expect(await here.alive()).toEqual(new Set(["here", "other"]));
  other.close();
  expect(await here.alive()).toEqual(new Set(["here"]));
});

test("a page whose note is too old still answers who asks", async () => {
  const here = page("here");
  page("slow");
  localStorage.removeItem("gambol:page:slow");
  expect(await here.alive()).toEqual(new Set(["here", "slow"]));
});

test("a page that was killed counts as running only as long as its note lasts", async () => {
  const here = page("here");
  localStorage.setItem("gambol:page:killed", String(Date.now() + 20_000));
  expect(await here.alive()).toContain("killed");
  localStorage.setItem("gambol:page:killed", String(Date.now() - 1));
  expect(await here.alive()).toEqual(new Set(["here"]));
  expect(localStorage.getItem("gambol:page:killed")).toBeNull();
});

test("where nobody tells which pages run, all may", async () => {
  const silent: Pages = { sure: true, alive: () => new Promise(() => undefined), close: () => undefined };
  vi.useFakeTimers();
  const found = running(silent, ["a", "b"]);
  await vi.advanceTimersByTimeAsync(1100);
  expect(await found).toEqual(new Set(["a", "b"]));
});
