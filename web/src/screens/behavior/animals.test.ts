import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { toasts } from "../../store/toasts";
import type { Animals, AnimalsEdit } from "../../types.gen";
import { addColumn, animals, load, write } from "./animals";
import { closeSending, openSending } from "./sending";

let table: Animals;
let sent: AnimalsEdit[] = [];
let gates: (() => void)[] | null = null; // answers that are held back
let refuse = false;

const answer = (status: number, body: unknown): Response => new Response(JSON.stringify(body), { status });

async function server(_: string, init: RequestInit): Promise<Response> {
  if (init.method === "GET") return answer(200, table);
  const said = JSON.parse(String(init.body)) as AnimalsEdit;
  sent.push(said);
  if (refuse && !said.force) {
    return answer(409, { code: "conflict", message: "somebody wrote 'x'", hint: "look", theirs: [] });
  }
  const cells = said.cells ?? [];
  const rows = table.rows.map((row) =>
    row.map((word, k) => cells.find((c) => c.recording === row[0] && c.column === table.columns[k])?.value ?? word),
  );
  table = { ...table, rows };
  const now = table;
  if (gates !== null) await new Promise<void>((done) => gates?.push(done));
  return answer(200, now);
}

const settle = (): Promise<void> => new Promise((done) => setTimeout(done, 20));

beforeEach(async () => {
  table = { columns: ["recording", "animal", "group"], rows: [["a", "m1", ""], ["b", "m2", ""]], factors: [] };
  [sent, gates, refuse, toasts.value] = [[], null, false, []];
  vi.stubGlobal("fetch", server);
  openSending("p");
  await load("run");
});
afterEach(() => {
  closeSending();
  vi.unstubAllGlobals();
});

test("only the cell that changed is sent, with what it showed", async () => {
  write({ recording: "a", column: "group", saw: "", value: "ctl" });
  expect(animals.value?.rows[0]).toEqual(["a", "m1", "ctl"]); // at once
  write({ recording: "a", column: "group", saw: "ctl", value: "ctl" });
  await settle();
  expect(sent.map((one) => one.cells)).toEqual([[{ recording: "a", column: "group", saw: "", value: "ctl" }]]);
});

test("what was written while an answer was on its way stays on the page", async () => {
  gates = [];
  write({ recording: "a", column: "group", saw: "", value: "x" });
  write({ recording: "b", column: "group", saw: "", value: "y" });
  await settle();
  gates[0]?.(); // the answer to the first knows nothing of the second
  await settle();
  expect(animals.value?.rows.map((row) => row[2])).toEqual(["x", "y"]);
  gates[1]?.();
  await settle();
  expect(table.rows.map((row) => row[2])).toEqual(["x", "y"]);
});

test("news that come while an edit is on its way are read after it", async () => {
  gates = [];
  write({ recording: "a", column: "group", saw: "", value: "x" });
  await settle();
  table = { ...table, rows: [table.rows[0]!, ["b", "m2", "theirs"]] };
  await load("run"); // as the feed says
  gates[0]?.();
  await settle();
  expect(animals.value?.rows.map((row) => row[2])).toEqual(["x", "theirs"]);
});

test("where another wrote, theirs is shown, and mine is written when that is said", async () => {
  refuse = true;
  table = { ...table, rows: [["a", "m1", "x"], table.rows[1]!] };
  write({ recording: "a", column: "group", saw: "", value: "y" });
  await settle();
  expect(animals.value?.rows[0]?.[2]).toBe("x");
  expect(toasts.value[0]?.text).toBe("somebody wrote 'x' look");
  toasts.value[0]?.act?.run();
  await settle();
  expect(animals.value?.rows[0]?.[2]).toBe("y");
  expect(new Set(sent.map((one) => one.id)).size).toBe(2);
});

test("a new column is there at once, and only its name is sent", async () => {
  addColumn("sex");
  expect(animals.value?.columns).toContain("sex");
  addColumn("group");
  await settle();
  expect(sent.map(({ columns, cells }) => ({ columns, cells }))).toEqual([{ columns: ["sex"], cells: undefined }]);
});

test("what waits about one run neither holds up another's table nor is written to it", async () => {
  refuse = true;
  gates = [];
  write({ recording: "a", column: "group", saw: "", value: "x" });
  await load("other");
  expect(animals.value).not.toBeNull();
  await settle();
  const paths: string[] = [];
  vi.stubGlobal("fetch", (path: string, init: RequestInit) => (paths.push(`${init.method} ${path.split("/api/")[1]}`), server(path, init)));
  toasts.value[0]?.act?.run(); // "Keep mine", said when another run is shown
  await settle();
  gates[0]?.();
  await settle();
  expect(paths).toEqual(["POST behavior/run/animals"]);
});
