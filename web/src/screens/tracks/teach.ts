// Poses of tracks that join the next round: labels of a frame that waits in the queue of Label.
import * as session from "../../store/session";
import { edit } from "../../store/edits";
import { adopt, DONE, unlabelled, type Step } from "../../store/labels";
import { loadFrame, rowValue, type FrameRows } from "../../store/rows";
import { toast } from "../../store/toasts";
import * as view from "../../store/view";
import type { Change, Individual, InstanceValue, SuggestionValue } from "../../types.gen";

const REASON = "proofread tracks";

/**
 * Every tracked animal becomes a label of a frame that is being worked on; Enter on Label
 * finishes it. null: the frame is done, or nothing is in it that is no label yet.
 */
export function drafts(
  rows: FrameRows,
  individuals: readonly Individual[],
  suggested: SuggestionValue | null,
): Step | null {
  if (rows.row?.complete === DONE) return null;
  const changes: Change[] = [];
  let now = rows;
  for (const index of unlabelled(rows)) {
    const step = adopt(now, index, individuals);
    if (step === null) continue;
    const [first, ...frame] = step.changes;
    const made = first!.value as InstanceValue;
    if (made.points.length === 0) continue;
    changes.push(first!, ...(changes.length === 0 ? frame : []));
    now = { ...now, instances: new Map(now.instances).set(step.animal, made) };
  }
  if (changes.length === 0) return null;
  changes.push({
    table: "suggestions",
    key: [rows.video, rows.frame],
    saw: suggested,
    value: { score: null, rank: 0, ...suggested, reason: REASON, done: 0 },
  });
  return { action: "label a tracked frame", changes };
}

/** L: the animals of this frame wait on Label for whoever looks at them. */
export async function teachHere(): Promise<void> {
  const [video, frame] = [view.video.peek(), view.frame.peek()];
  if (video === null) return;
  if (!session.mayEdit.peek()) return toast("You may look, not edit.", { kind: "warn", once: "refused" });
  const rows = await loadFrame(video, frame, true);
  const now = rowValue("suggestions", [video, frame]) as SuggestionValue | null;
  const step = drafts(rows, session.individuals.peek(), now);
  if (step === null) {
    const why = rows.row?.complete === DONE ? "is labelled already" : "has no animal that is not labelled";
    return toast(`Frame ${frame} ${why}.`, { kind: "warn" });
  }
  edit(step.action, step.changes);
  toast(`Frame ${frame} waits on Label; Enter there finishes it.`);
}
