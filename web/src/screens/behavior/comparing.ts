// The comparison of groups that was asked for last, and of which run it is.
import { signal } from "@preact/signals";
import { get, sentence } from "../../api";
import type { Comparison } from "../../types.gen";

/** What is known: `found` null and no trouble: the answer is awaited. */
export interface Compared {
  readonly run: string;
  readonly found: Comparison | null;
  readonly trouble: string;
}

const asked = signal<Compared | null>(null);

/** What is known of the groups of a run; null: nobody has asked. */
export function comparedFor(run: string): Compared | null {
  return asked.value?.run === run ? asked.value : null;
}

/** Whether an answer is awaited. */
export const awaited = (of: Compared | null): boolean => of !== null && of.found === null && of.trouble === "";

/** Compare groups; an answer to an earlier question, or about another run, is left. */
export async function compare(run: string, factor: string, what: string): Promise<void> {
  const mine: Compared = { run, found: null, trouble: "" };
  asked.value = mine;
  let next: Compared;
  try {
    const about = `factor=${encodeURIComponent(factor)}&what=${what}`;
    next = { ...mine, found: await get<Comparison>(`behavior/${run}/groups?${about}`) };
  } catch (error) {
    next = { ...mine, trouble: sentence(error) };
  }
  if (asked.peek() === mine) asked.value = next;
}

/** Forget what was compared. */
export function forgetCompared(): void {
  asked.value = null;
}
