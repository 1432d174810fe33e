// The skeleton editor: names, order, pairs and bones. One edit, undone like any other.
import { useMemo, useState } from "preact/hooks";
import { closeDialog } from "../store/dialogs";
import { edit } from "../store/edits";
import { change } from "../store/rows";
import { skeleton } from "../store/session";
import {
  closeDraft,
  draftOf,
  guessSwap,
  hangable,
  keepsNumbers,
  lonely,
  nameProblems,
  pairRows,
  parseNames,
  removeRow,
  type Draft,
  type DraftSkeleton,
} from "../store/skeletons";
import { count } from "../store/words";
import type { Skeleton } from "../types.gen";
import { Bones } from "./bones";
import { Dialog } from "./dialog";

interface Part {
  draft: DraftSkeleton;
  onChange: () => void;
}

function Choice(props: {
  label: string;
  rows: readonly Draft[];
  value: Draft | null;
  onPick: (row: Draft | null) => void;
}) {
  const { label, rows, value, onPick } = props;
  return (
    <select
      aria-label={label}
      value={value === null ? -1 : rows.indexOf(value)}
      onChange={(event) => onPick(rows[Number(event.currentTarget.value)] ?? null)}
    >
      <option value={-1}>–</option>
      {rows.map((row, j) => (
        <option key={j} value={j}>
          {row.name || `keypoint ${j + 1}`}
        </option>
      ))}
    </select>
  );
}

function Row({ draft, onChange, row }: Part & { row: Draft }) {
  const j = draft.rows.indexOf(row);
  const others = draft.rows.filter((one) => one !== row);
  const name = row.name || `keypoint ${j + 1}`;
  const move = (by: number): void => {
    const rest = draft.rows.filter((one) => one !== row);
    draft.rows = [...rest.slice(0, j + by), row, ...rest.slice(j + by)];
    onChange();
  };
  return (
    <tr data-test="skeleton-row">
      <td>
        <input
          data-first={j === 0 || undefined}
          aria-label={`Name of keypoint ${j + 1}`}
          value={row.name}
          size={14}
          onInput={(event) => {
            row.name = event.currentTarget.value;
            onChange();
          }}
        />
      </td>
      <td>
        <Choice
          label={`Other side of ${name}`}
          rows={others}
          value={row.pair}
          onPick={(to) => {
            pairRows(row, to);
            onChange();
          }}
        />
      </td>
      <td>
        <Choice
          label={`${name} hangs on`}
          rows={hangable(draft, row)}
          value={row.parent}
          onPick={(to) => {
            row.parent = to;
            onChange();
          }}
        />
      </td>
      <td>
        <button class="plain" disabled={j === 0} aria-label={`${name} up`} title="Up" onClick={() => move(-1)}>
          ↑
        </button>
        <button
          class="plain"
          disabled={j === draft.rows.length - 1}
          aria-label={`${name} down`}
          title="Down"
          onClick={() => move(1)}
        >
          ↓
        </button>
        <button
          class="plain"
          aria-label={`Remove ${name}`}
          title="Remove; its points go from all labels, undo brings them back"
          onClick={() => {
            removeRow(draft, row);
            onChange();
          }}
        >
          ×
        </button>
      </td>
    </tr>
  );
}

function More({ draft, onChange }: Part) {
  const [text, setText] = useState("");
  const add = (event: Event): void => {
    event.preventDefault();
    for (const name of parseNames(text))
      draft.rows.push({ name, was: -1, parent: null, pair: null });
    setText("");
    onChange();
  };
  const pair = (): void => {
    guessSwap(draft.rows.map((row) => row.name)).forEach((k, j) => {
      if (k > j) pairRows(draft.rows[j]!, draft.rows[k]!);
    });
    onChange();
  };
  return (
    <form class="row" onSubmit={add}>
      <input
        class="grow"
        aria-label="New keypoints"
        placeholder="new keypoints, with commas between"
        value={text}
        data-test="skeleton-new"
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <button disabled={text.trim() === ""}>Add</button>
      <button type="button" onClick={pair}>
        Find pairs by name
      </button>
    </form>
  );
}

/** What saving will do, in words. */
export function consequences(source: readonly number[], old: Skeleton): string[] {
  const added = source.filter((was) => was < 0).length;
  const gone = old.keypoints.filter((_, j) => !source.includes(j));
  const said = [];
  if (added > 0) said.push(`${count(added, "keypoint")} will be unset in all labels.`);
  if (gone.length > 0) said.push(`The points of ${gone.join(", ")} go from all labels.`);
  return said;
}

function save(draft: DraftSkeleton, old: Skeleton): void {
  const { skeleton: next, source } = closeDraft(draft);
  const kept = keepsNumbers(source, old.keypoints.length);
  // other numbers: the server rewrites all points in the same edit
  const value = kept ? next : { skeleton: next, order: source };
  edit("change the skeleton", [change("skeleton", [1], value)]);
  closeDialog();
}

/** The editor. */
export function SkeletonDialog() {
  const old = useMemo(() => skeleton.peek()!, []);
  const draft = useMemo(() => draftOf(old), []);
  const [, setTurn] = useState(0);
  const onChange = (): void => setTurn((n) => n + 1);
  const names = draft.rows.map((row) => row.name.trim());
  const problems = nameProblems(names);
  const alone = lonely(names).filter((name) => !draft.rows[names.indexOf(name)]?.pair);
  const footer = (
    <>
      {consequences(draft.rows.map((row) => row.was), old).map((text) => (
        <span key={text}>{text}</span>
      ))}
      <button
        class="main"
        disabled={problems.length > 0}
        data-test="skeleton-save"
        onClick={() => save(draft, old)}
      >
        Keep
      </button>
    </>
  );
  return (
    <Dialog title="Skeleton" onClose={closeDialog} footer={footer} wide test="skeleton-dialog">
      <div class="bones">
        <div class="column">
          <table class="plain">
            <thead>
              <tr>
                <th scope="col">Keypoint</th>
                <th scope="col">Other side</th>
                <th scope="col">Hangs on</th>
                <th scope="col">
                  <span class="unseen">Order, remove</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {draft.rows.map((row, j) => (
                <Row key={j} draft={draft} row={row} onChange={onChange} />
              ))}
            </tbody>
          </table>
          <More draft={draft} onChange={onChange} />
          <div aria-live="polite">
            {problems.map((text) => (
              <p key={text} class="bad">
                {text}
              </p>
            ))}
            {alone.length > 0 && <p>No partner of the other side: {alone.join(", ")}.</p>}
          </div>
        </div>
        <div class="column">
          <Bones draft={draft} onChange={onChange} />
          <p class="muted">Drag from one keypoint to another: a line, or no line any more.</p>
        </div>
      </div>
    </Dialog>
  );
}
