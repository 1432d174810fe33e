// The skeleton of the animal whose labels are looked at, from the poses that they were made of.
import { computed, signal } from "@preact/signals";
import { url } from "../../api";
import type { Figure, Scene } from "../../canvas/figure";
import type { XY } from "../../canvas/transform";
import * as session from "../../store/session";
import { edgesOf } from "../label/scene";
import * as desk from "./desk";

const CHUNK = 256;
const KEPT = 24;

interface Chunk {
  readonly points: Float32Array;
  readonly frames: number;
  readonly keypoints: readonly string[];
  readonly bones: readonly (readonly [number, number])[];
}

const chunks = new Map<string, Chunk | null>();
const read = signal(0);

function chunkOf(frame: number): Chunk | null {
  const row = desk.rows.value.find((one) => one.run.run === desk.run.value?.run);
  if (row === undefined || frame < 0 || frame >= row.recording.frames) return null;
  const first = Math.floor(frame / CHUNK) * CHUNK;
  const name = `${desk.keyOf(row)} ${first}`;
  const there = chunks.get(name);
  if (there === undefined) void fetchChunk(row, first, name);
  return there ?? null;
}

async function fetchChunk(row: desk.Row, first: number, name: string): Promise<void> {
  chunks.set(name, null);
  if (chunks.size > KEPT) chunks.delete(chunks.keys().next().value!);
  const last = Math.min(first + CHUNK, row.recording.frames) - 1;
  const about = `recording=${encodeURIComponent(row.recording.name)}&from=${first}&to=${last}`;
  const got = await fetch(url(`behavior/${row.run.run}/poses?${about}`), { credentials: "same-origin" });
  if (!got.ok) return; // no poses: the film alone
  const [frames = 0] = (got.headers.get("X-Gambol-Shape") ?? "").split(",").map(Number);
  const words = (header: string): string[] => (got.headers.get(header) ?? "").split(",").filter((w) => w !== "");
  const bones = words("X-Gambol-Bones").map((bone) => bone.split("-").map(Number) as [number, number]);
  chunks.set(name, { points: new Float32Array(await got.arrayBuffer()), frames, keypoints: words("X-Gambol-Keypoints"), bones });
  read.value += 1;
}

function spotsOf(chunk: Chunk, frame: number): (XY | null)[] {
  const at = frame % CHUNK;
  if (at >= chunk.frames) return [];
  return chunk.keypoints.map((_, k) => {
    const place = 3 * (at * chunk.keypoints.length + k);
    const [x, y] = [chunk.points[place]!, chunk.points[place + 1]!];
    return Number.isFinite(x) && Number.isFinite(y) ? { x, y } : null;
  });
}

export const scene = computed<Scene>(() => {
  void read.value;
  const frame = desk.posed.value;
  const chunk = chunkOf(frame);
  chunkOf(frame + CHUNK / 2); // the next ones come while these are looked at
  const bout = desk.bout.value;
  const colour = bout && desk.run.value ? desk.lookOf(desk.run.value.run, bout.label).colour : "#A9AEB6";
  const name = desk.recording.value?.animal ?? "";
  const figures: Figure[] =
    chunk === null
      ? []
      : [{ key: "animal", colour, dash: false, name, guess: false,
           spots: spotsOf(chunk, frame).map((at) => (at === null ? null : { ...at, shape: "disc" as const })) }];
  const same = chunk?.keypoints.join() === session.keypoints.value.join();
  const project = same ? edgesOf(session.skeleton.value) : [];
  return {
    figures,
    edges: project.length > 0 ? project : (chunk?.bones ?? []),
    names: chunk?.keypoints ?? [],
    selected: null,
    keypoint: null,
    named: "none",
    ghost: null,
  };
});
