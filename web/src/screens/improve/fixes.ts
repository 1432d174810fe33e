// What to do about a job that did not end well: one button that restarts it in another way.
import type { Job } from "../../types.gen";

export type Fix =
  | { readonly kind: "restart" | "relink" | "disk"; readonly text: string }
  | { readonly kind: "resume"; readonly text: string; readonly fix: "" | "memory" | "cpu" };

/** The fix of an ended job, by the word of its problem; null: it needs none. */
export function fixOf(job: Job): Fix | null {
  const resume = (text: string, fix: "" | "memory" | "cpu" = ""): Fix => ({ kind: "resume", text, fix });
  if (job.state === "lost") return resume("Resume from the checkpoint");
  if (job.state === "cancelled") return resume("Resume");
  if (job.state !== "failed") return null;
  switch (job.problem?.code) {
    case "memory":
      return job.stage === "train" ? resume("Restart with smaller batches", "memory") : resume("Restart on the CPU", "cpu");
    case "cpu":
      return resume("Restart on the CPU", "cpu");
    case "disk":
      return { kind: "disk", text: "Free disk space …" };
    case "video":
      return { kind: "relink", text: "Find the video …" };
    case "permission":
      return resume("Try again");
    case "input":
      return null; // the same would be refused again; its sentence says what to change
    default:
      return { kind: "restart", text: "Start again" };
  }
}
