// Twelve clips that loop in step, centred on the animal, its head to the right, on one scale.
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { get, sentence, url } from "../../api";
import * as view from "../../store/view";
import type { BehaviorClip, BehaviorClips } from "../../types.gen";
import * as desk from "./desk";

/** A clip with its pictures; sheet null: they are on their way. */
interface Shown {
  readonly clip: BehaviorClip;
  readonly sheet: ImageBitmap | null;
  readonly tiles: number;
  readonly columns: number;
  readonly trouble: string;
}

const TILE = 144; // px of a frame in a sheet
const PAGE = 12;
const AT_ONCE = 4; // requests: browsers allow six a host, and the film's own frames need some
const SPEED = 0.5; // of the real one

export const title = signal("");
export const answer = signal<BehaviorClips | null>(null);
export const shown = signal<readonly Shown[]>([]);
export const opened = signal<number>(-1);
export const waiting = signal(false);
let source: { run: string; what: string } | null = null;
/** What the clips that are shown were asked by. */
const told = signal("");
let stop = new AbortController();

/** Ask for clips and begin to load their pictures; at: of how many there are. */
export async function showClips(run: string, what: string, name: string, at = 0): Promise<void> {
  stop.abort();
  const mine = (stop = new AbortController());
  source = { run, what };
  waiting.value = true;
  title.value = name;
  try {
    const got = await get<BehaviorClips>(`behavior/${run}/clips?${what}&at=${at}`, { signal: mine.signal });
    answer.value = got;
    told.value = what;
    opened.value = -1;
    shown.value = got.clips.map((clip) => ({ clip, sheet: null, tiles: 0, columns: 1, trouble: "" }));
    const order = got.clips.map((clip, n) => ({ clip, n }));
    order.sort((a, b) => a.clip.first - b.clip.first); // what lies together is decoded together
    const next = async (): Promise<void> => {
      for (let one = order.shift(); one && !mine.signal.aborted; one = order.shift())
        await load(run, one.clip, got.side, one.n, mine.signal);
    };
    for (let n = 0; n < AT_ONCE; n++) void next();
  } catch (error) {
    if (!mine.signal.aborted) desk.trouble.value = sentence(error);
  } finally {
    if (stop === mine) waiting.value = false;
  }
}

/** Whether there are pages: bouts of a label, not the nearest of a place. */
export const paged = (): boolean => source?.what.startsWith("label=") ?? false;

/** The next page of bouts, or the one before. */
export function turnPage(by: 1 | -1): void {
  const now = answer.peek();
  if (now === null || source === null || !paged()) return;
  const at = now.at + by * PAGE;
  if (at >= 0 && at < now.total) void showClips(source.run, source.what, title.peek(), at);
}

const RETRIES = 4;

async function load(run: string, clip: BehaviorClip, side: number, n: number, signal: AbortSignal): Promise<void> {
  const about = `recording=${encodeURIComponent(clip.recording)}&from=${clip.first}&to=${clip.last}&at=${clip.core[0]}`;
  const path = `behavior/${run}/strip?${about}&side=${Math.round(side)}&tile=${TILE}`;
  for (let attempt = 0; ; attempt++) {
    try {
      const got = await fetch(url(path), { signal, credentials: "same-origin" });
      if (got.status === 503 && attempt < RETRIES) {
        await new Promise((resolve) => setTimeout(resolve, 200));
        continue;
      }
      if (!got.ok) throw new Error(((await got.json()) as { message?: string }).message ?? `${got.status}`);
      const [tiles, columns] = (got.headers.get("X-Gambol-Tiles") ?? "1,1").split(",").map(Number) as [number, number];
      const sheet = await createImageBitmap(await got.blob());
      put(n, clip, { sheet, tiles, columns });
    } catch (error) {
      if (!signal.aborted) put(n, clip, { trouble: sentence(error) });
    }
    return;
  }
}

function put(n: number, clip: BehaviorClip, part: Partial<Shown>): void {
  if (shown.peek()[n]?.clip !== clip) return; // of clips that are shown no more
  shown.value = shown.peek().map((one, at) => (at === n ? { ...one, ...part } : one));
}

/** Open a clip in the film: at the bout that is meant. */
export function openClip(n: number): void {
  const one = shown.peek()[n];
  if (one === undefined || source === null) return;
  opened.value = n;
  if (source.run === desk.run.peek()?.run || desk.rows.peek().some((row) => row.run.run === source?.run))
    desk.open(desk.run.peek()?.run ?? source.run, one.clip.recording);
  if (one.clip.video !== null) view.goTo(one.clip.core[0], one.clip.video);
  desk.range.value = one.clip.core[0] < one.clip.core[1] ? { first: one.clip.core[0], last: one.clip.core[1] } : null;
}

/** The grid of clips. */
export function Clips() {
  const grid = useRef<HTMLDivElement>(null);
  const all = shown.value;
  useEffect(() => {
    let request = 0;
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    const began = performance.now();
    const tick = (now: number): void => {
      paint(grid.current!, still ? 0 : now - began);
      if (!still) request = requestAnimationFrame(tick);
    };
    request = requestAnimationFrame(tick);
    return () => cancelAnimationFrame(request);
  }, [still(all)]);
  const now = answer.value;
  if (now === null)
    return (
      <p class="muted pad">
        Click the map, or a label below: twelve clips of it loop here, in step, turned to the head.
      </p>
    );
  return (
    <>
      <div class="clips" ref={grid} data-test="clips" data-of={told.value} data-looping={all.filter((one) => one.sheet).length}>
        {all.map((one, n) => (
          <button
            key={`${one.clip.recording} ${one.clip.core[0]}`}
            class={`clip plain ${opened.value === n ? "open" : ""}`}
            title={`${one.clip.recording}, frames ${one.clip.core[0]} to ${one.clip.core[1]}. Click: open it in the film. Drag it out: split it off`}
            data-test={`clip-${n}`}
            draggable
            onDragStart={(event) => event.dataTransfer?.setData("text/plain", `clip ${n}`)}
            onDragEnd={(event) => draggedOut(event, grid.current!, n)}
            onClick={() => openClip(n)}
          >
            <canvas width={TILE} height={TILE} role="img" aria-label={`Clip at frame ${one.clip.core[0]}`} />
            {one.trouble !== "" && <span class="clip-trouble muted">{one.trouble}</span>}
            {one.clip.label !== null && source !== null && (
              <span class="clip-label" style={{ background: desk.lookOf(source.run, one.clip.label).colour }} />
            )}
          </button>
        ))}
        {all.length === 0 && <p class="muted pad">Nothing there.</p>}
      </div>
    </>
  );
}

const still = (all: readonly Shown[]): string => all.map((one) => `${one.clip.recording}${one.clip.core[0]}`).join();

function draggedOut(event: DragEvent, grid: HTMLElement, n: number): void {
  const box = grid.getBoundingClientRect();
  const inside =
    event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
  if (!inside) splitOff(n);
}

/** Give a clip a label of its own. */
export function splitOff(n: number): void {
  const one = shown.peek()[n];
  const label = one?.clip.label;
  if (one === undefined || label == null || source?.run !== desk.run.peek()?.run) return;
  const [first, last] = one.clip.core;
  const stretch = { recording: one.clip.recording, start: first, stop: last + 1 };
  void desk.decide({ do: "split", labels: [label], ...stretch });
}

/** What a canvas shows: it is drawn anew only when that changes. */
const drawn = new WeakMap<HTMLCanvasElement, { sheet: ImageBitmap; tile: number }>();

/** Show every clip at the same share of its loop. */
function paint(grid: HTMLElement | null, ms: number): void {
  const now = answer.peek();
  if (grid === null || now === null) return;
  const canvases = grid.querySelectorAll("canvas");
  for (const [n, one] of shown.peek().entries()) {
    const brush = canvases[n]?.getContext("2d");
    if (!brush || one.sheet === null) continue;
    const seconds = (one.clip.last - one.clip.first + 1) / now.fps;
    const phase = ((ms / 1000) * SPEED) / seconds;
    const tile = Math.min(Math.floor((phase % 1) * one.tiles), one.tiles - 1);
    if (drawn.get(brush.canvas)?.sheet === one.sheet && drawn.get(brush.canvas)?.tile === tile) continue;
    drawn.set(brush.canvas, { sheet: one.sheet, tile });
    const [x, y] = [(tile % one.columns) * TILE, Math.floor(tile / one.columns) * TILE];
    brush.drawImage(one.sheet, x, y, TILE, TILE, 0, 0, TILE, TILE);
    const frame = one.clip.first + (tile / one.tiles) * (one.clip.last - one.clip.first + 1);
    if (one.clip.core[1] > one.clip.core[0] && frame >= one.clip.core[0] && frame <= one.clip.core[1]) {
      brush.fillStyle = "#56b4e9"; // while the bout itself goes on
      brush.fillRect(4, 4, 8, 8);
    }
  }
}
