// Which frames to label next: how they are chosen, how many, from where; then tiles with reasons.
import { useEffect, useState } from "preact/hooks";
import { sentence } from "../../api";
import { hint, run } from "../../keys";
import { startJob } from "../../store/jobs";
import * as session from "../../store/session";
import { toast } from "../../store/toasts";
import * as view from "../../store/view";
import { thumbUrl } from "../../video/frames";
import * as desk from "./desk";
import { blocksOf } from "./form";
import { getStage } from "./wire";
import { videosOf, WhichVideo } from "./whichvideo";

/** What the ways to choose are called. */
export const WAYS: Readonly<Record<string, string>> = {
  mixed: "mixed: what helps most now",
  cover: "cover: frames that differ",
  kmeans: "cover: frames that differ",
  unsure: "unsure: least sure keypoints",
  "low-confidence": "unsure: least sure keypoints",
  jump: "jump: too fast to be true",
  jumps: "jump: too fast to be true",
  structure: "structure: two readings of a pose",
  crowd: "crowd: animals close together",
  disagree: "disagree: the last two models differ",
  uniform: "evenly over the video",
  random: "at random",
};

const way = view.remember("improve.way", "");
const count = view.remember("improve.count", 20);
const from = view.remember<number>("improve.from", 0); // video, 0: all
const MOST = 500;

/** Ways that the server knows, the best first. */
function useWays(): string[] {
  const [ways, setWays] = useState<string[]>([]);
  useEffect(() => {
    getStage("suggest").then(
      ({ settings }) => {
        const fields = blocksOf(settings).flatMap((block) => block.fields);
        const found = fields.find(({ name }) => name === "method" || name === "strategy")?.choices ?? [];
        const title = (one: string): string => WAYS[one] ?? one;
        const first = found.filter((one, i) => found.findIndex((o) => title(o) === title(one)) === i);
        setWays(first.toSorted((a, b) => +(b === "mixed") - +(a === "mixed")));
      },
      () => setWays([]),
    );
  }, []);
  return ways;
}

/** Start a search with the settings of the panel. */
export function suggest(): void {
  const config = { ...(way.peek() === "" ? {} : { method: way.peek() }), count: count.peek() };
  const inputs = { videos: videosOf(from) };
  startJob("suggest", config, inputs).catch((error: unknown) => toast(sentence(error), { kind: "error" }));
}

function Tile({ i }: { i: number }) {
  const one = desk.queue.value[i]!;
  const video = session.video(one.video);
  if (video === undefined) return null;
  const many = session.videos.value.length > 1;
  const words = `${many ? `${video.name} ` : ""}frame ${one.frame}: ${one.reason}`;
  return (
    <button
      class={`tile plain ${one.finished ? "finished" : ""}`}
      title={`${words}${one.finished ? ", done" : ""}. Click opens it on Label.`}
      aria-current={desk.at.value === i ? "true" : undefined}
      data-test="suggestion"
      onClick={() => {
        desk.at.value = i;
        desk.open(one.video, one.frame);
      }}
    >
      <img loading="lazy" alt="" src={thumbUrl(video, one.frame)} />
      <span class="number cut">
        <span aria-hidden="true">{one.finished ? "● " : one.holder ? "◐ " : "○ "}</span>f{one.frame}
        {many && <span class="muted"> {video.name}</span>}
        {one.holder && <span class="muted"> {one.holder}</span>}
      </span>
      <span class="muted reason">{one.reason}</span>
    </button>
  );
}

function Choices({ ways }: { ways: readonly string[] }) {
  const known = ways.includes(way.value);
  return (
    <>
      {ways.length > 0 && (
        <select
          aria-label="How frames are chosen"
          value={known ? way.value : ways[0]}
          data-test="way"
          onChange={(event) => (way.value = event.currentTarget.value)}
        >
          {ways.map((one) => (
            <option key={one} value={one}>
              {WAYS[one] ?? one}
            </option>
          ))}
        </select>
      )}
      <input
        type="number"
        aria-label="How many frames"
        min={1}
        max={MOST}
        value={count.value}
        data-test="count"
        onChange={(event) => {
          const n = Math.round(Number(event.currentTarget.value)) || 20;
          count.value = Math.min(Math.max(n, 1), MOST);
          event.currentTarget.value = String(count.value);
        }}
      />
      <WhichVideo label="From which videos" chosen={from} />
    </>
  );
}

/** The panel. */
export function Suggest() {
  const ways = useWays();
  const queue = desk.queue.value;
  const busy = desk.course.value.suggesting !== null;
  useEffect(() => {
    if (ways.length > 0 && !ways.includes(way.peek())) way.value = ways[0]!;
  }, [ways]);
  return (
    <section class="part" aria-label="Suggest" data-test="suggest-panel">
      <div class="row">
        <h2>Suggest</h2>
        <Choices ways={ways} />
        <button
          disabled={busy || !session.mayEdit.value || session.videos.value.length === 0}
          title={hint("improve.suggest")}
          data-test="suggest-go"
          onClick={() => run("improve.suggest")}
        >
          {busy ? "looking …" : "suggest"}
        </button>
        {queue.length > 0 && (
          <span class="muted">
            {queue.filter((one) => one.finished).length} of {queue.length} done
          </span>
        )}
      </div>
      {queue.length > 0 ? (
        <div class="tiles" data-test="suggestions">
          {queue.map((one, i) => (
            <Tile key={`${one.video},${one.frame}`} i={i} />
          ))}
        </div>
      ) : (
        <p class="muted">
          No frame is suggested. Suggested frames differ from one another and from what is labelled, each with its reason.
        </p>
      )}
    </section>
  );
}
