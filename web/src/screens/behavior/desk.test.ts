import { signal } from "@preact/signals";
import { expect, test } from "vitest";
import type { StageTools } from "../../canvas/stage";
import type { BehaviorOverview } from "../../types.gen";
import type { Shown } from "../../video/watch";
import * as desk from "./desk";

test("cursors go with the picture on the screen, the skeleton with the one that is drawn next", () => {
  const recording = { name: "a", frames: 100, video: 3, animal: "" };
  const run = { run: "b1", kind: "states", title: "s", fps: 25, labels: 2, recordings: [recording] };
  desk.overview.value = { runs: [run], missing: [] } as unknown as BehaviorOverview;
  const of = (frame: number): Shown => ({ video: { id: 3 }, frame }) as unknown as Shown;
  const watch = { shown: signal<Shown | null>(of(10)), drawn: signal<Shown | null>(of(10)) };
  desk.tools.value = { easel: { watch } } as unknown as StageTools;
  watch.shown.value = of(50); // it has come, and is drawn with the next redraw of the page
  expect([desk.cursor.value, desk.posed.value]).toEqual([10, 50]);
  watch.drawn.value = watch.shown.value;
  expect([desk.cursor.value, desk.posed.value]).toEqual([50, 50]);
});
