import { expect, it } from "vitest";
import { listed, toggled } from "./scoring";

it("a key begins a behaviour and the same key ends it", () => {
  const first = toggled(new Map(), "rear", 10);
  expect(first.made).toBeNull();
  const both = toggled(first.begun, "groom", 12);
  const done = toggled(both.begun, "rear", 30);
  expect(done.made).toEqual({ label: "rear", first: 10, last: 30 });
  expect([...done.begun]).toEqual([["groom", 12]]);
  expect(toggled(done.begun, "groom", 4).made).toEqual({ label: "groom", first: 4, last: 12 });
});

it("lists nine behaviours at most, one's own first, each once", () => {
  expect(listed(["rear", " "], ["groom", "rear"])).toEqual(["rear", "groom"]);
  expect(listed([], Array.from({ length: 20 }, (_, i) => `b${i}`))).toHaveLength(9);
});
