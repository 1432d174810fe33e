// What is drawn over each view: what was seen, what the 3D point looks like, errors, epipolar lines.
import { paintOf, type Figure, type Scene, type Spot } from "../../canvas/figure";
import type { XY } from "../../canvas/transform";
import { rayIn } from "./cameras";
import * as desk from "./desk";
import { LEFT_OUT, type Point } from "./packed";

export const GHOST = "#ffffff";
const LEFT = "#9aa0a8"; // of what is left out
const WORDS_PX = 2; // an error below which no arrow is drawn, px of the stage at ×1

/** Green, amber, red: below the camera's p95, above it, twice as far. */
export function colourOf(error: number, p95: number | undefined): string {
  const ratio = error / (p95 ?? Infinity);
  return ratio < 1 ? "#3fcf9f" : ratio < 2 ? "#ffb000" : "#ff6b5e";
}

/** An arrow as lines: the shaft and two barbs, drawn `times` its length. */
export function arrow(from: XY, to: XY, times: number): (XY | null)[] {
  const [dx, dy] = [(to.x - from.x) * times, (to.y - from.y) * times];
  const tip = { x: from.x + dx, y: from.y + dy };
  const barb = (turn: number): XY => ({
    x: tip.x - 0.25 * (dx * Math.cos(turn) - dy * Math.sin(turn)),
    y: tip.y - 0.25 * (dx * Math.sin(turn) + dy * Math.cos(turn)),
  });
  return [from, tip, null, barb(0.5), tip, barb(-0.5)];
}

/** Colour of a camera's lines in the other views. */
export function cameraColour(name: string): string {
  const n = desk.run.value?.views.findIndex((one) => one.camera === name) ?? 0;
  return paintOf(n + 1).colour;
}

export const figureKey = (animal: number): string => `seen ${animal}`;
export const animalOf = (key: string): number => Number(key.split(" ")[1]);

function line(key: string, colour: string, trail: (XY | null)[]): Figure {
  return { key, colour, dash: false, name: "", spots: [], guess: true, faint: true, trail };
}

function spotOf(one: Point["views"][number] | undefined): Spot | null {
  if (!one || one.at === null) return null;
  return { ...one.at, shape: one.state === LEFT_OUT || (one.outlier ?? 0) > 0.5 ? "ring" : "disc" };
}

function ofAnimal(name: string, view: number, keypoints: readonly Point[], animal: number): Figure[] {
  const { colour, dash } = paintOf(animal);
  const held = desk.held.value?.animal === animal ? desk.held.value : null;
  const spots = keypoints.map((one, k): Spot | null => {
    if (held?.keypoint === k && held.camera === name) return { ...held.at, shape: "disc" };
    return spotOf(one.views[view]);
  });
  const ghosts = keypoints.map((one, k): Spot | null => {
    const at = desk.image(name, held?.keypoint === k ? held.xyz : one.xyz);
    return at === null ? null : { ...at, shape: "dashed" };
  });
  const arrows = keypoints.flatMap((one, k) => {
    const [from, to, error] = [spots[k], ghosts[k], one.views[view]?.residual ?? null];
    if (!from || !to || error === null || held?.keypoint === k) return [];
    if (error * desk.scale.value < WORDS_PX) return [];
    const gone = one.views[view]?.state === LEFT_OUT;
    const paint = gone ? LEFT : colourOf(error, desk.queue.value?.p95[name]);
    return [line(`error ${animal} ${k}`, paint, arrow(from, to, desk.scale.value))];
  });
  const seen = { key: figureKey(animal), colour, dash, name: "", spots, guess: false };
  const ghost = { key: `ghost ${animal}`, colour: GHOST, dash: true, name: "", spots: ghosts, guess: true, faint: held === null };
  return [...arrows, ghost, seen];
}

/** While a point is held: its ray, at pointer rate. */
function rayOf(name: string): Figure[] {
  const held = desk.held.value;
  const [from, to] = [desk.rows.value.get(held?.camera ?? ""), desk.rows.value.get(name)];
  if (!held?.xyz || held.camera === name || !from || !to || desk.lines.value === "off") return [];
  return [line(`ray ${held.camera}`, cameraColour(held.camera), rayIn(from, held.at, held.xyz, to))];
}

/** Everything over one view. */
export function sceneOf(name: string): Scene {
  const now = desk.run.value;
  const view = now?.views.findIndex((one) => one.camera === name) ?? -1;
  const moment = desk.points.value ?? [];
  const which = desk.chosen.value;
  const held = desk.held.value;
  const curves = desk.curves.value
    .filter(({ from, to }) => to.camera === name && from !== held?.camera)
    .flatMap(({ from, to }) =>
      to.parts.map((part, k) => line(`line ${from} ${k}`, cameraColour(from), part.map(([x, y]) => ({ x, y })))),
    );
  const errors = which === null ? [] : (moment[which.animal] ?? []).map((one) => one.views[view]?.residual ?? null);
  const names = (now?.keypoints ?? []).map((word, k) => {
    const error = errors[k];
    return error === null || error === undefined ? word : `${word} ${error.toFixed(1)}`;
  });
  return {
    figures: [...curves, ...rayOf(name), ...moment.flatMap((one, animal) => ofAnimal(name, view, one, animal))],
    edges: now?.edges ?? [],
    names,
    selected: which === null ? null : figureKey(which.animal),
    keypoint: which?.keypoint ?? null,
    named: "selected",
    ghost: null,
  };
}

/** Root mean square of the errors of a view now, px; null where it saw nothing. */
export function rmsOf(name: string): number | null {
  const view = desk.run.value?.views.findIndex((one) => one.camera === name) ?? -1;
  const all = (desk.points.value ?? []).flat().flatMap((one) => {
    const { residual, state, outlier } = one.views[view] ?? {};
    return residual != null && state !== LEFT_OUT && (outlier ?? 1) < 0.5 ? [residual] : [];
  });
  return all.length === 0 ? null : Math.sqrt(all.reduce((sum, e) => sum + e * e, 0) / all.length);
}
