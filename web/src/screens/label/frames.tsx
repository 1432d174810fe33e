// Left: the frames to label, with filters, reasons and thumbnails.
import { hint, run } from "../../keys";
import * as session from "../../store/session";
import * as view from "../../store/view";
import { jobs, goesOn } from "../../store/jobs";
import { thumbUrl } from "../../video/frames";
import { List } from "../../widgets/list";
import { Panel } from "../../widgets/panel";
import * as desk from "./desk";
import { SIGN, type Filter, type Queued } from "./queue";
import { select } from "./moves";
import { holdHere } from "./wholes";

const FILTERS: readonly (readonly [Filter, string, string])[] = [
  ["all", "all", "All frames"],
  ["open", "○", "Nothing labelled yet"],
  ["draft", "◐", "Begun"],
  ["done", "●", "Done"],
  ["flag", "⚑", "Flagged"],
];

/** The queue of frames. */
export function Frames() {
  const queue = desk.queue.value;
  const listed = desk.listed.value;
  const done = queue.filter((one) => one.progress === "done").length;
  const here = listed.findIndex(
    (one) => one.video === view.video.value && one.frame === view.frame.value,
  );
  const busy = jobs.value.some((job) => job.stage === "suggest" && goesOn(job));
  return (
    <Panel name="label.frames" title={`Frames ${done}/${queue.length}`} side="left" size={224}>
      <div class="column label-frames">
        <div class="row" role="group" aria-label="Which frames">
          {FILTERS.map(([id, sign, title]) => (
            <button
              key={id}
              class="plain"
              title={title}
              aria-label={title}
              aria-pressed={desk.filter.value === id}
              data-test={`filter-${id}`}
              onClick={() => (desk.filter.value = id)}
            >
              {sign}
            </button>
          ))}
        </div>
        <div class="grow">
          {listed.length === 0 ? (
            <p class="muted pad">
              {queue.length === 0
                ? "No frame is chosen yet. Let the studio suggest some, or just place a point in any frame."
                : "No frame is of this kind."}
            </p>
          ) : (
            <List
              items={listed}
              height={44}
              label="Frames to label"
              selected={here}
              name={(one) => `${one.video},${one.frame}`}
              onPick={pick}
              test="queue"
            >
              {(one) => <Row one={one} />}
            </List>
          )}
        </div>
        <button
          type="button"
          title={hint("suggest")}
          disabled={busy || !session.mayEdit.value}
          data-test="suggest"
          onClick={() => run("suggest")}
        >
          {busy ? "suggesting …" : "+ suggest 20"}
        </button>
      </div>
    </Panel>
  );
}

function pick(one: Queued): void {
  if (one.reason !== "" && one.progress !== "done") holdHere(one.video, one.frame);
  if (!desk.sweep.peek()) select(null, null);
  view.goTo(one.frame, one.video);
}

function Row({ one }: { one: Queued }) {
  const video = session.video(one.video);
  const many = session.videos.value.length > 1;
  const words = { open: "not begun", draft: "begun", done: "done" }[one.progress];
  return (
    <>
      {video && <img class="thumb" loading="lazy" alt="" src={thumbUrl(video, one.frame)} />}
      <span title={words} aria-label={words} class={`sign ${one.progress}`}>
        {SIGN[one.progress]}
      </span>
      <span class="column tight grow cut">
        <span class="number cut">
          f{one.frame}
          {one.flag && <span title="flagged"> ⚑</span>}
          {one.holder && <span class="muted"> {one.holder}</span>}
        </span>
        <span class="muted cut" title={one.reason}>
          {many && `${video?.name ?? ""} `}
          {one.reason || (one.animals > 0 ? `${one.animals} labelled` : "marked")}
        </span>
      </span>
    </>
  );
}
