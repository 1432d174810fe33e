import { expect, test } from "vitest";
import { lonely, nameProblems } from "./store/skeletons";
import { TEMPLATES, templateOf } from "./templates";

test.each(TEMPLATES.map((one) => [one.title, one.skeleton] as const))(
  "%s: as many keypoints as its title says, one tree, all sides paired",
  (title, skeleton) => {
    expect(skeleton.keypoints.length).toBe(Number(/(\d+)$/.exec(title)![1]));
    expect(nameProblems(skeleton.keypoints)).toEqual([]);
    expect(lonely(skeleton.keypoints)).toEqual([]);
    expect(skeleton.parent.filter((p) => p < 0)).toHaveLength(1);
    skeleton.swap.forEach((k, j) => {
      if (k < 0) return;
      const [p, q] = [skeleton.parent[j]!, skeleton.parent[k]!];
      expect(skeleton.swap[p]! >= 0 ? skeleton.swap[p] : p).toBe(q); // parents mirror, too
    });
  },
);

test("a template is known by its names", () => {
  const { skeleton } = TEMPLATES[1]!;
  expect(templateOf(skeleton.keypoints)).toBe(skeleton);
  expect(templateOf(["nose"])).toBeUndefined();
});
