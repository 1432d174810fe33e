// Labels: names, colours, notes, how often and how long, merged and taken out; what follows what.
import { useLayoutEffect, useRef } from "preact/hooks";
import { hint, run as act } from "../../keys";
import type { BehaviorLabel } from "../../types.gen";
import { choose, merging, renaming } from "./deeds";
import * as desk from "./desk";

/** The table of labels. */
export function Labels() {
  const all = desk.labels.value;
  const asks = merging.value;
  const most = Math.max(...all.map((one) => one.usage), 1e-9);
  const of = desk.run.value?.run ?? "";
  return (
    <div class="labels-box">
      {asks !== null && (
        <div class="row merge-ask" role="status" data-test="merge-ask">
          <span class="grow">Merge {desk.lookOf(of, asks).name} into which label? Click it, Esc leaves.</span>
        </div>
      )}
      <table class="labels number" data-test="labels">
        <thead>
          <tr class="muted">
            <th>label</th>
            <th title="Share of the labelled frames">usage</th>
            <th>bouts</th>
            <th title="Median length of a bout">median</th>
            <th />
          </tr>
        </thead>
        <tbody>
          {all.map((one) => (
            <Line key={one.id} one={one} of={of} most={most} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Line({ one, of, most }: { one: BehaviorLabel; of: string; most: number }) {
  const { colour } = desk.lookOf(of, one.id);
  const chosen = desk.label.value === one.id;
  const names = renaming.value === one.id;
  const set = (value: string) => void desk.decide({ do: "colour", labels: [one.id], value });
  const words = [
    one.members.length > 1 ? `of ${one.members.join(", ")}` : "",
    ...one.notes,
    one.excluded ? "taken out" : "",
  ].filter((word) => word !== "");
  return (
    <tr class={`${chosen ? "chosen" : ""} ${one.excluded ? "out" : ""}`} data-test={`label-${one.id}`}>
      <td>
        <span class="row label-cell">
          <input
            type="color"
            value={colour}
            aria-label={`Colour of ${one.name}`}
            title="Colour"
            onChange={(event) => set(event.currentTarget.value)}
          />
          {names ? (
            <Rename one={one} />
          ) : (
            <button
              class="plain cut grow"
              title={`${one.name}${words.length ? ` (${words.join("; ")})` : ""}: its clips · double-click or F2: name it`}
              aria-pressed={chosen}
              onClick={() => choose(one.id)}
              onDblClick={() => (renaming.value = one.id)}
            >
              <span class="cut">
                {one.name} {words.length > 0 && <span class="muted">{words.join(" · ")}</span>}
              </span>
            </button>
          )}
        </span>
      </td>
      <td>
        <span class="usage-bar" style={{ width: `${(40 * one.usage) / most}px`, background: colour }} />
        {(100 * one.usage).toFixed(1)} %
      </td>
      <td>{one.bouts}</td>
      <td>{one.median_s === null ? "–" : `${one.median_s.toFixed(2)} s`}</td>
      <td>
        <button
          class="plain"
          title={one.excluded ? `Bring ${one.name} back` : `Take ${one.name} out`}
          aria-label={one.excluded ? `Bring ${one.name} back` : `Take ${one.name} out`}
          onClick={() => void desk.decide({ do: one.excluded ? "include" : "exclude", labels: [one.id] })}
        >
          {one.excluded ? "↩" : "×"}
        </button>
      </td>
    </tr>
  );
}

function Rename({ one }: { one: BehaviorLabel }) {
  const field = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => field.current?.select(), []); // keys that follow at once are its own
  const close = () => (renaming.value = null);
  return (
    <form
      class="row grow"
      data-test="rename-label"
      onSubmit={(event) => {
        event.preventDefault();
        const value = field.current?.value.trim() ?? "";
        close();
        if (value !== "" && value !== one.name) void desk.decide({ do: "rename", labels: [one.id], value });
      }}
      onKeyDown={(event) => event.key === "Escape" && close()}
    >
      <input ref={field} class="grow" defaultValue={one.name} maxLength={60} aria-label={`New name of ${one.name}`} onBlur={close} />
    </form>
  );
}

/** What can be done with the chosen label, and the history of decisions. */
export function LabelTools() {
  const chosen = desk.labels.value.find((one) => one.id === desk.label.value);
  const held = desk.table.value;
  const note = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const value = new FormData(form).get("note");
    if (chosen && typeof value === "string" && value.trim() !== "")
      void desk.decide({ do: "note", labels: [chosen.id], value: value.trim() });
    form.reset();
  };
  return (
    <div class="row label-tools">
      <button title={hint("state.rename")} onClick={() => act("state.rename")}>Name</button>
      <button title={hint("state.merge")} onClick={() => act("state.merge")} data-test="merge">Merge …</button>
      <button title={hint("state.split")} onClick={() => act("state.split")}>Split</button>
      <button title="Undo my last decision" disabled={!held?.undo} onClick={() => act("undo")} data-test="undo-decision">↶</button>
      <button title="Redo" disabled={!held?.redo} onClick={() => act("redo")}>↷</button>
      <span class="muted number" title="Of mine, in effect" data-test="decisions">{held ? `${held.undo} decisions` : ""}</span>
      {chosen && (
        <form class="row grow" onSubmit={note}>
          <input name="note" class="grow" placeholder={`Note on ${chosen.name}`} maxLength={400} aria-label={`Note on ${chosen.name}`} />
        </form>
      )}
    </div>
  );
}

/** Which label the next bout has, of every label; the diagonal is empty. */
export function Matrix() {
  const held = desk.table.value;
  const of = desk.run.value?.run ?? "";
  if (held === null || held.order.length < 2) return null;
  const n = held.order.length;
  const name = (at: number): string => desk.lookOf(of, held.order[at]!).name;
  return (
    <div class="matrix" data-test="matrix">
      <svg viewBox={`-1.2 -1.2 ${n + 1.4} ${n + 1.4}`} role="img" aria-label="Which label follows which">
        {held.order.map((id, i) => (
          <g key={id}>
            <rect x={-1} y={i} width={0.7} height={0.9} fill={desk.lookOf(of, id).colour}>
              <title>{name(i)}</title>
            </rect>
            <rect x={i} y={-1} width={0.9} height={0.7} fill={desk.lookOf(of, id).colour}>
              <title>{name(i)}</title>
            </rect>
            {held.next[i]!.map((p, j) => (
              <rect
                key={j}
                x={j}
                y={i}
                width={0.94}
                height={0.94}
                class="cell"
                style={{ fillOpacity: i === j ? 0 : 0.06 + 0.94 * Math.sqrt(p) }}
                onClick={() => choose(held.order[i]!)}
              >
                <title>{`after ${name(i)}: ${name(j)} ${(100 * p).toFixed(0)} %`}</title>
              </rect>
            ))}
          </g>
        ))}
      </svg>
      <p class="muted">Rows: now · columns: next</p>
    </div>
  );
}
