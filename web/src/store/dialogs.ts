// Which dialog or drawer is open. One at a time; conflicts open by themselves.
import { signal } from "@preact/signals";

export type DialogName = "palette" | "help" | "skeleton" | "add" | "person" | "export" | "relink";

export const dialog = signal<DialogName | null>(null);
/** The film that the dialog "relink" is about. */
export const moved = signal<number | null>(null);
/** The history of edits, beside the screen. */
export const historyOpen = signal(false);

/** Close what is open. */
export function closeDialog(): void {
  dialog.value = null;
}
