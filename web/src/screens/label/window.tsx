// Which stored values of a film of more than 8 bits are black and white. Display only.
import { sentence } from "../../api";
import * as view from "../../store/view";
import { toast } from "../../store/toasts";
import { levelsOf, moved, topOf, type Window16 } from "../../video/depth";
import { windowOf } from "./desk";

const ENDS: readonly [keyof Window16, string][] = [
  ["low", "black"],
  ["high", "white"],
];

/** Two sliders; nothing where 8 bits hold all. */
export function WindowSliders() {
  const video = view.openVideo.value;
  if (video === undefined) return null;
  const top = topOf(video).value;
  if (top <= 255) return null;
  const chosen = windowOf(video);
  const now = chosen.value ?? { low: 0, high: top };
  const fit = async (): Promise<void> => {
    try {
      const { low, high } = await levelsOf(video, view.frame.peek());
      chosen.value = { low, high };
    } catch (error) {
      toast(sentence(error), { kind: "warn" });
    }
  };
  return (
    <span class="row" role="group" aria-label="Window of stored values" data-test="window">
      <span class="muted">window</span>
      {ENDS.map(([end, text]) => (
        <input
          key={end}
          type="range"
          min={0}
          max={top}
          value={now[end]}
          aria-label={`Stored value shown ${text}`}
          title={`Shown ${text}: ${now[end]} of ${top}`}
          onInput={(event) => (chosen.value = moved(now, end, event.currentTarget.valueAsNumber, top))}
          data-test={`window-${end}`}
        />
      ))}
      <button
        class="plain"
        title="Window of nearly all values of this frame"
        onClick={() => void fit()}
        data-test="window-fit"
      >
        fit
      </button>
      <button
        class="plain"
        disabled={chosen.value === null}
        title="All stored values"
        aria-label="All stored values"
        onClick={() => (chosen.value = null)}
      >
        ↺
      </button>
    </span>
  );
}
