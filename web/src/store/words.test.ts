import { expect, test } from "vitest";
import type { InstanceValue, Theirs } from "../types.gen";
import { individuals } from "./session";
import * as words from "./words";

const NOW = Date.parse("2026-01-01T12:00:00Z");

test.each([
  ["2026-01-01T11:59:52Z", "8 s ago"],
  ["2026-01-01T12:00:05Z", "0 s ago"], // a clock that is ahead
  ["2026-01-01T11:50:00Z", "10 min ago"],
  ["2026-01-01T07:00:00Z", "5 h ago"],
  ["never", "never"],
])("%s was %s", (at, said) => expect(words.ago(at, NOW)).toBe(said));

test("a conflict names the person, the animal, how much and when", () => {
  individuals.value = [{ id: 1, name: "mouse 1" }];
  const saw: InstanceValue = { origin: 0, points: [[0, 1, 1, 2], [1, 5, 5, 2], [2, 9, 9, 2]] };
  const value: InstanceValue = { origin: 0, points: [[0, 1, 1, 2], [1, 6, 5, 2], [3, 1, 1, 1]] };
  const one: Theirs = {
    table: "instances",
    key: [1, 812, 1],
    value,
    by: "Mei",
    at: "2026-01-01T11:59:52Z",
    seq: 9,
  };
  expect(words.deed(one, saw, NOW)).toBe("Mei moved 3 points of mouse 1, 8 s ago");
  expect(words.deed({ ...one, value: null }, saw, NOW)).toBe("Mei deleted mouse 1, 8 s ago");
  expect(words.deed(one, null, NOW)).toBe("Mei labelled mouse 1, 8 s ago");
  expect(words.deed(one, undefined, NOW)).toBe("Mei changed mouse 1, 8 s ago");
  expect(words.deed({ ...one, table: "frames" }, null, NOW)).toContain("changed this frame");
});

test("numbers and sizes", () => {
  expect(words.grouped(54000)).toBe("54\u202f000");
  expect(words.grouped(812)).toBe("812");
  expect(words.count(1, "edit")).toBe("1 edit");
  expect(words.count(2000, "edit")).toBe("2\u202f000 edits");
  expect([words.size(0), words.size(999), words.size(7_400_000)]).toEqual(["0 B", "999 B", "7.4 MB"]);
});
