import { expect, test } from "vitest";
import { ended } from "./ended";

test("it is done when few swaps are left and nothing is open; else it says what is", () => {
  expect(ended(0.6, 3)).toBeNull();
  expect(ended(0.5, 0)).toBeNull();
  expect(ended(0.2, 0)).toBe("done: fewer than one swap in two recordings like this is left");
  expect(ended(0.2, 1)).toMatch(/^swaps are done: .* 1 check is still open$/);
  expect(ended(0.2, 2)).toMatch(/2 checks are still open$/);
});
