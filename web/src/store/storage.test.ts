import { expect, test } from "vitest";
import { store, stored } from "./storage";

test("what was kept is read again", () => {
  store("t", { a: [1] });
  expect(stored("t", {})).toEqual({ a: [1] });
  store("n", null);
  expect(stored<number | null>("n", null)).toBeNull();
});

test("what is missing, or of another kind, is as if it were not there", () => {
  expect(stored("missing", 7)).toBe(7);
  store("kind", "text");
  expect(stored("kind", 7)).toBe(7);
  store("list", [1]);
  expect(stored("list", {})).toEqual({});
});
