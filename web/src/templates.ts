// Skeletons to begin with. "name<parent" hangs a keypoint on another; sides are found by name.
import { guessSwap } from "./store/skeletons";
import type { Skeleton } from "./types.gen";

const legs = (side: string, places: readonly string[], joints: readonly string[]): string[] =>
  places.flatMap((place) =>
    joints.map((joint, i) => {
      const parent = i === 0 ? "thorax" : `${place}_${joints[i - 1]}_${side}`;
      return `${place}_${joint}_${side}<${parent}`;
    }),
  );

const TABLE: readonly { title: string; animal: string; points: readonly string[] }[] = [
  {
    title: "Mouse from above, 8",
    animal: "mouse",
    points: [
      "nose<neck", "left_ear<neck", "right_ear<neck", "neck<center", "center",
      "left_hip<tail_base", "right_hip<tail_base", "tail_base<center",
    ],
  },
  {
    title: "Mouse from above, 13",
    animal: "mouse",
    points: [
      "nose<neck", "left_ear<neck", "right_ear<neck", "neck<center", "center",
      "left_shoulder<neck", "right_shoulder<neck", "left_hip<tail_base", "right_hip<tail_base",
      "tail_base<center", "tail_1<tail_base", "tail_2<tail_1", "tail_tip<tail_2",
    ],
  },
  {
    title: "Mouse from the side, 12",
    animal: "mouse",
    points: [
      "nose<eye", "eye<ear", "ear<back", "back", "left_forepaw<back", "right_forepaw<back",
      "hip<back", "left_hindpaw<hip", "right_hindpaw<hip", "tail_base<hip",
      "tail_middle<tail_base", "tail_tip<tail_middle",
    ],
  },
  {
    title: "Fly, 13",
    animal: "fly",
    points: [
      "head<thorax", "thorax", "abdomen<thorax", "wing_L<thorax", "wing_R<thorax",
      "eye_L<head", "eye_R<head", "foreleg_L<thorax", "foreleg_R<thorax", "midleg_L<thorax",
      "midleg_R<thorax", "hindleg_L<thorax", "hindleg_R<thorax",
    ],
  },
  {
    title: "Fly with all joints of its legs, 32",
    animal: "fly",
    points: [
      "head<neck", "eye_L<head", "eye_R<head", "neck<thorax", "thorax", "abdomen<thorax",
      "wing_L<thorax", "wing_R<thorax",
      ...legs("L", ["fore", "mid", "hind"], ["coxa", "femur", "tibia", "claw"]),
      ...legs("R", ["fore", "mid", "hind"], ["coxa", "femur", "tibia", "claw"]),
    ],
  },
  {
    title: "Fish from above, 7",
    animal: "fish",
    points: [
      "snout<body", "left_eye<snout", "right_eye<snout", "body", "tail_base<body",
      "tail_middle<tail_base", "tail_tip<tail_middle",
    ],
  },
];

/** Templates by title. */
export const TEMPLATES: readonly { title: string; skeleton: Skeleton }[] = TABLE.map(
  ({ title, animal, points }) => {
    const keypoints = points.map((point) => point.split("<")[0]!);
    const parent = points.map((point) => keypoints.indexOf(point.split("<")[1] ?? ""));
    const swap = guessSwap(keypoints);
    return { title, skeleton: { name: animal, keypoints, parent, swap, edges: [] } };
  },
);

/** The template that has exactly these names, for its bones. */
export function templateOf(names: readonly string[]): Skeleton | undefined {
  return TEMPLATES.find(({ skeleton }) => skeleton.keypoints.join("\n") === names.join("\n"))
    ?.skeleton;
}
