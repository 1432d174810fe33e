// Two people changed the same thing: who, what, when, and three ways on.
import { again, blocked, settle } from "../store/edits";
import { conflict, type Conflict } from "../store/outbox";
import { deed } from "../store/words";
import { Dialog } from "./dialog";

function sentences({ edit, theirs }: Conflict): string[] {
  return theirs.map((one) => {
    const seen = edit.changes.find(
      (c) => c.table === one.table && c.key.join() === one.key.join(),
    );
    return `${deed(one, seen?.saw ?? null)}.`;
  });
}

/** Of which frame; its person may be elsewhere by now. */
function where({ edit }: Conflict): string {
  const at = edit.changes.find(({ table }) => table === "instances" || table === "frames");
  return at === undefined ? "" : `, frame ${at.key[1]}`;
}

function Ways() {
  return (
    <>
      <button data-test="keep-mine" data-first onClick={() => void settle(true)}>
        Keep mine
      </button>
      <button data-test="take-theirs" onClick={() => void settle(false)}>
        Take theirs
      </button>
    </>
  );
}

function both(on: boolean): void {
  if (conflict.value !== null) conflict.value = { ...conflict.value, both: on };
}

/** The bar while theirs is drawn beside mine. */
export function Undecided() {
  const open = conflict.value;
  if (open === null) return null;
  return (
    <div class="bar row" data-test="undecided">
      <span class="grow">{sentences(open).join(" ")} Theirs is drawn beside yours.</span>
      <Ways />
    </div>
  );
}

function Undo() {
  const open = blocked.value;
  if (open === null) return null;
  const who = open.theirs[0]?.by ?? "Somebody";
  const leave = (): void => void (blocked.value = null);
  const footer = (
    <>
      <button data-test="undo-theirs" onClick={() => void again(open.what, open.n, true)}>
        {open.what === "undo" ? "Undo" : "Redo over"} theirs, too
      </button>
      <button data-first data-test="undo-leave" onClick={leave}>
        Leave
      </button>
    </>
  );
  return (
    <Dialog title={`${who} changed this after you`} onClose={leave} footer={footer} test="blocked">
      <ul>
        {open.theirs.map((one) => (
          <li key={one.key.join()}>{deed(one, undefined)}.</li>
        ))}
      </ul>
    </Dialog>
  );
}

/** Dialogs about changes that others made at the same time. */
export function Conflicts() {
  const open = conflict.value;
  if (open === null || open.both) return <Undo />;
  const footer = (
    <>
      <Ways />
      <button data-test="show-both" onClick={() => both(true)}>
        Show both
      </button>
    </>
  );
  return (
    <Dialog
      title="Two people, one animal"
      onClose={() => both(true)}
      footer={footer}
      test="conflict"
    >
      {sentences(open).map((text) => (
        <p key={text}>{text}</p>
      ))}
      <p class="muted">
        You: {open.edit.action}
        {where(open)}.
      </p>
    </Dialog>
  );
}
