// Answers and news in one order: what the feed told while an answer was on its way comes after it.
import type { RowChange } from "./rows";

/** An answer that says of which state of the log it is. */
export interface Dated {
  seq: number;
}

/** An answer, and the changes that are newer than it. */
export interface Reading<T> {
  said: T;
  since: RowChange[];
}

interface News {
  seq: number;
  changes: readonly RowChange[];
}

let readers = 0;
let journal: News[] = []; // what was heard since the first of the readers began
let log = 0;

/** Note what the feed told, for answers that are on their way. */
export function note(seq: number, changes: readonly RowChange[]): void {
  if (readers > 0 && changes.length > 0) journal.push({ seq, changes });
}

/** News were missed, or are of another log: what is on its way is asked for again. */
export function missed(): void {
  log += 1;
  journal = [];
}

/** Ask for something. The server answers with a state at least as new as what it told before. */
export async function reading<T extends Dated>(ask: () => Promise<T>): Promise<Reading<T>> {
  readers += 1;
  try {
    for (;;) {
      const began = log;
      const said = await ask();
      if (began !== log) continue;
      const later = journal.filter(({ seq }) => seq > said.seq);
      return { said, since: later.flatMap(({ changes }) => [...changes]) };
    }
  } finally {
    readers -= 1;
    if (readers === 0) journal = [];
  }
}
