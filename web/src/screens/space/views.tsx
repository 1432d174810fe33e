// The grid of views: one stage a camera, each with its own frame of the one clock.
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { Hand, Touch } from "../../canvas/gestures";
import { hitMarker, type Target } from "../../canvas/hit";
import { Stage, type StageTools } from "../../canvas/stage";
import { clampTo } from "../../canvas/transform";
import * as session from "../../store/session";
import { lateness } from "./clock";
import * as desk from "./desk";
import { animalOf, cameraColour, rmsOf, sceneOf } from "./scene";

/** What a hand does in one view: choose a point, drag it, pan. */
function handOf(name: string): Hand {
  let panned: { from: Touch; x: number; y: number } | null = null;
  const tools = () => desk.tools.get(name);
  const find = (touch: Touch): Target => {
    const easel = tools()?.easel;
    if (easel === undefined) return { kind: "picture" };
    const figures = sceneOf(name).figures.filter(({ key }) => key.startsWith("seen") || key.startsWith("ghost"));
    const solid = figures.map((one) => ({ ...one, faint: false }));
    const selected = desk.chosen.peek() === null ? null : `seen ${desk.chosen.peek()!.animal}`;
    return hitMarker(solid, easel.view.peek(), touch.screen, touch.pointer, selected) ?? { kind: "picture" };
  };
  const whichOf = (target: Target): desk.Chosen | null =>
    target.kind === "marker" ? { animal: animalOf(target.figure), keypoint: target.keypoint } : null;
  return {
    target: find,
    drag: (target, from, now) => {
      const which = whichOf(target);
      if (which === null || !session.mayEdit.peek()) {
        const before = panned?.from === from ? panned : from.screen;
        panned = { from, x: now.screen.x, y: now.screen.y };
        return tools()?.easel.panBy(now.screen.x - before.x, now.screen.y - before.y);
      }
      void desk.settle();
      desk.chosen.value = which;
      desk.camera.value = name;
      const { video } = desk.filmOf(name);
      desk.hold(which, name, video ? clampTo(video, now.at) : now.at);
    },
    lift: (target, _from, _now, dragged) => {
      const held = desk.draft.peek();
      const mine = held?.camera === name && desk.samePoint(held, whichOf(target));
      if (dragged) return void (mine && session.mayEdit.peek() && desk.keep(held));
      void desk.settle();
      desk.chosen.value = whichOf(target);
      desk.camera.value = name;
    },
    cancel: () => (desk.draft.value = null),
    hover: () => undefined,
    menu: () => undefined,
  };
}

/** One camera. */
export function ViewCell({ name, main }: { name: string; main: boolean }) {
  const { video, frame } = desk.filmOf(name);
  const of = desk.run.value?.views.find((one) => one.camera === name);
  const size = desk.cameras.value?.cameras.find((one) => one.name === name)?.size ?? null;
  const ready = useRef<StageTools | null>(null);
  const hand = useMemo(() => handOf(name), [name]);
  useEffect(() => {
    if (video === undefined && size) ready.current?.easel.setPicture({ width: size[0], height: size[1] });
  }, [video, size?.[0], size?.[1]]);
  const rms = rmsOf(name);
  const p95 = desk.queue.value?.p95[name];
  const late = of ? lateness(of, desk.moment.value) : 0;
  const touched = desk.camera.value === name;
  return (
    <div class={`space-cell ${touched ? "touched" : ""}`} data-test={`view-${name}`} data-frame={frame ?? "missing"}>
      <div class="space-head row">
        <span class="dot" style={{ background: cameraColour(name) }} />
        <strong>{name}</strong>
        {rms !== null && (
          <span class={`number ${p95 !== undefined && rms > p95 ? "bad" : "muted"}`} title="root mean square of the errors at this moment">
            {rms.toFixed(1)} px
          </span>
        )}
        <span class="grow" />
        <span class={`number ${of?.stale ? "warn-text" : "muted"}`} title={of?.stale ? "Its offset was changed since the 3D poses were made: triangulate again" : "frame of this film, and by how many it is late"} data-test={`frame-${name}`}>
          {of?.stale && "▲ "}{frame === null ? "" : `f${frame}`} {late !== 0 && `${late > 0 ? "+" : "−"}${Math.abs(late).toFixed(2)}`}
        </span>
      </div>
      <Stage
        video={frame === null ? null : (video ?? null)}
        frame={frame ?? 0}
        scene={sceneOf(name)}
        hand={hand}
        label={`${name}, ${frame === null ? "no picture" : `frame ${frame}`}. Click chooses a keypoint, drag moves it.`}
        main={main}
        onReady={(tools) => {
          ready.current = tools;
          if (tools) desk.tools.set(name, tools);
          else desk.tools.delete(name);
        }}
      >
        {frame === null && (
          <div class={`space-missing ${video ? "over" : ""}`} role="status" data-test={`missing-${name}`}>
            {video ? "no frame was recorded at this moment" : "no film of this view in the project"}
          </div>
        )}
      </Stage>
    </div>
  );
}
