import { expect, test } from "vitest";
import { TEMPLATES } from "../templates";
import type { Skeleton } from "../types.gen";
import * as skeletons from "./skeletons";

test.each([
  ["leftear", "rightear"],
  ["Left_Ear", "Right_Ear"],
  ["paw_R", "paw_L"],
  ["L-eye", "R-eye"],
  ["eyeL", "eyeR"],
  ["LHand", "RHand"],
  ["forelegR2", "forelegL2"],
  ["paw1LH", "paw1RH"],
  ["tailbase", null],
  ["nose", null],
  ["Label", null],
  ["", null],
])("the other side of %s is %s, as the server says", (name, other) => {
  expect(skeletons.mirroredName(name)).toBe(other);
});

test("pairs are mutual, and a name without its partner has none", () => {
  const names = ["nose", "ear_l", "ear_r", "left_hip", "tail"];
  expect(skeletons.guessSwap(names)).toEqual([-1, 2, 1, -1, -1]);
  expect(skeletons.lonely(names)).toEqual(["left_hip"]);
});

test("names are read from lines, commas, quotes or spaces", () => {
  expect(skeletons.parseNames("nose\nleft ear\n\n right ear ")).toEqual([
    "nose",
    "left ear",
    "right ear",
  ]);
  expect(skeletons.parseNames('"a", "b"; c')).toEqual(["a", "b", "c"]);
  expect(skeletons.parseNames("nose ear tail")).toEqual(["nose", "ear", "tail"]);
  expect(skeletons.parseNames("  ")).toEqual([]);
});

test("names that contradict are said", () => {
  expect(skeletons.nameProblems(["a", "b"])).toEqual([]);
  expect(skeletons.nameProblems([])).toHaveLength(1);
  expect(skeletons.nameProblems(["a", "a", ""])).toHaveLength(2);
});

const MOUSE: Skeleton = {
  name: "mouse",
  keypoints: ["nose", "ear_l", "ear_r", "tail"],
  parent: [-1, 0, 0, 0],
  swap: [-1, 2, 1, -1],
  edges: [[1, 2]],
};

test("a skeleton that is opened and closed is the same", () => {
  for (const skeleton of [MOUSE, ...TEMPLATES.map((one) => one.skeleton)]) {
    const closed = skeletons.closeDraft(skeletons.draftOf(skeleton));
    expect(closed.skeleton).toEqual(skeleton);
    expect(closed.source).toEqual(skeleton.keypoints.map((_, j) => j));
  }
});

test("order moves everything that hangs on it", () => {
  const draft = skeletons.draftOf(MOUSE);
  draft.rows.reverse();
  const { skeleton, source } = skeletons.closeDraft(draft);
  expect(source).toEqual([3, 2, 1, 0]);
  expect(skeleton.parent).toEqual([3, 3, 3, -1]);
  expect(skeleton.swap).toEqual([-1, 2, 1, -1]);
  expect(skeletons.keepsNumbers(source, 4)).toBe(false);
});

test("renaming and appending keep the numbers of labels", () => {
  const draft = skeletons.draftOf(MOUSE);
  draft.rows[0]!.name = "snout";
  draft.rows.push({ name: "hip", was: -1, parent: null, pair: null });
  const { skeleton, source } = skeletons.closeDraft(draft);
  expect(skeleton.keypoints).toEqual(["snout", "ear_l", "ear_r", "tail", "hip"]);
  expect(skeletons.keepsNumbers(source, 4)).toBe(true);
});

test("a removed keypoint leaves no pair, bone or edge behind", () => {
  const draft = skeletons.draftOf(MOUSE);
  skeletons.removeRow(draft, draft.rows[0]!);
  skeletons.removeRow(draft, draft.rows[0]!);
  const { skeleton, source } = skeletons.closeDraft(draft);
  expect(skeleton).toMatchObject({ keypoints: ["ear_r", "tail"], parent: [-1, -1], swap: [-1, -1] });
  expect(skeleton.edges).toEqual([]);
  expect(source).toEqual([2, 3]);
});

test("pairing again ends the old pair on both sides", () => {
  const draft = skeletons.draftOf(MOUSE);
  skeletons.pairRows(draft.rows[1]!, draft.rows[3]!);
  expect(skeletons.closeDraft(draft).skeleton.swap).toEqual([-1, 3, -1, 1]);
});

test("lines are bones while that makes a tree, edges else, and go again", () => {
  const draft = skeletons.draftOf({ ...MOUSE, parent: [-1, -1, -1, -1], edges: [] });
  const [a, b, c] = draft.rows as [skeletons.Draft, skeletons.Draft, skeletons.Draft];
  skeletons.joinRows(draft, a, b);
  skeletons.joinRows(draft, b, c);
  skeletons.joinRows(draft, c, a); // would close the circle
  const closed = skeletons.closeDraft(draft).skeleton;
  expect(closed.parent).toEqual([-1, 0, 1, -1]);
  expect(closed.edges).toEqual([[2, 0]]);
  expect(skeletons.hangable(draft, a)).toEqual([draft.rows[3]]);
  for (const [p, q] of [[a, b], [b, c], [a, c]] as const) skeletons.partRows(draft, p, q);
  expect(skeletons.closeDraft(draft).skeleton).toMatchObject({ parent: [-1, -1, -1, -1], edges: [] });
});

test("a change with a new order shows the skeleton in it", () => {
  expect(skeletons.plainSkeleton({ skeleton: MOUSE, order: [0, 1, 2, 3] })).toBe(MOUSE);
  expect(skeletons.plainSkeleton(MOUSE)).toBe(MOUSE);
  expect(skeletons.plainSkeleton(null)).toBeNull();
});
