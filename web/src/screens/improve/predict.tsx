// Let a trained network look: at the queue, which takes seconds, or at whole videos; and take it out.
import { sentence } from "../../api";
import { hint, run as runAction } from "../../keys";
import { startJob } from "../../store/jobs";
import * as session from "../../store/session";
import { toast } from "../../store/toasts";
import { count } from "../../store/words";
import * as view from "../../store/view";
import * as desk from "./desk";
import { videosOf, WhichVideo } from "./whichvideo";

const chosenRun = view.remember("improve.run", ""); // "": the newest
const chosenVideo = view.remember("improve.predict", 0); // 0: all

/** The run that would predict; null: nothing is trained. */
function run(): string | null {
  const runs = desk.finished.value.map((round) => round.run);
  return runs.includes(chosenRun.value) ? chosenRun.value : (runs.at(-1) ?? null);
}

/** Whether there is something that can predict. */
export function mayPredict(): boolean {
  return session.role.value === "edit" && run() !== null;
}

function start(stage: string, inputs: Record<string, unknown>): void {
  startJob(stage, {}, inputs).catch((error: unknown) => toast(sentence(error), { kind: "error" }));
}

/** Predict the frames of the queue. */
export function predictQueue(): void {
  const of = run();
  const frames = desk.queue.peek().filter((one) => !one.finished).map(({ video, frame }) => [video, frame]);
  if (of === null) return;
  if (frames.length === 0) toast("The queue is empty: suggest some frames first.", { kind: "warn" });
  else start("predict-frames", { run: of, frames });
}

function predictVideos(): void {
  const of = run();
  if (of === null) return;
  start("predict", { run: of, videos: videosOf(chosenVideo) });
}

/** The panel. */
export function Predict() {
  const rounds = desk.finished.value;
  if (rounds.length === 0) return null;
  const may = mayPredict();
  const open = desk.queue.value.filter((one) => !one.finished).length;
  return (
    <section class="part" aria-label="Predict" data-test="predict-panel">
      <div class="row">
        <h2>Predict</h2>
        <select
          aria-label="With which training"
          value={run() ?? ""}
          data-test="run"
          onChange={(event) => (chosenRun.value = event.currentTarget.value)}
        >
          {rounds.toReversed().map(({ run: id, number }) => (
            <option key={id} value={id}>
              round {number} ({id})
            </option>
          ))}
        </select>
        <button
          disabled={!may || open === 0 || desk.running("predict-frames") !== null}
          title={hint("predict")}
          data-test="predict-queue"
          onClick={() => runAction("predict")}
        >
          the queue{open > 0 && `: ${count(open, "frame")}`}
        </button>
        <span class="muted">or</span>
        <WhichVideo label="Which videos" chosen={chosenVideo} />
        <button
          disabled={!may || desk.running("predict") !== null}
          title="Predict every frame of these videos"
          data-test="predict-videos"
          onClick={predictVideos}
        >
          whole videos
        </button>
        <button class="plain" title={hint("export")} data-test="export-result" onClick={() => runAction("export")}>
          export …
        </button>
      </div>
    </section>
  );
}
