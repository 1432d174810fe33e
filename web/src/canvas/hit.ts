// What lies below the pointer: a marker, a handle of the selected animal, or the picture.
import type { Figure } from "./figure";
import { boxOf, toScreen, type Box, type View, type XY } from "./transform";

export type Pointer = "mouse" | "touch" | "pen";

export type Part = "move" | "turn" | "scale";

export type Target =
  | { readonly kind: "marker"; readonly figure: string; readonly keypoint: number; readonly distance: number }
  | { readonly kind: "handle"; readonly part: Part; readonly centre: XY }
  | { readonly kind: "picture" };

const RADIUS: Record<Pointer, number> = { mouse: 10, pen: 10, touch: 24 }; // CSS px
const PREFER = 4; // CSS px by which a marker of the selected animal may be farther away
const PAD = 14; // between an animal and its box
const LEVER = 26; // from the box to the handle that turns
const EDGE = 5; // half the width of the box's line for the pointer

/** The marker nearest to a place of the stage; ties go to the selected animal, then to labels. */
export function hitMarker(
  figures: readonly Figure[],
  view: View,
  at: XY,
  pointer: Pointer,
  selected: string | null,
): Target | null {
  let best: { figure: string; keypoint: number; distance: number } | null = null;
  let least = Infinity;
  for (const figure of figures) {
    if (figure.faint) continue;
    const handicap = (figure.key === selected ? -PREFER : 0) + (figure.guess ? PREFER / 2 : 0);
    for (const [keypoint, spot] of figure.spots.entries()) {
      if (spot === null) continue;
      const there = toScreen(view, spot);
      const distance = Math.hypot(there.x - at.x, there.y - at.y);
      if (distance > RADIUS[pointer] || distance + handicap >= least) continue;
      least = distance + handicap;
      best = { figure: figure.key, keypoint, distance };
    }
  }
  return best === null ? null : { kind: "marker", ...best };
}

/** The box of an animal on the stage, CSS pixels; null with fewer than two points. */
export function boxOnStage(figure: Figure, view: View): Box | null {
  const spots = figure.spots.filter((spot) => spot !== null);
  const box = spots.length < 2 ? null : boxOf(spots.map((spot) => toScreen(view, spot)));
  return (
    box && {
      left: box.left - PAD,
      top: box.top - PAD,
      right: box.right + PAD,
      bottom: box.bottom + PAD,
    }
  );
}

/** Where the handle that turns lies. */
export function lever(box: Box): XY {
  return { x: (box.left + box.right) / 2, y: box.top - LEVER };
}

/** The handle of the selected animal's box below the pointer. */
export function hitHandle(figure: Figure, view: View, at: XY, pointer: Pointer): Target | null {
  const box = boxOnStage(figure, view);
  if (box === null) return null;
  const reach = RADIUS[pointer];
  const near = (spot: XY) => Math.hypot(spot.x - at.x, spot.y - at.y) <= reach;
  const handle = (part: Part): Target => ({ kind: "handle", part, centre: middle(figure) });
  if (near(lever(box))) return handle("turn");
  const corners = [box.left, box.right].flatMap((x) => [box.top, box.bottom].map((y) => ({ x, y })));
  if (corners.some(near)) return handle("scale");
  const edge = pointer === "touch" ? EDGE * 2 : EDGE;
  const within = (low: number, high: number, value: number) =>
    value >= low - edge && value <= high + edge;
  const onLine =
    within(box.left, box.right, at.x) &&
    within(box.top, box.bottom, at.y) &&
    Math.min(
      Math.abs(at.x - box.left),
      Math.abs(at.x - box.right),
      Math.abs(at.y - box.top),
      Math.abs(at.y - box.bottom),
    ) <= edge;
  return onLine ? handle("move") : null;
}

/** The centre of an animal's box in the video, about which it turns and grows. */
export function middle(figure: Figure): XY {
  const box = boxOf(figure.spots.filter((spot) => spot !== null));
  return box === null
    ? { x: 0, y: 0 }
    : { x: (box.left + box.right) / 2, y: (box.top + box.bottom) / 2 };
}
