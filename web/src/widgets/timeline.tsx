// The whole video as one strip: marks, the marked range, the cursor; click or drag to go there.
import { useEffect, useRef } from "preact/hooks";
import { columnOf, columns, DONE, DRAFT, FLAG, frameAtX, runs, SUGGESTED } from "./strip";

interface Props {
  frames: number;
  frame: number;
  /** Pairs of frame and kind, as in strip.ts. */
  marks: Iterable<readonly [number, number]>;
  range?: { first: number; last: number } | null;
  onGo: (frame: number) => void;
  /** Shift and drag. */
  onRange?: (range: { first: number; last: number }) => void;
}

const KINDS = [
  [SUGGESTED, "--strip-suggested", 0.35],
  [DRAFT, "--strip-draft", 0.6],
  [DONE, "--strip-done", 0.85],
  [FLAG, "--strip-flag", 1],
] as const;

/** A strip of a video. */
export function Timeline(props: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const now = useRef(props);
  now.current = props;
  const { frames, frame, range, marks } = props;

  useEffect(() => {
    const watch = new ResizeObserver(() => canvas.current && draw(canvas.current, now.current));
    watch.observe(canvas.current!);
    return () => watch.disconnect();
  }, []);
  useEffect(() => void (canvas.current && draw(canvas.current, now.current)), [frames, frame, marks, range]);

  const press = (event: PointerEvent): void => {
    const strip = event.currentTarget as HTMLCanvasElement;
    const at = (e: PointerEvent) => {
      const box = strip.getBoundingClientRect();
      const span = { first: 0, last: Math.max(frames - 1, 0) };
      return frameAtX(e.clientX - box.left, span, box.width);
    };
    const from = at(event);
    strip.setPointerCapture(event.pointerId);
    const go = (e: PointerEvent) => {
      const to = at(e);
      if (event.shiftKey) props.onRange?.({ first: Math.min(from, to), last: Math.max(from, to) });
      else now.current.onGo(to);
    };
    if (!event.shiftKey) go(event);
    strip.onpointermove = go;
    strip.onpointerup = strip.onpointercancel = () => (strip.onpointermove = null);
  };

  return (
    <canvas
      ref={canvas}
      class="timeline"
      role="slider"
      tabIndex={0}
      aria-label="Frame"
      aria-valuemin={0}
      aria-valuemax={Math.max(frames - 1, 0)}
      aria-valuenow={frame}
      title="Click: go there; Shift and drag: mark a range"
      data-test="timeline"
      onPointerDown={press}
    />
  );
}

function draw(canvas: HTMLCanvasElement, { frames, frame, marks, range }: Props): void {
  const ratio = window.devicePixelRatio || 1;
  const width = Math.max(Math.round(canvas.clientWidth * ratio), 1);
  const height = Math.max(Math.round(canvas.clientHeight * ratio), 1);
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const brush = canvas.getContext("2d");
  if (brush === null || frames === 0) return;
  const style = getComputedStyle(canvas);
  const span = { first: 0, last: frames - 1 };
  brush.clearRect(0, 0, width, height);
  if (range) {
    const left = columnOf(range.first, span, width);
    brush.fillStyle = style.getPropertyValue("--strip-range");
    brush.fillRect(left, 0, Math.max(columnOf(range.last, span, width) - left, ratio), height);
  }
  const found = runs(columns(marks, span, width));
  for (const [kind, name, tall] of KINDS) {
    brush.fillStyle = style.getPropertyValue(name);
    for (const [which, x, length] of found)
      if (which === kind)
        brush.fillRect(x, height * (1 - tall), Math.max(length, 2 * ratio), height * tall);
  }
  brush.fillStyle = style.getPropertyValue("--ink");
  brush.fillRect(columnOf(frame, span, width) - ratio / 2, 0, Math.max(1.5 * ratio, 1), height);
}
