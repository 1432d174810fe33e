// Groups of animals compared: whose recordings are, a column picker, differences with intervals.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, post, sentence } from "../../api";
import * as session from "../../store/session";
import { toast } from "../../store/toasts";
import type { Animals, Comparison, GroupDifference } from "../../types.gen";
import * as desk from "./desk";

const KINDS = { usage: "usage", durations: "dwell", transitions: "transitions" } as const;
type What = keyof typeof KINDS;

const animals = signal<Animals | null>(null);
const found = signal<Comparison | null>(null);
const trouble = signal("");
const busy = signal(false);
const what = signal<What>("usage");

async function load(run: string): Promise<void> {
  found.value = null;
  trouble.value = "";
  try {
    animals.value = await get<Animals>(`behavior/${run}/animals`);
  } catch (error) {
    trouble.value = sentence(error);
  }
}

let told = 0;
let sent: Promise<void> = Promise.resolve();

/** Show what was typed at once and write it; of several that wait, the last is written. */
function save(run: string, table: Animals): void {
  const mine = ++told;
  animals.value = table;
  sent = sent.then(async () => {
    if (mine !== told) return;
    try {
      const got = await post<Animals>(`behavior/${run}/animals`, { columns: table.columns, rows: table.rows });
      if (mine === told) animals.value = got;
    } catch (error) {
      toast(sentence(error), { kind: "warn" });
      if (mine === told) void load(run);
    }
  });
}

async function compare(run: string, factor: string): Promise<void> {
  busy.value = true;
  trouble.value = "";
  try {
    const about = `factor=${encodeURIComponent(factor)}&what=${what.value}`;
    found.value = await get<Comparison>(`behavior/${run}/groups?${about}`);
  } catch (error) {
    found.value = null;
    trouble.value = sentence(error);
  } finally {
    busy.value = false;
  }
}

/** Compare groups. */
export function Groups() {
  const run = desk.run.value?.run ?? "";
  useEffect(() => {
    if (run !== "") void load(run);
  }, [run]);
  const table = animals.value;
  if (table === null) return <p class="muted">{trouble.value}</p>;
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const value = new FormData(event.currentTarget as HTMLFormElement).get("factor");
    if (typeof value === "string") void compare(run, value);
  };
  return (
    <div class="column" data-test="groups">
      <form class="row" onSubmit={submit}>
        <select name="factor" aria-label="Column of groups" data-test="factor" disabled={table.factors.length === 0}>
          {table.factors.map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
        <select
          aria-label="What is compared"
          value={what.value}
          data-test="compare-what"
          onChange={(event) => (what.value = event.currentTarget.value as What)}
        >
          {Object.entries(KINDS).map(([name, words]) => (
            <option key={name} value={name}>
              {words}
            </option>
          ))}
        </select>
        <button disabled={busy.value || table.factors.length === 0} title="Compare groups of animals" data-test="compare">
          Compare
        </button>
      </form>
      {table.factors.length === 0 && <p class="muted">Say below whose the recordings are, and of which group.</p>}
      {trouble.value !== "" && <p class="bad" role="alert">{trouble.value}</p>}
      {found.value !== null && <Differences held={found.value} />}
      <details class="fold" open={table.factors.length === 0}>
        <summary>Animals and groups (animals.csv)</summary>
        <Table run={run} table={table} />
      </details>
    </div>
  );
}

const said = (value: number | null, digits = 3): string => (value === null ? "–" : value.toPrecision(digits));

function Differences({ held }: { held: Comparison }) {
  return (
    <>
      <p class="muted">
        Animals: {Object.entries(held.animals).map(([name, n]) => `${n} ${name}`).join(", ")}; {held.unit}; 95 % intervals,
        animals permuted; smallest p {said(held.smallest_p, 2)}. {held.notes.join(" ")}
      </p>
      <table class="labels number" data-test="differences">
        <thead>
          <tr class="muted">
            <th>label</th>
            <th>means</th>
            <th>difference</th>
            <th title="Corrected for the number of labels">q</th>
          </tr>
        </thead>
        <tbody>
          {held.rows.map((row) => (
            <Difference key={`${row.label} ${row.one} ${row.other}`} row={row} />
          ))}
        </tbody>
      </table>
    </>
  );
}

function Difference({ row }: { row: GroupDifference }) {
  return (
    <tr class={row.different ? "chosen" : ""} data-different={row.different}>
      <td class="cut">
        {row.label} <span class="muted">{row.other} − {row.one}</span>
      </td>
      <td>
        {said(row.mean_one)}, {said(row.mean_other)}
      </td>
      <td>
        {said(row.difference)} <span class="muted">[{said(row.low)}, {said(row.high)}]</span>
      </td>
      <td>{said(row.q, 2)}</td>
    </tr>
  );
}

function Table({ run, table }: { run: string; table: Animals }) {
  const set = (r: number, c: number, value: string): void => {
    const now = animals.peek() ?? table;
    if (now.rows[r]?.[c] === value) return;
    const rows = now.rows.map((row, n) => (n === r ? row.map((cell, k) => (k === c ? value : cell)) : row));
    save(run, { ...now, rows });
  };
  const add = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const name = new FormData(form).get("column");
    if (typeof name !== "string" || name.trim() === "" || table.columns.includes(name.trim())) return;
    save(run, { ...table, columns: [...table.columns, name.trim()], rows: table.rows.map((row) => [...row, ""]) });
    form.reset();
  };
  const may = session.mayEdit.value;
  return (
    <div class="animals-box">
      <table class="labels" data-test="animals-table">
        <thead>
          <tr class="muted">
            {table.columns.map((name) => (
              <th key={name}>{name}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row, r) => (
            <tr key={row[0]}>
              <td class="cut">{row[0]}</td>
              {row.slice(1).map((cell, c) => (
                <td key={c}>
                  <input
                    size={8}
                    value={cell}
                    maxLength={80}
                    disabled={!may}
                    aria-label={`${table.columns[c + 1]} of ${row[0]}`}
                    onChange={(event) => set(r, c + 1, event.currentTarget.value.trim())}
                  />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {may && (
        <form class="row" onSubmit={add}>
          <input name="column" size={10} maxLength={60} placeholder="another column" aria-label="Another column" />
        </form>
      )}
    </div>
  );
}
