// Draws animals over the picture: one path a colour for edges, markers and names from sprites.
import { ellipse, type Figure, type Scene, type Shape } from "./figure";
import { boxOnStage, lever } from "./hit";
import type { View, XY } from "./transform";

export type Brush = CanvasRenderingContext2D;

const DARK = "#14161a";
const LIGHT = "#ffffff";
const RADII = [3, 4, 5] as const; // of markers, CSS px: small animals have small ones
const LARGE_PX = 140; // an animal of this size on the stage has the largest markers
const NAMED_PX = 180; // and from this size on, names of all its keypoints
const SELECTED = 2; // px that the selected marker is larger
const HALF = 0.5;
const SQUARE = 0.85; // half the side of a square marker, in radii of a round one
const MANY = 300; // edges, from which they are drawn as hairlines and without dashes

/** Draws the figures that `wanted` names; the brush's canvas is `ratio` device px a CSS px. */
export function paint(
  brush: Brush,
  scene: Scene,
  view: View,
  ratio: number,
  wanted: (figure: Figure) => boolean,
): void {
  const figures = scene.figures.filter(wanted);
  const place = placer(view, ratio);
  for (const figure of figures) if (figure.trail) trail(brush, figure, figure.trail, place, ratio);
  edges(brush, figures, scene.edges, place, ratio);
  for (const figure of figures) {
    if (figure.spread) spreads(brush, figure, view, place, ratio);
    markers(brush, figure, scene, place, ratio, spanOf(figure) * view.zoom);
  }
}

/** Draws what belongs to the selected animal alone: box, handles and ghost. */
export function paintHand(brush: Brush, scene: Scene, view: View, ratio: number): void {
  const figure = scene.figures.find((each) => each.key === scene.selected && !each.guess);
  if (figure !== undefined && scene.keypoint === null) handles(brush, figure, view, ratio);
  if (scene.ghost === null) return;
  const at = placer(view, ratio)(scene.ghost);
  stamp(brush, marker("dashed", scene.ghost.colour, RADII[2] + SELECTED, ratio), at);
  const name = label(`+ ${scene.ghost.name}`, ratio);
  brush.drawImage(name, Math.round(at.x + 10 * ratio), Math.round(at.y - name.height - 4 * ratio));
}

/** Device pixels of a point of the video. */
function placer(view: View, ratio: number): (at: XY) => XY {
  const scale = view.zoom * ratio;
  const dx = view.x * ratio + HALF * scale;
  const dy = view.y * ratio + HALF * scale;
  return (at) => ({ x: at.x * scale + dx, y: at.y * scale + dy });
}

/** The way of an animal as a thin line; it ends where the animal is not seen. */
function trail(
  brush: Brush,
  figure: Figure,
  way: readonly (XY | null)[],
  place: (at: XY) => XY,
  ratio: number,
): void {
  brush.beginPath();
  let down = false;
  for (const spot of way) {
    if (spot === null) {
      down = false;
      continue;
    }
    const at = place(spot);
    if (down) brush.lineTo(at.x, at.y);
    else brush.moveTo(at.x, at.y);
    down = true;
  }
  brush.globalAlpha = 0.75;
  brush.strokeStyle = figure.colour;
  brush.lineWidth = 1.5 * ratio;
  brush.stroke();
  brush.globalAlpha = 1;
}

function edges(
  brush: Brush,
  figures: readonly Figure[],
  pairs: Scene["edges"],
  place: (at: XY) => XY,
  ratio: number,
): void {
  const paths = new Map<string, { path: Path2D; figure: Figure }>();
  const many = figures.length * pairs.length > MANY;
  for (const figure of figures) {
    const dash = figure.dash && !many;
    const kind = `${figure.colour} ${dash} ${figure.guess} ${figure.faint ?? false}`;
    let entry = paths.get(kind);
    if (entry === undefined) paths.set(kind, (entry = { path: new Path2D(), figure }));
    for (const [a, b] of pairs) {
      const [from, to] = [figure.spots[a], figure.spots[b]];
      if (!from || !to) continue;
      const start = place(from);
      const end = place(to);
      entry.path.moveTo(start.x, start.y);
      entry.path.lineTo(end.x, end.y);
    }
  }
  for (const { path, figure } of paths.values()) {
    brush.globalAlpha = figure.faint ? 0.35 : figure.guess ? 0.7 : 1;
    brush.setLineDash(figure.dash && !many ? [6 * ratio, 4 * ratio] : []);
    brush.strokeStyle = figure.colour;
    const width = (figure.guess || figure.faint ? 1 : 2) * ratio;
    if (many) hairlines(brush, path, width);
    else {
      brush.lineWidth = width;
      brush.stroke(path);
    }
  }
  brush.globalAlpha = 1;
  brush.setLineDash([]);
}

/** A path as bundles of lines one device pixel wide: without a GPU 20 times as fast as wide ones. */
function hairlines(brush: Brush, path: Path2D, width: number): void {
  brush.lineWidth = 1;
  const off = (width - 1) / 2;
  const corners = off === 0 ? [[0, 0]] : [[off, off], [off, -off], [-off, off], [-off, -off]];
  for (const [dx, dy] of corners as [number, number][]) {
    brush.setTransform(1, 0, 0, 1, dx, dy);
    brush.stroke(path);
  }
  brush.setTransform(1, 0, 0, 1, 0, 0);
}

function markers(
  brush: Brush,
  figure: Figure,
  scene: Scene,
  place: (at: XY) => XY,
  ratio: number,
  span: number,
): void {
  const chosen = figure.key === scene.selected;
  const named = span >= NAMED_PX && (scene.named === "all" || (scene.named === "selected" && chosen));
  const usual = RADII[Math.min(Math.floor((span / LARGE_PX) * 2), 2)] ?? RADII[0];
  brush.globalAlpha = figure.faint ? 0.4 : 1;
  for (const [keypoint, spot] of figure.spots.entries()) {
    if (spot === null) continue;
    const at = place(spot);
    const picked = chosen && keypoint === scene.keypoint;
    if (picked) stamp(brush, halo(ratio), at);
    const radius = usual + (picked ? SELECTED : 0);
    stamp(brush, marker(spot.shape, figure.colour, radius, ratio, figure.dash), at);
    if (figure.faint || scene.named === "none" || !(named || picked)) continue;
    const name = label(scene.names[keypoint] ?? "", ratio);
    brush.drawImage(name, Math.round(at.x + 9 * ratio), Math.round(at.y - name.height / 2));
  }
  brush.globalAlpha = 1;
}

/** Diagonal of the box around a figure, px of the video; 0 with one point. */
function spanOf(figure: Figure): number {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const spot of figure.spots) {
    if (spot === null) continue;
    left = Math.min(left, spot.x);
    right = Math.max(right, spot.x);
    top = Math.min(top, spot.y);
    bottom = Math.max(bottom, spot.y);
  }
  return right >= left ? Math.hypot(right - left, bottom - top) : 0;
}

function spreads(
  brush: Brush,
  figure: Figure,
  view: View,
  place: (at: XY) => XY,
  ratio: number,
): void {
  const scale = 2 * view.zoom * ratio; // two standard deviations
  brush.strokeStyle = figure.colour;
  brush.lineWidth = ratio;
  brush.beginPath();
  for (const [keypoint, spot] of figure.spots.entries()) {
    const spread = figure.spread?.[keypoint];
    if (!spot || !spread) continue;
    const { a, b, angle } = ellipse(spread);
    const at = place(spot);
    brush.moveTo(at.x + a * scale * Math.cos(angle), at.y + a * scale * Math.sin(angle));
    brush.ellipse(at.x, at.y, a * scale, b * scale, angle, 0, 2 * Math.PI);
  }
  brush.stroke();
}

function handles(brush: Brush, figure: Figure, view: View, ratio: number): void {
  const box = boxOnStage(figure, view);
  if (box === null) return;
  const [left, top] = [box.left * ratio, box.top * ratio];
  const [width, height] = [(box.right - box.left) * ratio, (box.bottom - box.top) * ratio];
  const turn = lever(box);
  brush.setLineDash([3 * ratio, 3 * ratio]);
  for (const [colour, offset] of [[DARK, 0], [LIGHT, 3 * ratio]] as const) {
    brush.strokeStyle = colour;
    brush.lineDashOffset = offset;
    brush.lineWidth = ratio;
    brush.strokeRect(left, top, width, height);
  }
  brush.setLineDash([]);
  brush.lineDashOffset = 0;
  const size = 3.5 * ratio;
  const knobs = [left, left + width].flatMap((x) => [top, top + height].map((y) => [x, y] as const));
  brush.fillStyle = LIGHT;
  brush.strokeStyle = DARK;
  brush.beginPath();
  for (const [x, y] of knobs) brush.rect(x - size, y - size, 2 * size, 2 * size);
  brush.moveTo(turn.x * ratio + size * 1.3, turn.y * ratio);
  brush.arc(turn.x * ratio, turn.y * ratio, size * 1.3, 0, 2 * Math.PI);
  brush.fill();
  brush.stroke();
}

// ── sprites ──

const sprites = new Map<string, HTMLCanvasElement>();

function stamp(brush: Brush, image: HTMLCanvasElement, at: XY): void {
  // whole device pixels: the sprite is copied, not resampled
  brush.drawImage(
    image,
    Math.round(at.x - image.width / 2),
    Math.round(at.y - image.height / 2),
  );
}

function sprite(name: string, width: number, height: number, draw: (brush: Brush) => void) {
  const known = sprites.get(name);
  if (known !== undefined) return known;
  if (sprites.size > 2000) sprites.clear(); // names of many projects in one long session
  const image = document.createElement("canvas");
  image.width = Math.max(1, Math.ceil(width));
  image.height = Math.max(1, Math.ceil(height));
  const brush = image.getContext("2d");
  if (brush !== null) draw(brush);
  sprites.set(name, image);
  return image;
}

/** A marker, rimmed dark and light, so that it is seen on every ground; square from the ninth animal. */
function marker(
  shape: Shape,
  colour: string,
  radius: number,
  ratio: number,
  square = false,
): HTMLCanvasElement {
  const size = 2 * (radius + 3) * ratio;
  return sprite(`${shape} ${colour} ${radius} ${ratio} ${square}`, size, size, (brush) => {
    const outline = (r: number) => {
      brush.beginPath();
      const reach = r * ratio * (square ? SQUARE : 1);
      if (square) brush.rect(size / 2 - reach, size / 2 - reach, 2 * reach, 2 * reach);
      else brush.arc(size / 2, size / 2, reach, 0, 2 * Math.PI);
    };
    const ring = (r: number, width: number, style: string) => {
      outline(r);
      brush.lineWidth = width * ratio;
      brush.strokeStyle = style;
      brush.stroke();
    };
    if (shape === "disc") {
      outline(radius);
      brush.fillStyle = colour;
      brush.fill();
      ring(radius, 1, LIGHT);
      ring(radius + 1, 1, DARK);
      return;
    }
    ring(radius, 4.5, DARK);
    ring(radius, 3.4, LIGHT);
    if (shape === "dashed") {
      const step = (2 * Math.PI * radius * ratio) / 8;
      ring(radius, 2.2, DARK);
      brush.setLineDash([step, step]);
    }
    ring(radius, 2.2, colour);
  });
}

function halo(ratio: number): HTMLCanvasElement {
  const size = 2 * 13 * ratio;
  return sprite(`halo ${ratio}`, size, size, (brush) => {
    for (const [width, style] of [[3, DARK], [1.5, LIGHT]] as const) {
      brush.beginPath();
      brush.arc(size / 2, size / 2, 11 * ratio, 0, 2 * Math.PI);
      brush.lineWidth = width * ratio;
      brush.strokeStyle = style;
      brush.stroke();
    }
  });
}

/** A name on a dark ground. */
function label(text: string, ratio: number): HTMLCanvasElement {
  const font = `${11 * ratio}px system-ui, sans-serif`;
  const known = sprites.get(`name ${text} ${ratio}`);
  if (known !== undefined) return known;
  const measure = document.createElement("canvas").getContext("2d");
  if (measure !== null) measure.font = font;
  const width = (measure?.measureText(text).width ?? 0) + 8 * ratio;
  return sprite(`name ${text} ${ratio}`, width, 16 * ratio, (brush) => {
    brush.fillStyle = "rgb(20 22 26 / 78%)";
    brush.beginPath();
    brush.roundRect(0, 0, width, 16 * ratio, 3 * ratio);
    brush.fill();
    brush.font = font;
    brush.fillStyle = LIGHT;
    brush.textBaseline = "middle";
    brush.fillText(text, 4 * ratio, 8.5 * ratio);
  });
}
