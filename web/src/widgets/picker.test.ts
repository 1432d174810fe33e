import { expect, test } from "vitest";
import type { Entry, Listing } from "../types.gen";
import { entered, entriesOf, folderOf, inRoot } from "./picker";

const folder = (name: string): Entry => ({ name, kind: "folder", bytes: null, id: `id of ${name}` });

test("the folder that may be chosen is the one that is shown", () => {
  let at = inRoot(0);
  expect(folderOf(at)).toBeNull();
  at = entered(entered(at, folder("mice")), folder("day 1"));
  expect(folderOf(at)?.id).toBe("id of day 1");
  at = entered(at, folder(".."));
  expect(folderOf(at)?.id).toBe("id of mice");
  expect(folderOf(inRoot(1))).toBeNull(); // another root
});

test("entries of another place are not taken for those of this one", () => {
  const listing: Listing = { root: 0, roots: ["/a", "/b"], dir: "mice", entries: [folder("day 1")], more: 0 };
  const mice = entered(inRoot(0), folder("mice"));
  expect(entriesOf(listing, mice)).toEqual([folder("day 1")]);
  for (const other of [inRoot(0), inRoot(1), entered(inRoot(1), folder("mice"))])
    expect(entriesOf(listing, other)).toEqual([]);
});
