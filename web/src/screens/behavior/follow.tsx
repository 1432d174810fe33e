// Decisions about an earlier model, carried to this one by overlap: shown, then approved.
import { useEffect } from "preact/hooks";
import * as session from "../../store/session";
import type { Followed } from "../../types.gen";
import * as desk from "./desk";
import * as following from "./following";

/** Carry decisions over from another run of the same kind; nothing, where nobody decided any. */
export function Follow() {
  const own = desk.run.value;
  const names = new Set(own?.recordings.map((one) => one.name));
  const others = desk.runs.value.filter(
    (one) =>
      one.run !== own?.run && one.kind === own?.kind && one.decisions > 0 && one.recordings.some((r) => names.has(r.name)),
  );
  useEffect(() => following.forget, [own?.run]);
  if (own === null || others.length === 0) return null;
  const proposed = following.proposedFor(own.run);
  const held = proposed?.held ?? null;
  const ticked = following.chosen.value.size;
  return (
    <details class="fold" data-test="follow">
      <summary>Take over names of another model</summary>
      <div class="column">
        <select
          aria-label="Model whose names are taken over"
          data-test="follow-from"
          value={proposed?.source ?? ""}
          onChange={(event) => void following.look(own.run, event.currentTarget.value)}
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
              disabled={ticked === 0 || following.busy.value || !session.mayEdit.value}
              title="Take over what is ticked; each can be undone"
              data-test="approve"
              onClick={() => void following.approve()}
            >
              Approve {ticked} of {held.proposals.length}
            </button>
          </>
        )}
      </div>
    </details>
  );
}

function Proposals({ held }: { held: Followed }) {
  const tick = (n: number, on: boolean): void => {
    const next = new Set(following.chosen.peek());
    if (on) next.add(n);
    else next.delete(n);
    following.chosen.value = next;
  };
  return (
    <ul class="proposals" data-test="proposals">
      {held.proposals.map((one, n) => (
        <li key={n}>
          <label class="row">
            <input
              type="checkbox"
              checked={following.chosen.value.has(n)}
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
