// Bouts by hand: which behaviours have begun, and what their end makes. No DOM.

/** Behaviours that go on, with the frame they began in. */
export type Begun = ReadonlyMap<string, number>;

export interface Stretch {
  readonly label: string;
  readonly first: number;
  readonly last: number;
}

/** Begin a behaviour, or end it: then the stretch is told. Backwards counts as well. */
export function toggled(begun: Begun, label: string, frame: number): { begun: Begun; made: Stretch | null } {
  const next = new Map(begun);
  const from = next.get(label);
  if (from === undefined) {
    next.set(label, frame);
    return { begun: next, made: null };
  }
  next.delete(label);
  return { begun: next, made: { label, first: Math.min(from, frame), last: Math.max(from, frame) } };
}

export const DIGITS = 9;

/** Behaviours for the digits: those that the person listed, then those of others, once each. */
export function listed(own: readonly string[], others: readonly string[]): string[] {
  const names = [...own, ...others].map((name) => name.trim()).filter((name) => name !== "");
  return [...new Set(names)].slice(0, DIGITS);
}
