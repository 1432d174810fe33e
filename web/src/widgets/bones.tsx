// The picture of the skeleton editor: keypoints on a real frame, lines drawn by dragging.
import { useEffect, useRef, useState } from "preact/hooks";
import { url } from "../api";
import { frameRows } from "../store/rows";
import { joined, joinRows, partRows, type Draft, type DraftSkeleton } from "../store/skeletons";
import * as view from "../store/view";

interface Spot {
  row: Draft;
  x: number;
  y: number;
}

const NEAR = 14; // px on the screen

/** Where keypoints stand: as the first labelled animal has them, the rest on a circle. */
export function spots(
  rows: readonly Draft[],
  points: readonly (readonly [number, number | null, number | null, number])[],
  [width, height]: readonly [number, number],
): Spot[] {
  const known = new Map(points.map((p) => [p[0], p]));
  return rows.map((row, j) => {
    const at = known.get(row.was);
    if (at !== undefined && at[1] !== null && at[2] !== null) return { row, x: at[1], y: at[2] };
    const angle = (2 * Math.PI * j) / rows.length - Math.PI / 2;
    const radius = 0.38 * Math.min(width, height);
    return {
      row,
      x: width / 2 + radius * Math.cos(angle),
      y: height / 2 + radius * Math.sin(angle),
    };
  });
}

function usePicture(): HTMLImageElement | null {
  const [picture, setPicture] = useState<HTMLImageElement | null>(null);
  const film = view.openVideo.value;
  const frame = view.frame.value;
  useEffect(() => {
    if (film === undefined) return;
    const image = new Image();
    image.onload = () => setPicture(image);
    image.src = url(`videos/${film.id}/${film.fingerprint}/frames/${frame}.jpg?w=960`);
    return () => void (image.onload = null);
  }, [film?.id, frame]);
  return picture;
}

/** A region of the video, px: around the labelled animal, or all of it. */
function region(all: readonly Spot[], known: boolean, size: readonly [number, number]): DOMRect {
  if (!known || all.length === 0) return new DOMRect(0, 0, size[0], size[1]);
  const xs = all.map((s) => s.x);
  const ys = all.map((s) => s.y);
  const [left, top] = [Math.min(...xs), Math.min(...ys)];
  const side = Math.max(Math.max(...xs) - left, Math.max(...ys) - top, 32) * 1.4;
  const [cx, cy] = [(left + Math.max(...xs)) / 2, (top + Math.max(...ys)) / 2];
  return new DOMRect(cx - side / 2, cy - side / 2, side, side);
}

function paint(
  canvas: HTMLCanvasElement,
  draft: DraftSkeleton,
  all: readonly Spot[],
  box: DOMRect,
  picture: HTMLImageElement | null,
  drag: { from: Spot; x: number; y: number } | null,
): void {
  const pen = canvas.getContext("2d");
  if (pen === null) return;
  const scale = canvas.width / box.width;
  const film = view.openVideo.peek();
  pen.fillStyle = "#1b1d21";
  pen.fillRect(0, 0, canvas.width, canvas.height);
  pen.setTransform(scale, 0, 0, scale, -box.x * scale, -box.y * scale);
  // integer coordinates are pixel centres
  if (picture && film) pen.drawImage(picture, -0.5, -0.5, film.width, film.height);
  const px = box.width / (canvas.clientWidth || canvas.width); // one px of the screen
  const line = (x: number, y: number, u: number, v: number): void => {
    pen.beginPath();
    pen.moveTo(x, y);
    pen.lineTo(u, v);
    pen.stroke();
  };
  pen.lineWidth = 3 * px;
  pen.strokeStyle = "#56B4E9";
  for (const a of all)
    for (const b of all) if (a !== b && joined(draft, a.row, b.row)) line(a.x, a.y, b.x, b.y);
  if (drag) {
    pen.strokeStyle = "#E69F00";
    line(drag.from.x, drag.from.y, drag.x, drag.y);
  }
  pen.font = `${13 * px}px system-ui`;
  for (const { row, x, y } of all) {
    pen.beginPath();
    pen.arc(x, y, 5 * px, 0, 7);
    pen.fillStyle = "#fff";
    pen.strokeStyle = "#000";
    pen.lineWidth = 1.5 * px;
    pen.fill();
    pen.stroke();
    pen.lineWidth = 3 * px;
    pen.strokeText(row.name, x + 8 * px, y + 4 * px);
    pen.fillText(row.name, x + 8 * px, y + 4 * px);
  }
  pen.setTransform(1, 0, 0, 1, 0, 0);
}

interface Props {
  draft: DraftSkeleton;
  /** The draft was changed in place. */
  onChange: () => void;
}

/** Drag from one keypoint to another to draw a line; again to take it away. */
export function Bones({ draft, onChange }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const drag = useRef<{ from: Spot; x: number; y: number } | null>(null);
  const picture = usePicture();
  const film = view.openVideo.value;
  const size = [film?.width ?? 400, film?.height ?? 400] as const;
  const rows = frameRows(view.video.value ?? -1, view.frame.value).value;
  const points = [...rows.instances.values()].sort((a, b) => b.points.length - a.points.length)[0]
    ?.points;
  const all = spots(draft.rows, points ?? [], size);
  const box = region(all, points !== undefined, size);
  const draw = (): void => {
    if (canvas.current) paint(canvas.current, draft, all, box, picture, drag.current);
  };
  useEffect(draw);
  const at = (event: PointerEvent): { x: number; y: number; near: Spot | undefined } => {
    const there = canvas.current!.getBoundingClientRect();
    const scale = box.width / there.width;
    const x = box.x + (event.clientX - there.x) * scale;
    const y = box.y + (event.clientY - there.y) * scale;
    const far = (s: Spot): number => Math.hypot(s.x - x, s.y - y);
    const near = all.toSorted((a, b) => far(a) - far(b))[0];
    return { x, y, near: near && far(near) <= NEAR * scale ? near : undefined };
  };
  return (
    <canvas
      ref={canvas}
      width={640}
      height={Math.round((640 * box.height) / box.width)}
      role="img"
      aria-label="The skeleton on the current frame; the table beside it says and changes the same"
      data-test="bones"
      onPointerDown={(event) => {
        const { x, y, near } = at(event);
        drag.current = near ? { from: near, x, y } : null;
        canvas.current!.setPointerCapture(event.pointerId);
      }}
      onPointerMove={(event) => {
        if (drag.current === null) return;
        const { x, y } = at(event);
        drag.current = { ...drag.current, x, y };
        draw();
      }}
      onPointerUp={(event) => {
        const from = drag.current?.from.row;
        const to = at(event).near?.row;
        drag.current = null;
        if (from && to && from !== to) {
          if (joined(draft, from, to)) partRows(draft, from, to);
          else joinRows(draft, from, to);
          onChange();
        } else draw();
      }}
    />
  );
}
