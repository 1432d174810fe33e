// Two hypotheses as pictures: each animal before the crossing, and who it would be after it.
import { useEffect, useRef, useState } from "preact/hooks";
import { paintOf } from "../../canvas/figure";
import type { XY } from "../../canvas/transform";
import { hint, run as act } from "../../keys";
import * as view from "../../store/view";
import type { Crossing } from "../../types.gen";
import { fetchPicture, frameUrl } from "../../video/frames";
import * as desk from "./desk";
import { exchanged } from "./deeds";
import { middleOf, sizeOf, type Body } from "./packed";

const SIDE = 92; // px of a crop on the page
const ROOM = 1.3; // of a body, that a crop shows

interface Pair {
  readonly before: ImageBitmap;
  readonly after: ImageBitmap;
}

/** Keep and Swap. */
export function Previews() {
  const crossing = desk.crossing.value;
  const [pair, setPair] = useState<Pair | null>(null);
  const video = view.openVideo.value;
  useEffect(() => {
    setPair(null);
    if (crossing === null || video === undefined) return;
    const stop = new AbortController();
    const picture = (frame: number) => fetchPicture(frameUrl(video, frame), stop.signal);
    Promise.all([picture(crossing.first), picture(crossing.last)])
      .then(([before, after]) => setPair({ before, after }))
      .catch(() => undefined); // the stage says what is wrong with a frame
    return () => stop.abort();
  }, [crossing?.item, crossing?.first, crossing?.last, video?.id]);
  void desk.read.value;
  if (crossing === null)
    return <p class="muted pad">K opens the most harmful crossing and loops it.</p>;
  const settled = crossing.verdict === "right" || crossing.verdict === "swapped";
  const pairs = exchanged();
  return (
    <div class="previews">
      <Hypothesis crossing={crossing} pair={pair} names={crossing.animals} test="keep">
        <button class="main" disabled={settled} title={hint("accept")} onClick={() => act("accept")} data-test="keep">
          Keep <kbd>Enter</kbd>
        </button>
      </Hypothesis>
      <Hypothesis crossing={crossing} pair={pair} names={crossing.instead} test="swap">
        <button disabled={settled} title={hint("swap")} onClick={() => act("swap")} data-test="swap">
          Swap{pairs ? "" : " …"} <kbd>X</kbd>
        </button>
      </Hypothesis>
      <p class="muted number">
        {crossing.kind}, frames {crossing.first} to {crossing.last}: the tracker is{" "}
        {Math.round(crossing.confidence * 100)} % sure
        {crossing.verdict && ` · ${crossing.verdict}`}
      </p>
      <div class="row">
        <button title={hint("crossing.unsure")} disabled={settled} onClick={() => act("crossing.unsure")}>
          Not sure <kbd>U</kbd>
        </button>
        <button aria-pressed={desk.looping.value} title={hint("crossing.loop")} onClick={() => act("crossing.loop")}>
          Loop <kbd>O</kbd>
        </button>
      </div>
    </div>
  );
}

interface Props {
  crossing: Crossing;
  pair: Pair | null;
  /** What each of the crossing's animals is called after it. */
  names: readonly string[];
  test: string;
  children: preact.ComponentChildren;
}

function Hypothesis({ crossing, pair, names, test, children }: Props) {
  const number = (name: string) => desk.names.value.indexOf(name);
  const before = desk.bodiesAt(crossing.first) ?? [];
  const after = desk.bodiesAt(crossing.last) ?? [];
  const of = (bodies: readonly Body[], name: string) => bodies.find((b) => b.animal === number(name));
  const size = Math.max(...[...before, ...after].map(sizeOf), 16) * ROOM;
  return (
    <div class="hypothesis" data-test={`preview-${test}`}>
      {children}
      {crossing.animals.map((name) => {
        // who after the crossing is called `name` in this hypothesis
        const then = crossing.animals[names.indexOf(name)] ?? name;
        const { colour } = paintOf(Math.max(number(name), 0));
        return (
          <div key={name} class="row then" title={`${name} before and after`}>
            <Crop picture={pair?.before} at={middleOf(of(before, name))} size={size} colour={colour} label={`${name} before`} />
            <span aria-hidden="true">→</span>
            <Crop picture={pair?.after} at={middleOf(of(after, then))} size={size} colour={colour} label={`${name} after`} />
          </div>
        );
      })}
    </div>
  );
}

interface CropProps {
  picture: ImageBitmap | undefined;
  at: XY | null;
  size: number;
  colour: string;
  label: string;
}

function Crop({ picture, at, size, colour, label }: CropProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const brush = canvas.current?.getContext("2d");
    if (!brush) return;
    const side = brush.canvas.width;
    brush.fillStyle = "#111";
    brush.fillRect(0, 0, side, side);
    if (picture === undefined || at === null) return;
    brush.drawImage(picture, at.x - size / 2, at.y - size / 2, size, size, 0, 0, side, side);
  }, [picture, at?.x, at?.y, size]);
  return (
    <span class="crop" style={{ borderColor: colour }}>
      <canvas ref={canvas} width={SIDE * 2} height={SIDE * 2} role="img" aria-label={label} />
      {at === null && <span class="muted unseen-here">not seen</span>}
    </span>
  );
}
