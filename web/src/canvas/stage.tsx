// The stage: a video's frame with animals over it, pan, zoom and pointer; screens give it hands.
import { useSignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useId, useLayoutEffect, useRef } from "preact/hooks";
import { probe } from "../probes";
import type { Shown } from "../video/watch";
import type { VideoRef } from "../video/frames";
import { Easel } from "./easel";
import type { Scene } from "./figure";
import { Gestures, type Hand } from "./gestures";
import { AS_STORED, plain, table, type Levels } from "./picture";
import { toScreen, toVideo, type Size } from "./transform";

/** What a screen holds of its stage once it stands. */
export interface StageTools {
  readonly easel: Easel;
  readonly gestures: Gestures;
}

interface Props {
  video: (VideoRef & Size) | null;
  frame: number;
  scene: Scene;
  hand: Hand;
  levels?: Levels;
  /** What a screen reader says of the stage. */
  label: string;
  /** Whether tests find this stage at window.__gambol. */
  main?: boolean;
  onReady?: (tools: StageTools | null) => void;
  onDraw?: (shown: Shown) => void;
  /** What can be done about a frame that cannot be read. */
  mend?: ComponentChildren;
  children?: ComponentChildren;
}

/** A frame of a video with animals over it. */
export function Stage(props: Props) {
  const { video, frame, scene, levels = AS_STORED, label } = props;
  const host = useRef<HTMLDivElement>(null);
  const tools = useRef<StageTools | null>(null);
  const now = useRef(props);
  now.current = props;
  const filter = useId().replace(/\W/g, "");
  const late = useSignal(false);
  const trouble = useSignal<string | null>(null);

  useLayoutEffect(() => {
    const element = host.current!;
    const easel = new Easel(element);
    const gestures = new Gestures(element, easel, forward(() => now.current.hand));
    tools.current = { easel, gestures };
    easel.onDraw = (shown) => now.current.onDraw?.(shown);
    const stops = [
      easel.watch.late.subscribe((value) => (late.value = value)),
      easel.watch.shown.subscribe((shown) => {
        trouble.value = shown?.got.kind === "trouble" ? shown.got.reason : null;
      }),
    ];
    if (now.current.main !== false) exposes(easel, element);
    now.current.onReady?.(tools.current);
    return () => {
      now.current.onReady?.(null);
      stops.forEach((stop) => stop());
      gestures.close();
      easel.close();
    };
  }, []);

  useLayoutEffect(() => {
    if (video === null) return;
    tools.current?.easel.setPicture({ width: video.width, height: video.height });
    tools.current?.easel.watch.look(video, frame);
  }, [video?.id, video?.fingerprint, video?.window, video?.width, video?.height, frame]);
  useLayoutEffect(() => tools.current?.easel.setScene(scene), [scene]);
  useEffect(() => {
    const asStored = plain(levels) || trouble.value !== null;
    tools.current?.easel.setFilter(asStored ? "" : `url(#${filter})`);
  }, [levels, filter, trouble.value]);

  return (
    <div class="stage" data-test="stage">
      <div
        class="stage-host"
        ref={host}
        tabIndex={0}
        role="application"
        aria-label={label}
        data-test="stage-host"
      />
      {late.value && <div class="stage-late" role="status" aria-label="The frame is on its way" />}
      {trouble.value !== null && (
        <div class="stage-trouble" role="alert" data-test="frame-trouble">
          <p>Frame {frame} cannot be read: {trouble.value}</p>
          <button type="button" onClick={() => tools.current?.easel.watch.retry()}>
            Try again
          </button>
          {props.mend}
        </div>
      )}
      <Filter id={filter} levels={levels} />
      {props.children}
    </div>
  );
}

function Filter({ id, levels }: { id: string; levels: Levels }) {
  const values = table(levels);
  return (
    <svg class="stage-filter" width="0" height="0" aria-hidden="true">
      <filter id={id} color-interpolation-filters="sRGB">
        <feComponentTransfer>
          <feFuncR type="table" tableValues={values} />
          <feFuncG type="table" tableValues={values} />
          <feFuncB type="table" tableValues={values} />
        </feComponentTransfer>
      </filter>
    </svg>
  );
}

/** Hands that are looked up when they are used: a screen's closures change with every render. */
function forward(hand: () => Hand): Hand {
  return {
    target: (touch) => hand().target(touch),
    drag: (target, from, at) => hand().drag(target, from, at),
    lift: (target, from, at, dragged) => hand().lift(target, from, at, dragged),
    cancel: () => hand().cancel(),
    hover: (touch) => hand().hover(touch),
    menu: (target, touch) => hand().menu(target, touch),
  };
}

function exposes(easel: Easel, host: HTMLElement): void {
  const corner = () => host.getBoundingClientRect();
  probe({
    frameShown: () => easel.drawn,
    redraw: () => ({ all: easel.times.all.stats(), hand: easel.times.hand.stats() }),
    screenToVideo: (x, y) =>
      toVideo(easel.view.peek(), { x: x - corner().left, y: y - corner().top }),
    videoToScreen: (x, y) => {
      const at = toScreen(easel.view.peek(), { x, y });
      return { x: at.x + corner().left, y: at.y + corner().top };
    },
  });
}
