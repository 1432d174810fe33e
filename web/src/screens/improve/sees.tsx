// What the network sees: its receptive field and the crop, drawn on a real frame of the project.
import { useEffect, useState } from "preact/hooks";
import { loadFrame, marks } from "../../store/rows";
import * as session from "../../store/session";
import type { InstanceValue, Video } from "../../types.gen";
import { frameUrl } from "../../video/frames";
import { around, type Box } from "./crop";
import type { Sees as Said } from "../../types.gen";
import { getSees } from "./wire";

interface Seen {
  video: Video;
  frame: number;
  at: [number, number];
}

/** The middle of an animal's box, px. */
function middle(value: InstanceValue): [number, number] | null {
  const known = value.points.filter(([, x, y]) => x !== null && y !== null);
  if (known.length === 0) return null;
  const [xs, ys] = [known.map((p) => p[1]!), known.map((p) => p[2]!)];
  const half = (all: number[]): number => (Math.min(...all) + Math.max(...all)) / 2;
  return [half(xs), half(ys)];
}

async function labelled(): Promise<Seen | null> {
  const [first] = session.videos.peek();
  for (const video of session.videos.peek())
    for (const [frame, mark] of marks(video.id).value) {
      if (mark.animals === 0 || !video.found) continue;
      const rows = await loadFrame(video.id, frame);
      const at = [...rows.instances.values()].map(middle).find((one) => one !== null);
      if (at != null) return { video, frame, at };
    }
  if (first === undefined) return null;
  return { video: first, frame: 0, at: [first.width / 2, first.height / 2] };
}

function Rect({ box, kind, of }: { box: Box; kind: string; of: Video }) {
  const [x0, y0, x1, y1] = box;
  const clip = (value: number, most: number): number => Math.min(Math.max(value, 0), most);
  const [left, top] = [clip(x0, of.width), clip(y0, of.height)];
  const size = { width: clip(x1, of.width) - left, height: clip(y1, of.height) - top };
  return <rect class={kind} x={left} y={top} {...size} vector-effect="non-scaling-stroke" />;
}

/** What the server would choose for the labels as they are; null: it cannot say yet. */
function useSaid(labels: string): Said | null {
  const [said, setSaid] = useState<Said | null>(null);
  useEffect(() => {
    let gone = false;
    getSees().then((one) => !gone && setSaid(one), () => !gone && setSaid(null));
    return () => void (gone = true);
  }, [labels]);
  return said;
}

/** The picture, with the reasons for what is seen. */
export function Sees() {
  const [seen, setSeen] = useState<Seen | null>(null);
  const known = session.videos.value.map(({ id }) => marks(id).value.size).join();
  const said = useSaid(known);
  useEffect(() => {
    let gone = false;
    labelled().then((one) => !gone && setSeen(one), () => undefined);
    return () => void (gone = true);
  }, [known]);
  if (seen === null || said === null) return null;
  const { video, frame, at } = seen;
  const { width, height } = video;
  const { field_px: field, crop_px: crop, whole } = said;
  return (
    <figure class="sees" data-test="sees">
      <svg viewBox={`0 0 ${width} ${height}`} role="img" aria-label={`What the network sees on frame ${frame}`}>
        <image href={frameUrl(video, frame)} width={width} height={height} />
        {!whole && crop !== null && <Rect kind="crop" of={video} box={around(at[0], at[1], crop, video)} />}
        <Rect kind="field" of={video} box={centred(at, field)} />
      </svg>
      <figcaption class="muted column tight">
        <span class="key held">sees {Math.round(field)} px around a point</span>
        {whole ? (
          <span>learns from whole frames</span>
        ) : (
          <span class={crop === null ? "" : "key tail"}>
            learns from crops {crop === null ? "around each animal" : `of ${crop.map(Math.round).join("×")} px`}
          </span>
        )}
        {said.reasons.map((reason) => (
          <span key={reason}>{reason}</span>
        ))}
      </figcaption>
    </figure>
  );
}

function centred([x, y]: [number, number], side: number): Box {
  return [x + 0.5 - side / 2, y + 0.5 - side / 2, x + 0.5 + side / 2, y + 0.5 + side / 2];
}
