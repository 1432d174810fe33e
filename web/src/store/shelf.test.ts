import { afterEach, expect, test, vi } from "vitest";
import type { Waiting } from "./outbox";
import { memoryShelf, moved, openShelf } from "./shelf";

function one(tab: string, n: number): Waiting {
  return { n, tab, project: "p", edit: { id: `${tab}-${n}`, action: "", changes: [] } };
}

afterEach(() => void vi.useRealTimers());

test("a database that never opens is no shelf after three seconds", async () => {
  vi.useFakeTimers();
  const never = { open: () => ({}) } as unknown as IDBFactory;
  const opened = openShelf(() => never);
  await vi.advanceTimersByTimeAsync(3100);
  expect((await opened).lasts).toBe(false);
});

test("a browser without a database, and one that refuses it, have none", async () => {
  const refuses = (): IDBFactory => {
    throw new DOMException("no", "SecurityError");
  };
  expect((await openShelf(refuses)).lasts).toBe(false);
  expect((await openShelf()).lasts).toBe(false); // there is none here
});

test("moved edits keep their order and get places of their own", () => {
  const all = [one("b", 5), one("a", 5), one("a", 6), one("b", 7)];
  const found = moved(all, "me", new Set([6]));
  expect(new Set(found.map(({ n }) => n)).size).toBe(4);
  expect(found.every(({ tab, n }) => tab === "me" && n !== 6)).toBe(true);
  for (const tab of ["a", "b"]) {
    const places = found.filter(({ edit }) => edit.id.startsWith(tab)).map(({ n }) => n);
    expect(places).toEqual(places.toSorted((x, y) => x - y));
  }
});

test("an edit belongs to one page only", async () => {
  const kept = [one("a", 1), one("b", 1)];
  const shelf = memoryShelf(kept);
  expect((await shelf.tabs()).sort()).toEqual(["a", "b"]);
  await shelf.remove([one("a", 1)]);
  expect(await shelf.others("a")).toEqual([one("b", 1)]);
  expect((await shelf.adopt("c", ({ tab }) => tab === "b")).map(({ tab }) => tab)).toEqual(["c"]);
  expect(await shelf.adopt("d", ({ tab }) => tab === "b")).toEqual([]);
});
