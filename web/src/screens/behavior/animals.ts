// The table of animals on the page: changed cells are sent with what was seen, news are read.
import { signal } from "@preact/signals";
import { ApiError, get, sentence } from "../../api";
import { toast } from "../../store/toasts";
import type { Animals, AnimalsCell, AnimalsEdit } from "../../types.gen";
import { send } from "./sending";

export const animals = signal<Animals | null>(null);
export const trouble = signal("");

let run = "";
let asked = 0;
const waiting = new Map<string, number>(); // edits on their way, by run
const missed = new Set<string>(); // runs of which there were news meanwhile

/** Show the table of a run; answers about another one come too late. */
export async function load(of: string): Promise<void> {
  if (of !== run) [animals.value, trouble.value] = [null, ""];
  run = of;
  if (waiting.has(of)) return void missed.add(of);
  missed.delete(of);
  const mine = ++asked;
  try {
    const got = await get<Animals>(`behavior/${of}/animals`);
    if (mine !== asked) return;
    animals.value = got;
    trouble.value = "";
  } catch (error) {
    if (mine === asked) trouble.value = sentence(error);
  }
}

/** Write a word into a cell that showed another one. */
export function write(cell: AnimalsCell): void {
  const now = animals.peek();
  const column = now?.columns.indexOf(cell.column) ?? -1;
  if (now === null || column < 0 || cell.saw === cell.value) return;
  const rows = now.rows.map((row) =>
    row[0] === cell.recording ? row.map((word, k) => (k === column ? cell.value : word)) : row,
  );
  animals.value = { ...now, rows };
  void tell(run, { cells: [cell] });
}

/** Add a column without any word. */
export function addColumn(name: string): void {
  const now = animals.peek();
  if (now === null || name === "" || now.columns.includes(name)) return;
  animals.value = { ...now, columns: [...now.columns, name], rows: now.rows.map((row) => [...row, ""]) };
  void tell(run, { columns: [name] });
}

async function tell(of: string, said: AnimalsEdit): Promise<void> {
  waiting.set(of, (waiting.get(of) ?? 0) + 1);
  if (of === run) asked += 1; // what was read before is older
  try {
    const got = await send<Animals>(`behavior/${of}/animals`, said);
    if (waiting.get(of) === 1 && of === run) animals.value = got;
  } catch (error) {
    const act = { title: "Keep mine", run: () => void tell(of, { ...said, force: true }) };
    const overtaken = error instanceof ApiError && error.problem.code === "conflict";
    toast(sentence(error), { kind: "warn", ...(overtaken ? { act } : {}) });
    missed.add(of);
  } finally {
    const left = waiting.get(of)! - 1;
    if (left > 0) waiting.set(of, left);
    else waiting.delete(of);
  }
  if (!waiting.has(of) && missed.has(of) && of === run) await load(of);
}
