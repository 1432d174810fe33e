// Proposals to carry decisions over from another model: which run they are for, which are ticked.
import { signal } from "@preact/signals";
import { get, sentence } from "../../api";
import { toast } from "../../store/toasts";
import type { BehaviorLabels, Followed } from "../../types.gen";
import * as desk from "./desk";
import { send } from "./sending";

/** What is proposed for a run; `held` null: it is being asked for. */
export interface Proposed {
  readonly run: string;
  readonly source: string;
  readonly held: Followed | null;
}

const shown = signal<Proposed | null>(null);
export const chosen = signal<ReadonlySet<number>>(new Set());
/** Whether an answer is awaited. */
export const busy = signal(false);

/** What is proposed for a run; null: nothing is. */
export function proposedFor(run: string): Proposed | null {
  return shown.value?.run === run ? shown.value : null;
}

/** Forget the proposals: another run is looked at. */
export function forget(): void {
  shown.value = null;
  chosen.value = new Set();
}

/** Ask what a run may take over from another; an answer that is late is left. */
export async function look(run: string, source: string): Promise<void> {
  forget();
  if (source === "") return;
  const mine: Proposed = { run, source, held: null };
  shown.value = mine;
  try {
    const held = await get<Followed>(`behavior/${run}/follow?from=${source}`);
    if (shown.peek() !== mine) return;
    shown.value = { run, source, held };
    chosen.value = new Set(held.proposals.flatMap((one, n) => (one.good ? [n] : [])));
  } catch (error) {
    if (shown.peek() !== mine) return;
    forget();
    toast(sentence(error), { kind: "warn" });
  }
}

/** Take over what is ticked, for the run that it was shown for. */
export async function approve(): Promise<void> {
  const mine = shown.peek();
  if (mine === null || mine.held === null || busy.peek()) return;
  const { run, source, held } = mine;
  busy.value = true;
  try {
    const said = { source, chosen: [...chosen.peek()], seen: held.seen };
    const got = await send<BehaviorLabels>(`behavior/${run}/follow`, said);
    desk.tables.value = new Map(desk.tables.peek()).set(run, got);
    desk.reread();
    if (shown.peek() === mine) forget();
  } catch (error) {
    toast(sentence(error), { kind: "warn" });
    if (shown.peek() === mine) await look(run, source); // the proposals may be others by now
  } finally {
    busy.value = false;
  }
}
