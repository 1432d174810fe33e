import { expect, test } from "vitest";
import { halves } from "./elided";

test.each([
  ["nose", "", "nose"],
  ["left ear", "left ", "ear"],
  ["forelegL1", "foreleg", "L1"],
  ["hind_paw_left", "hind_paw_", "left"],
  ["midlegR12", "midleg", "R12"],
  ["tailbase", "tailb", "ase"],
  ["leftHindpawmiddle", "leftHindpawmid", "dle"],
])("%s is cut in its middle", (name, head, tail) => {
  expect(halves(name)).toEqual([head, tail]);
});
