// Own edits, acknowledgements, reads, and what others do, in every order that a network makes.
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { fakeServer, type Asked } from "../fake";
import type { Change, Edits, FrameValue, InstanceValue, Message, Theirs } from "../types.gen";
import * as edits from "./edits";
import { reload } from "./feed";
import * as outbox from "./outbox";
import { forgetOwn, ownChanges } from "./own";
import * as rows from "./rows";
import * as session from "./session";

const FRAMES = 3;
const ANIMALS = [1, 2];

function dice(seed: number): () => number {
  let a = seed;
  return () => {
    a = (a + 0x6d2b79f5) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

interface Row {
  table: string;
  key: number[];
  value: unknown;
  seq: number;
  by: string;
}

/** The server as it is meant to be: rows, a log, answers of the moment at which it reads. */
class World {
  seq = 0;
  readonly rows = new Map<string, Row>();
  readonly past = new Map<string, { seq: number; text: string }[]>(); // all values of a row
  readonly known = new Map<string, number>();
  private toldBy = 0;

  constructor(private readonly random: () => number) {}

  apply(id: string | null, by: string, changes: readonly Change[]): void {
    this.seq += 1;
    const seq = this.seq;
    if (id !== null) this.known.set(id, seq);
    for (const { table, key, value } of changes) {
      const name = rows.rowName(table, key);
      this.rows.set(name, { table, key, value, seq, by });
      this.past.set(name, [...(this.past.get(name) ?? []), { seq, text: JSON.stringify(value) }]);
    }
    const told: Message["changes"] = changes.map(({ table, key, value }) => [table, key, value]);
    const nothing = { by, at: "", action: "", job: null, people: [] };
    const message: Message = { type: "edit", seq, id, changes: told, ...nothing };
    // the feed is late, but in order
    this.toldBy = Math.max(this.toldBy, Date.now() + this.random() * 400);
    setTimeout(() => edits.take(message), this.toldBy - Date.now());
  }

  value(table: string, key: readonly number[]): unknown {
    return this.rows.get(rows.rowName(table, key))?.value ?? null;
  }

  instances(frame: number): [number, InstanceValue][] {
    return ANIMALS.map((k) => [k, this.value("instances", [1, frame, k])] as const).filter(
      (row): row is [number, InstanceValue] => row[1] !== null,
    );
  }

  row(frame: number): FrameValue | null {
    return this.value("frames", [1, frame]) as FrameValue | null;
  }

  answer({ path, body }: Asked): { status?: number; json: unknown } {
    if (path === "edits") return this.post(body as Edits);
    if (path === "project") {
      const individuals = ANIMALS.map((id) => ({ id, row: this.value("individuals", [id]) }))
        .filter(({ row }) => row !== null)
        .map(({ id, row }) => ({ id, name: (row as { name: string }).name }));
      const nothing = { skeleton: null, videos: [], keypoints: [], suggestions: [] };
      return { json: { ...nothing, seq: this.seq, at: "", role: "edit", user: "me", individuals } };
    }
    if (path.startsWith("frames?")) return { json: this.marks() };
    const frame = Number(path.split("/")[2]);
    const nothing = { time_s: 0, prediction: null };
    const held = { frame_row: this.row(frame), instances: this.instances(frame) };
    return { json: { video: 1, frame, seq: this.seq, ...held, ...nothing } };
  }

  marks(): { video: number; seq: number; frame: number[]; animals: number[]; complete: number[]; flag: number[] } {
    const all = Array.from({ length: FRAMES }, (_, frame) => frame).filter(
      (frame) => this.instances(frame).length > 0 || this.row(frame) !== null,
    );
    return {
      video: 1,
      seq: this.seq,
      frame: all,
      animals: all.map((frame) => this.instances(frame).length),
      complete: all.map((frame) => this.row(frame)?.complete ?? -1),
      flag: all.map((frame) => this.row(frame)?.flag ?? 0),
    };
  }

  private post({ edits: all, force = false }: Edits): { status?: number; json: unknown } {
    const done: string[] = [];
    for (const { id, changes } of all) {
      const theirs = changes
        .filter(({ table, key, saw, value }) => {
          const now = this.value(table, key);
          return !edits.same(now, saw) && !edits.same(now, value);
        })
        .map(({ table, key }): Theirs => {
          const row = this.rows.get(rows.rowName(table, key));
          return { table, key, value: row?.value ?? null, by: row?.by ?? "", at: "", seq: row?.seq ?? 0 };
        });
      if (!this.known.has(id) && theirs.length > 0 && !force) {
        const problem = { code: "conflict", message: "", hint: "", theirs };
        if (done.length === 0) return { status: 409, json: problem };
        return { json: { seq: this.seq, done, problem } };
      }
      if (!this.known.has(id)) this.apply(id, "me", changes);
      done.push(id);
    }
    return { json: { seq: this.seq, done, problem: null } };
  }
}

let random: () => number;
let world: World;
let counter = 0;
const pick = <T,>(all: readonly T[]): T => all[Math.floor(random() * all.length)]!;

function value(table: string): unknown {
  counter += 1;
  if (table === "individuals") return { name: `name ${counter}` };
  if (table === "frames") return { complete: pick([0, 1, 2]), flag: counter % 2, note: `${counter}` };
  return random() < 0.2 ? null : { origin: 0, points: [[0, counter, 1, 2]] };
}

function place(): { table: Change["table"]; key: number[] } {
  const frame = Math.floor(random() * FRAMES);
  return pick([
    { table: "instances", key: [1, frame, pick(ANIMALS)] },
    { table: "instances", key: [1, frame, pick(ANIMALS)] },
    { table: "frames", key: [1, frame] },
    { table: "individuals", key: [pick(ANIMALS)] },
  ] as const) as { table: Change["table"]; key: number[] };
}

/** Reads a person would cause; answers of two ways of reading may overtake each other. */
function read(): void {
  const frame = Math.floor(random() * FRAMES);
  const what = pick([
    () => rows.loadFrame(1, frame, true),
    () => rows.loadFrame(1, frame),
    () => rows.loadMarks(1),
    () => session.loadProject(),
    () => reload(),
  ]);
  void what().catch(() => undefined);
}

function act(): void {
  const { table, key } = place();
  const die = random();
  if (die < 0.45) {
    const loaded = table === "individuals" || rows.frameRows(key[0]!, key[1]!).peek().loaded;
    const merge = random() < 0.3 ? `${table}${key.join()}` : undefined;
    if (loaded) edits.edit("mine", [rows.change(table, key, value(table))], merge);
  } else if (die < 0.65) {
    world.apply(null, "Mei", [{ table, key, saw: null, value: value(table) }]);
  } else read();
}

function shown(table: string, key: readonly number[]): string {
  return JSON.stringify(rows.rowValue(table, key));
}

/** Own edits that wait show; and nothing that was acknowledged is ever taken back. */
function holds(safe: Map<string, number>): void {
  const waiting = new Map<string, string>();
  for (const { id, changes } of outbox.waitingEdits())
    if (!world.known.has(id)) for (const { table, key, value: v } of changes)
      waiting.set(rows.rowName(table, key), JSON.stringify(v));
  for (const { table, key } of world.rows.values()) {
    if (table !== "individuals" && !rows.frameRows(key[0]!, key[1]!).peek().loaded) continue;
    const name = rows.rowName(table, key);
    const now = shown(table, key);
    const mine = waiting.get(name);
    if (mine !== undefined) expect(now, `waiting ${name}`).toBe(mine);
    else if (safe.has(name)) {
      const since = world.past.get(name)!.filter(({ seq }) => seq >= safe.get(name)!);
      expect(since.map(({ text }) => text), `acknowledged ${name}`).toContain(now);
    }
  }
}

beforeEach(async () => {
  vi.useFakeTimers();
  session.role.value = "edit";
  session.refused.value = "";
  session.forgetHeard();
  forgetOwn();
  rows.setOwn(ownChanges);
  rows.forgetLog();
});
afterEach(() => {
  outbox.closeOutbox();
  vi.useRealTimers();
});

async function play(seed: number): Promise<void> {
  random = dice(seed);
  world = new World(random);
  for (const id of ANIMALS) world.apply(null, "", [{ table: "individuals", key: [id], saw: null, value: { name: `${id}` } }]);
  world.apply(null, "", [{ table: "instances", key: [1, 0, 1], saw: null, value: value("frames") }]);
  const wait = (ms: number): Promise<void> => new Promise((done) => setTimeout(done, random() * ms));
  fakeServer(async (asked) => {
    await wait(150);
    if (random() < 0.05) return "offline"; // on its way there
    const said = structuredClone(world.answer(asked));
    await wait(300);
    return random() < 0.05 ? "offline" : said; // on its way back
  });
  void session.loadProject().catch(() => undefined);
  await vi.advanceTimersByTimeAsync(600);
  await edits.openEdits();
  const safe = new Map<string, number>();
  const stop = outbox.saved.subscribe(() => undefined);
  for (let k = 0; k < 60; k++) {
    act();
    for (let part = 0; part < 3; part++) {
      await vi.advanceTimersByTimeAsync(random() * 40);
      if (outbox.conflict.peek() !== null && random() < 0.5) edits.settle(random() < 0.5);
      const waits = new Set([...outbox.waitingEdits()].map(({ id }) => id));
      for (const [id, seq] of world.known)
        if (!waits.has(id))
          for (const [name, row] of world.past) {
            if (row.some((one) => one.seq === seq)) safe.set(name, Math.max(seq, safe.get(name) ?? 0));
          }
      holds(safe);
    }
  }
  stop();
  for (let k = 0; k < 100 && outbox.saved.peek().pending > 0; k++) {
    if (outbox.conflict.peek() !== null) edits.settle(k % 2 === 0);
    await vi.advanceTimersByTimeAsync(1000);
  }
  await vi.advanceTimersByTimeAsync(10_000);
  expect(outbox.saved.peek().pending).toBe(0);
  for (const { table, key } of world.rows.values()) {
    if (table === "individuals" || rows.frameRows(key[0]!, key[1]!).peek().loaded)
      expect(shown(table, key), `${table} ${key.join()}`).toBe(JSON.stringify(world.value(table, key)));
  }
  const said = world.marks();
  const marks = said.frame.map((frame, i) => [frame, said.animals[i], said.complete[i], said.flag[i]]);
  const drawn = [...rows.marks(1).value].map(([frame, m]) => [frame, m.animals, m.complete, m.flag]);
  expect(drawn.sort((a, b) => a[0]! - b[0]!)).toEqual(marks);
}

for (let seed = 1; seed <= 80; seed++)
  test(`the page ends as the server, and shows own edits until then (${seed})`, () => play(seed));
