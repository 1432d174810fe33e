// Which dialog or drawer is open. One at a time; conflicts open by themselves.
import { signal } from "@preact/signals";

export type DialogName = "palette" | "help" | "skeleton" | "add" | "person" | "claim" | "export" | "relink";

/** A name that somebody has already, as the server says, and that was typed here. */
export interface Claim {
  name: string;
  why: string;
}

export const dialog = signal<DialogName | null>(null);
/** The film that the dialog "relink" is about. */
export const moved = signal<number | null>(null);
/** What the dialog "claim" is about. */
export const claim = signal<Claim | null>(null);
/** The history of edits, beside the screen. */
export const historyOpen = signal(false);

/** Close what is open. */
export function closeDialog(): void {
  dialog.value = null;
}
