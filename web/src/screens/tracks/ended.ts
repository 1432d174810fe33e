// Whether enough was looked at, in words.
import { count } from "../../store/words";

const FEW = 0.5; // swaps left, below which one may stop

/** What the banner says; null: go on. `open`: checks that nobody has settled. */
export function ended(left: number, open: number): string | null {
  if (left >= FEW) return null;
  const few = "fewer than one swap in two recordings like this is left";
  if (open === 0) return `done: ${few}`;
  return `swaps are done: ${few}. ${count(open, "check")} ${open === 1 ? "is" : "are"} still open`;
}
