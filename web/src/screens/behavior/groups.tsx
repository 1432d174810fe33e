// Groups of animals compared: whose recordings are, a column picker, differences with intervals.
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import * as session from "../../store/session";
import type { Animals, Comparison, GroupDifference } from "../../types.gen";
import * as table from "./animals";
import { awaited, compare, comparedFor, forgetCompared } from "./comparing";
import * as desk from "./desk";

const KINDS = { usage: "usage", durations: "dwell", transitions: "transitions" } as const;
type What = keyof typeof KINDS;

const what = signal<What>("usage");

/** Compare groups. */
export function Groups() {
  const run = desk.run.value?.run ?? "";
  useEffect(() => forgetCompared, [run]);
  const news = session.reloads.value;
  useEffect(() => {
    if (run !== "") void table.load(run);
  }, [run, news]);
  const held = table.animals.value;
  const fold = useRef({ run: "", open: false }); // it does not close while somebody types in it
  if (held === null) return <p class="muted">{table.trouble.value}</p>;
  if (fold.current.run !== run) fold.current = { run, open: held.factors.length === 0 };
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const value = new FormData(event.currentTarget as HTMLFormElement).get("factor");
    if (typeof value === "string") void compare(run, value, what.peek());
  };
  const compared = comparedFor(run);
  return (
    <div class="column" data-test="groups">
      <form class="row" onSubmit={submit}>
        <select name="factor" aria-label="Column of groups" data-test="factor" disabled={held.factors.length === 0}>
          {held.factors.map((name) => (
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
        <button disabled={awaited(compared) || held.factors.length === 0} title="Compare groups of animals" data-test="compare">
          Compare
        </button>
      </form>
      {held.factors.length === 0 && <p class="muted">Say below whose the recordings are, and of which group.</p>}
      {compared !== null && compared.trouble !== "" && <p class="bad" role="alert">{compared.trouble}</p>}
      {compared !== null && compared.found !== null && <Differences held={compared.found} />}
      <details class="fold" open={fold.current.open}>
        <summary>Animals and groups (animals.csv)</summary>
        <Table held={held} />
      </details>
    </div>
  );
}

const said = (value: number | null, digits = 3): string => (value === null ? "–" : value.toPrecision(digits));

const PAIRS = "Of these two groups, corrected for the number of pairs; – where all groups together do not differ";

function Differences({ held }: { held: Comparison }) {
  const several = Object.keys(held.animals).length > 2;
  return (
    <>
      <p class="muted">
        Animals: {Object.entries(held.animals).map(([name, n]) => `${n} ${name}`).join(", ")}; {held.unit}; 95 % intervals,
        animals permuted; smallest p {said(held.smallest_p, 2)}. {several && `q: ${PAIRS.toLowerCase()}. `}
        {held.notes.join(" ")}
      </p>
      <table class="labels number" data-test="differences">
        <thead>
          <tr class="muted">
            <th>label</th>
            <th>means</th>
            <th>difference</th>
            <th title={several ? PAIRS : "Corrected for the number of labels"}>q</th>
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
        {said(row.difference)} <span class="muted">{row.low === null ? "no interval" : `[${said(row.low)}, ${said(row.high)}]`}</span>
      </td>
      <td>{said(row.q, 2)}</td>
    </tr>
  );
}

/** A cell; what is being typed stays, whatever others write meanwhile. */
function Cell({ recording, column, word }: { recording: string; column: string; word: string }) {
  const typed = useRef<{ saw: string; value: string } | null>(null);
  const done = (field: HTMLInputElement): void => {
    const held = typed.current;
    typed.current = null;
    if (held === null) return;
    const value = held.value.trim();
    field.value = held.saw === value ? word : value;
    table.write({ recording, column, saw: held.saw, value });
  };
  return (
    <input
      size={8}
      value={typed.current?.value ?? word}
      maxLength={80}
      disabled={!session.mayEdit.value}
      aria-label={`${column} of ${recording}`}
      onInput={(event) => {
        typed.current = { saw: typed.current?.saw ?? word, value: event.currentTarget.value };
      }}
      onBlur={(event) => done(event.currentTarget)}
      onKeyDown={(event) => {
        if (event.key === "Enter") done(event.currentTarget);
      }}
    />
  );
}

function Table({ held }: { held: Animals }) {
  const add = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const name = new FormData(form).get("column");
    if (typeof name === "string") table.addColumn(name.trim());
    form.reset();
  };
  return (
    <div class="animals-box">
      <table class="labels" data-test="animals-table">
        <thead>
          <tr class="muted">
            {held.columns.map((name) => (
              <th key={name}>{name}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {held.rows.map(([recording = "", ...words]) => (
            <tr key={recording}>
              <td class="cut">{recording}</td>
              {words.map((word, c) => (
                <td key={held.columns[c + 1]}>
                  <Cell recording={recording} column={held.columns[c + 1] ?? ""} word={word} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {session.mayEdit.value && (
        <form class="row" onSubmit={add}>
          <input name="column" size={10} maxLength={60} placeholder="another column" aria-label="Another column" />
        </form>
      )}
    </div>
  );
}
