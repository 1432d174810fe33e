// Short messages at the edge of the page; also read out by screen readers.
import { signal } from "@preact/signals";

export interface Toast {
  id: number;
  text: string;
  kind: "info" | "warn" | "error";
  /** A button: what it says and does. */
  act?: { title: string; run: () => void };
}

export const toasts = signal<Toast[]>([]);
const said = new Map<string, number>();
let count = 0;
const LASTS_MS = { info: 4000, warn: 8000, error: 20000 };

interface Options {
  kind?: Toast["kind"];
  /** Said at most once in ten minutes under this name. */
  once?: string;
  act?: Toast["act"];
}

/** Say something in passing. The same text is not piled up. */
export function toast(text: string, { kind = "info", once, act }: Options = {}): void {
  if (once !== undefined && Date.now() - (said.get(once) ?? -Infinity) < 600_000) return;
  if (once !== undefined) said.set(once, Date.now());
  const one: Toast = { id: ++count, text, kind, ...(act ? { act } : {}) };
  toasts.value = [...toasts.value.filter((old) => old.text !== text), one].slice(-4);
  setTimeout(() => hush(one.id), LASTS_MS[kind]);
}

/** Take a message away. */
export function hush(id: number): void {
  toasts.value = toasts.value.filter((one) => one.id !== id);
}
