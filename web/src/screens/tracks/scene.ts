// Bodies of the open frame as figures for the stage, with the way they came and go.
import { computed } from "@preact/signals";
import { paintOf, type Figure, type Scene } from "../../canvas/figure";
import type { XY } from "../../canvas/transform";
import * as session from "../../store/session";
import * as view from "../../store/view";
import { edgesOf } from "../label/scene";
import * as desk from "./desk";
import { DRAWN, middleOf, NOBODY, type Body } from "./packed";

export const AMBER = "#ffb000"; // of who is nobody
const TRAIL_S = 1; // of the way before and after

export const keyOf = (body: Body): string =>
  body.animal === NOBODY ? `row ${body.row}` : `animal ${body.animal}`;

/** The way of an animal around a frame; null where it is not seen. */
function trailOf(animal: number, frame: number, around: number): (XY | null)[] {
  const way: (XY | null)[] = [];
  for (let at = frame - around; at <= frame + around; at++)
    way.push(middleOf(desk.bodiesAt(at)?.find((body) => body.animal === animal)));
  return way;
}

const figures = computed<Figure[]>(() => {
  void desk.read.value;
  const frame = view.frame.value;
  const around = Math.min(Math.round(TRAIL_S * (desk.run.value?.fps || 25)), 60);
  return desk.bodies.value.map((body) => {
    const nobody = body.animal === NOBODY;
    const drawn = body.row === DRAWN;
    const { colour, dash } = nobody ? { colour: AMBER, dash: true } : paintOf(body.animal);
    return {
      key: keyOf(body),
      colour,
      dash,
      name: nobody ? "nobody" : `${desk.names.value[body.animal] ?? ""}${drawn ? " (interpolated)" : ""}`,
      spots: body.points.map((at) =>
        at === null ? null : { ...at, shape: drawn ? ("dashed" as const) : ("disc" as const) },
      ),
      guess: nobody || drawn,
      ...(nobody ? {} : { trail: trailOf(body.animal, frame, around) }),
    };
  });
});

const edges = computed(() => edgesOf(session.skeleton.value));

export const scene = computed<Scene>(() => {
  const { value } = desk.chosen;
  const selected = value === null ? null : "row" in value ? `row ${value.row}` : `animal ${value.animal}`;
  const first = figures.value[0]?.spots.length ?? 0;
  return {
    figures: figures.value,
    // the skeleton of the tracks may be another one than the project's
    edges: edges.value.filter(([a, b]) => a < first && b < first),
    names: session.keypoints.value,
    selected,
    keypoint: null,
    named: "none",
    ghost: null,
  };
});
