// The frame's rows as figures for the stage. A row that has not changed keeps its figure.
import { computed } from "@preact/signals";
import { paintOf, type Figure, type Ghost, type Scene, type Shape, type Spot } from "../../canvas/figure";
import { matches } from "../../store/labels";
import { COVERED, MODEL } from "../../store/pose";
import { conflict } from "../../store/outbox";
import { frameRows, type FrameRows } from "../../store/rows";
import * as session from "../../store/session";
import * as view from "../../store/view";
import type { InstanceValue, PredictedAnimal, Skeleton } from "../../types.gen";
import * as desk from "./desk";

export const figureKey = (animal: number): string => `label ${animal}`;
export const guessKey = (index: number): string => `guess ${index}`;

/** The animal, or the predicted one, that a figure stands for. */
export function readKey(key: string): { kind: "label" | "guess"; number: number } {
  const [kind, number] = key.split(" ");
  return { kind: kind === "guess" ? "guess" : "label", number: Number(number) };
}

/** Colour of an animal: its place among the individuals; nameless ones follow. */
export function colourOf(animal: number): { colour: string; dash: boolean } {
  const all = session.individuals.value;
  const at = all.findIndex((one) => one.id === animal);
  return paintOf(at >= 0 ? at : all.length + Math.abs(animal) - 1);
}

const cache = new WeakMap<object, Map<string, Figure>>();

function kept(of: object, name: string, make: () => Figure): Figure {
  let figures = cache.get(of);
  if (figures === undefined) cache.set(of, (figures = new Map()));
  let figure = figures.get(name);
  if (figure === undefined) figures.set(name, (figure = make()));
  return figure;
}

function labelFigure(animal: number, value: InstanceValue, keypoints: number, faint: boolean): Figure {
  const { colour, dash } = colourOf(animal);
  const name = session.animalName(animal);
  const key = faint ? `onion ${animal}` : figureKey(animal);
  return kept(value, `${key} ${colour} ${dash} ${name} ${keypoints}`, () => {
    const spots: (Spot | null)[] = Array(keypoints).fill(null);
    for (const [k, x, y, state] of value.points) {
      const seen: Shape = state === COVERED ? "ring" : "disc";
      const shape = value.origin === MODEL ? "dashed" : seen; // interpolated: nobody has looked yet
      if (x !== null && y !== null && k < keypoints) spots[k] = { x, y, shape };
    }
    return { key, colour, dash, name, spots, guess: false, faint };
  });
}

function guessFigure(index: number, animal: PredictedAnimal, spread: boolean): Figure {
  const at = session.individuals.value.length + index;
  const { colour, dash } = animal.animal === null ? paintOf(at) : colourOf(animal.animal);
  return kept(animal, `${index} ${colour} ${spread}`, () => ({
    key: guessKey(index),
    colour,
    dash,
    name: animal.name,
    guess: true,
    spots: animal.points.map(([x, y]) => (x === null || y === null ? null : { x, y, shape: "dashed" })),
    ...(spread && animal.covariance
      ? { spread: animal.covariance.map(([xx, xy, yy]) => ({ xx, xy, yy })) }
      : {}),
  }));
}

const figures = computed<Figure[]>(() => {
  const rows = desk.held.value;
  const keypoints = session.keypoints.value.length;
  const all: Figure[] = [];
  if (desk.onion.value) all.push(...onionSkin(rows, keypoints));
  if (desk.predictions.value && rows.row?.complete !== 1) all.push(...guesses(rows));
  for (const [animal, value] of rows.instances) all.push(labelFigure(animal, value, keypoints, false));
  all.push(...theirs(rows, keypoints));
  return all;
});

function guesses(rows: FrameRows): Figure[] {
  const taken = matches(rows);
  const drawn = desk.preview.value?.guess;
  return [...(rows.prediction?.animals.entries() ?? [])].flatMap(([i, animal]) =>
    taken.has(i) || i === drawn ? [] : [guessFigure(i, animal, desk.spread.value)],
  );
}

/** What somebody else made of the same animals, while a conflict is looked at: "show both". */
function theirs(rows: FrameRows, keypoints: number): Figure[] {
  const open = conflict.value;
  if (open === null || !open.both) return [];
  return open.theirs.flatMap(({ table, key, value }) =>
    table === "instances" && key[0] === rows.video && key[1] === rows.frame && value !== null
      ? [labelFigure(key[2] ?? 0, value as InstanceValue, keypoints, true)]
      : [],
  );
}

/** The labels of the nearest labelled frame, faint. */
function onionSkin(rows: FrameRows, keypoints: number): Figure[] {
  const frame = desk.labelledFrames()[0];
  if (frame === undefined) return [];
  const { instances } = frameRows(rows.video, frame).value;
  return [...instances].map(([animal, value]) => labelFigure(animal, value, keypoints, true));
}

/** Bones and further edges, each once. */
export function edgesOf(skeleton: Skeleton | null): [number, number][] {
  if (skeleton === null) return [];
  const all = new Map<string, [number, number]>();
  const add = (a: number, b: number) => all.set(`${Math.min(a, b)} ${Math.max(a, b)}`, [a, b]);
  skeleton.parent.forEach((parent, k) => parent >= 0 && add(parent, k));
  for (const [a, b] of skeleton.edges) add(a, b);
  return [...all.values()];
}

const edges = computed(() => edgesOf(session.skeleton.value));

const ghost = computed<Ghost | null>(() => {
  const at = desk.aim.value;
  if (at === null || desk.preview.value !== null) return null;
  const set = desk.rows.value.instances.get(at.animal)?.points.some(([k]) => k === at.keypoint);
  if (set || (!desk.ghosting.value && desk.pen.value === null)) return null;
  const where = desk.pen.value ?? desk.ghostAt(at);
  return { ...where, colour: colourOf(at.animal).colour, name: desk.nameOf(at.keypoint) };
});

/** All that lies over the picture. */
export const scene = computed<Scene>(() => {
  const holding = desk.preview.value;
  const animal = holding?.animal ?? view.animal.value;
  return {
    figures: figures.value,
    edges: edges.value,
    names: session.keypoints.value,
    selected: animal === null ? null : figureKey(animal),
    keypoint: view.keypoint.value,
    named: desk.allNames.value ? "all" : "selected",
    ghost: ghost.value,
  };
});
