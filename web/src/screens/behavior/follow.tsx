// Decisions about an earlier model, carried to this one by overlap: shown, then approved.
import { signal } from "@preact/signals";
import { get, post, sentence } from "../../api";
import * as session from "../../store/session";
import { toast } from "../../store/toasts";
import type { BehaviorLabels, Followed } from "../../types.gen";
import * as desk from "./desk";

const shown = signal<Followed | null>(null);
const chosen = signal<ReadonlySet<number>>(new Set());

async function look(run: string, from: string): Promise<void> {
  if (from === "") return void (shown.value = null);
  try {
    const got = await get<Followed>(`behavior/${run}/follow?from=${from}`);
    shown.value = got;
    chosen.value = new Set(got.proposals.flatMap((one, n) => (one.good ? [n] : [])));
  } catch (error) {
    shown.value = null;
    toast(sentence(error), { kind: "warn" });
  }
}

async function approve(run: string): Promise<void> {
  const held = shown.peek();
  if (held === null) return;
  try {
    const said = { source: held.source, chosen: [...chosen.peek()], proposals: held.proposals.length };
    const got = await post<BehaviorLabels>(`behavior/${run}/follow`, said);
    desk.tables.value = new Map(desk.tables.peek()).set(run, got);
    desk.reread();
    shown.value = null;
  } catch (error) {
    toast(sentence(error), { kind: "warn" });
  }
}

/** Carry decisions over from another run of the same kind; nothing, where nobody decided any. */
export function Follow() {
  const own = desk.run.value;
  const names = new Set(own?.recordings.map((one) => one.name));
  const others = desk.runs.value.filter(
    (one) =>
      one.run !== own?.run && one.kind === own?.kind && one.decisions > 0 && one.recordings.some((r) => names.has(r.name)),
  );
  if (own === null || others.length === 0) return null;
  const held = shown.value;
  return (
    <details class="fold" data-test="follow">
      <summary>Take over names of another model</summary>
      <div class="column">
        <select
          aria-label="Model whose names are taken over"
          data-test="follow-from"
          value={held?.source ?? ""}
          onChange={(event) => void look(own.run, event.currentTarget.value)}
        >
          <option value="">choose it …</option>
          {others.map((one) => (
            <option key={one.run} value={one.run}>
              {one.title}: {one.decisions} decisions
            </option>
          ))}
        </select>
        {held !== null && (
          <>
            <Proposals held={held} />
            <button
              disabled={chosen.value.size === 0 || !session.mayEdit.value}
              title="Take over what is ticked; each can be undone"
              data-test="approve"
              onClick={() => void approve(own.run)}
            >
              Approve {chosen.value.size} of {held.proposals.length}
            </button>
          </>
        )}
      </div>
    </details>
  );
}

function Proposals({ held }: { held: Followed }) {
  const tick = (n: number, on: boolean): void => {
    const next = new Set(chosen.peek());
    if (on) next.add(n);
    else next.delete(n);
    chosen.value = next;
  };
  return (
    <ul class="proposals" data-test="proposals">
      {held.proposals.map((one, n) => (
        <li key={n}>
          <label class="row">
            <input
              type="checkbox"
              checked={chosen.value.has(n)}
              disabled={one.kind === null}
              onChange={(event) => tick(n, event.currentTarget.checked)}
            />
            <span class="grow">
              {one.kind === null ? "" : `${one.kind} ${one.labels.join(", ")} ${one.value}`}{" "}
              <span class="muted">{one.said}</span>
            </span>
            <span class="number" title="Frames that both have, of those that either has">
              {Math.round(100 * one.overlap)} %
            </span>
          </label>
        </li>
      ))}
    </ul>
  );
}
