// Guesses on queued frames become better while a network learns: read them again as they come.
import { effect } from "@preact/signals";
import { goesOn, jobs } from "../../store/jobs";
import { forgetFrames, loadFrame } from "../../store/rows";
import * as view from "../../store/view";
import { Again } from "./again";

const PAUSE_MS = 1500; // the file of the guesses is written after the report that tells of it

const reading = new Again(PAUSE_MS, async () => {
  const [video, frame] = [view.video.peek(), view.frame.peek()];
  forgetFrames(video === null ? undefined : { video, frame });
  if (video !== null) await loadFrame(video, frame, true);
});

/** What of all jobs tells that guesses may have changed. */
export function sign(): string {
  const who = jobs.value.filter(
    (job) => job.stage === "predict-frames" || (job.stage === "train" && goesOn(job)),
  );
  return who.map(({ id, state, done, stage }) => `${id} ${state} ${stage === "train" ? done : ""}`).join();
}

/** Begin, on every screen; returns how to stop. */
export function keepGuesses(): () => void {
  let before: string | null = null;
  return effect(() => {
    const now = sign();
    if (before !== null && now !== before && now !== "") reading.ask("", () => undefined);
    before = now;
  });
}
