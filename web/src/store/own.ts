// Own edits that what the server said does not hold: on their way, or safe and not yet echoed.
import type { Change, Edit } from "../types.gen";
import { waitingEdits } from "./outbox";

let safe: { edit: Edit; at: number }[] = []; // acknowledged; in the log at `at` or before
const echoed = new Set<string>(); // of those that wait: in the log, though no answer said so

/** Rows that own edits change and that the log up to `at` does not hold, oldest first. */
export function* ownChanges(at: number): Generator<Change> {
  for (const one of safe) if (one.at > at) yield* one.edit.changes;
  for (const edit of waitingEdits()) if (!echoed.has(edit.id)) yield* edit.changes;
}

/** Edits became part of the log, whose newest line then was `at`. */
export function acknowledge(edits: readonly Edit[], at: number): void {
  for (const edit of edits) if (!echoed.delete(edit.id)) safe.push({ edit, at });
}

/** The feed told an edit: return it if it is an own one, which needs no longer be kept. */
export function echo(id: string): Edit | null {
  const place = safe.findIndex(({ edit }) => edit.id === id);
  if (place >= 0) return safe.splice(place, 1)[0]!.edit;
  for (const edit of waitingEdits()) {
    if (edit.id !== id) continue;
    echoed.add(id);
    return edit;
  }
  return null;
}

/** The log is known up to `at`: return own edits that need no longer be kept. */
export function known(at: number): Edit[] {
  const gone = safe.filter((one) => one.at <= at);
  if (gone.length > 0) safe = safe.filter((one) => one.at > at);
  return gone.map(({ edit }) => edit);
}

/** The log is another, and nothing is known to be in it. */
export function forgetOwn(): void {
  safe = [];
  echoed.clear();
}
