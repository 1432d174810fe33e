// Which animal is being named, and whether a note is being written: small forms of the screen.
import { signal } from "@preact/signals";

export const naming = signal<number | null>(null);
export const noting = signal(false);
