// Between pixels of the video and pixels of the screen: an integer is the centre of a pixel.

export interface XY {
  readonly x: number;
  readonly y: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** CSS pixels of the stage: video pixel (i, j) covers [i, i + 1) · zoom + (x, y). */
export interface View {
  readonly zoom: number; // CSS pixels a video pixel
  readonly x: number; // where the left edge of pixel column 0 lies
  readonly y: number;
}

const CENTRE = 0.5; // of a pixel, from its edge
const GRAIN = 1024; // stored positions are multiples of 1/1024 px, so rounding of floats is gone
export const MIN_ZOOM = 1 / 32;
export const MAX_ZOOM = 64;

/** Where a point of the video lies on the stage, CSS pixels. */
export function toScreen(view: View, at: XY): XY {
  return { x: (at.x + CENTRE) * view.zoom + view.x, y: (at.y + CENTRE) * view.zoom + view.y };
}

/** The point of the video below a place of the stage; the centre of pixel 100 is 100 exactly. */
export function toVideo(view: View, at: XY): XY {
  return {
    x: grain((at.x - view.x) / view.zoom - CENTRE),
    y: grain((at.y - view.y) / view.zoom - CENTRE),
  };
}

/** Whether a point lies on a pixel of the picture. */
export function inside(picture: Size, at: XY): boolean {
  const low = -CENTRE;
  return (
    at.x >= low && at.y >= low && at.x < picture.width + low && at.y < picture.height + low
  );
}

/** The nearest point of the picture. */
export function clampTo(picture: Size, at: XY): XY {
  return {
    x: Math.min(Math.max(at.x, 0), picture.width - 1),
    y: Math.min(Math.max(at.y, 0), picture.height - 1),
  };
}

/** The whole picture, in the middle. */
export function fit(picture: Size, stage: Size): View {
  const zoom = clampZoom(
    Math.min(stage.width / picture.width, stage.height / picture.height),
  );
  return centred(picture, stage, zoom);
}

/** The picture at a zoom, its centre in the middle of the stage. */
export function centred(picture: Size, stage: Size, zoom: number): View {
  return {
    zoom,
    x: (stage.width - picture.width * zoom) / 2,
    y: (stage.height - picture.height * zoom) / 2,
  };
}

/** A box of the video, with a margin around it in parts of its size. */
export function fitBox(box: Box, stage: Size, margin = 0.6): View {
  const width = Math.max(box.right - box.left, 8);
  const height = Math.max(box.bottom - box.top, 8);
  const grow = 1 + margin;
  const zoom = clampZoom(Math.min(stage.width / (width * grow), stage.height / (height * grow)));
  const x = (box.left + box.right) / 2 + CENTRE;
  const y = (box.top + box.bottom) / 2 + CENTRE;
  return { zoom, x: stage.width / 2 - x * zoom, y: stage.height / 2 - y * zoom };
}

/** Another zoom; the point of the video below `at` stays below it. */
export function zoomAt(view: View, at: XY, factor: number): View {
  const zoom = clampZoom(view.zoom * factor);
  const grow = zoom / view.zoom;
  return { zoom, x: at.x - (at.x - view.x) * grow, y: at.y - (at.y - view.y) * grow };
}

export function pan(view: View, dx: number, dy: number): View {
  return { zoom: view.zoom, x: view.x + dx, y: view.y + dy };
}

/** Two fingers moved from a, b to c, d: what lay below them still does, as far as possible. */
export function pinch(view: View, a: XY, b: XY, c: XY, d: XY): View {
  const before = Math.hypot(a.x - b.x, a.y - b.y);
  const after = Math.hypot(c.x - d.x, c.y - d.y);
  const middle = { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 };
  const zoomed = before > 0 ? zoomAt(view, middle, after / before) : view;
  return pan(zoomed, (c.x + d.x) / 2 - middle.x, (c.y + d.y) / 2 - middle.y);
}

/** The view moved so far back that a part of the picture stays in sight. */
export function keepInSight(view: View, picture: Size, stage: Size, least = 48): View {
  const between = (value: number, size: number, room: number) =>
    Math.min(Math.max(value, least - size), room - least);
  return {
    zoom: view.zoom,
    x: between(view.x, picture.width * view.zoom, stage.width),
    y: between(view.y, picture.height * view.zoom, stage.height),
  };
}

export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** The smallest box around points, or null where there are none. */
export function boxOf(points: Iterable<XY>): Box | null {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const { x, y } of points) {
    left = Math.min(left, x);
    top = Math.min(top, y);
    right = Math.max(right, x);
    bottom = Math.max(bottom, y);
  }
  return left <= right ? { left, top, right, bottom } : null;
}

function clampZoom(zoom: number): number {
  return Math.min(Math.max(zoom, MIN_ZOOM), MAX_ZOOM);
}

function grain(value: number): number {
  return Math.round(value * GRAIN) / GRAIN;
}
