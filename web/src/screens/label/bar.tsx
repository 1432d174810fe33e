// Below the canvas: how the picture is shown, and what lies over it. Display only.
import { hint, run } from "../../keys";
import type { ActionName } from "../../actions";
import { AS_STORED, plain, type Levels } from "../../canvas/picture";
import { speed } from "../../video/play";
import { source, SOURCES, type Source } from "../../video/source";
import * as desk from "./desk";
import { WindowSliders } from "./window";

type Slider = { key: "brightness" | "contrast" | "gamma"; min: number; max: number; step: number };

const SLIDERS: readonly (Slider & { name: string })[] = [
  { key: "brightness", name: "brightness", min: -1, max: 1, step: 0.02 },
  { key: "contrast", name: "contrast", min: -0.9, max: 0.9, step: 0.02 },
  { key: "gamma", name: "γ", min: 0.2, max: 4, step: 0.05 },
];

/** Levels, switches, play. */
export function Bar() {
  const levels = desk.levels.value;
  const set = (change: Partial<Levels>) => (desk.levels.value = { ...desk.levels.peek(), ...change });
  return (
    <div class="label-bar row" role="group" aria-label="View" data-test="label-bar">
      <button
        class="plain"
        title={hint("play.toggle")}
        aria-label={speed.value > 0 ? "Pause" : "Play"}
        onClick={() => run("play.toggle")}
        data-test="play"
      >
        {speed.value > 0 ? "❚❚" : "▶"}
      </button>
      <select
        aria-label="Play from"
        title={`${hint("play.source")}. Auto: from packets where the link is slower than 30 Mbit/s`}
        value={source.value}
        onChange={(event) => (source.value = event.currentTarget.value as Source)}
        data-test="play-from"
      >
        {SOURCES.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
      {SLIDERS.map(({ key, name, min, max, step }) => (
        <label key={key} class="row" title={`${name}: double-click sets it back`}>
          <span class="muted">{name}</span>
          <input
            type="range"
            min={min}
            max={max}
            step={step}
            value={levels[key]}
            onInput={(event) => set({ [key]: event.currentTarget.valueAsNumber })}
            onDblClick={() => set({ [key]: AS_STORED[key] })}
            data-test={`level-${key}`}
          />
        </label>
      ))}
      <WindowSliders />
      <Switch name="view.levels" on={desk.auto.value} text="auto" />
      <Switch name="view.invert" on={levels.invert} text="invert" />
      <button
        class="plain"
        disabled={plain(levels) && !desk.auto.value}
        onClick={reset}
        title="Show the picture as it is stored"
        aria-label="As stored"
      >
        ↺
      </button>
      <span class="row switches">
        <Switch name="sweep" on={desk.sweep.value} text="sweep" />
        <Switch name="view.onion" on={desk.onion.value} text="onion" />
        <Switch name="view.predictions" on={desk.predictions.value} text="predictions" />
        <button
          class="plain"
          aria-pressed={desk.spread.value}
          title="Ellipses of the predictions' uncertainty, 2 standard deviations"
          onClick={() => (desk.spread.value = !desk.spread.value)}
        >
          spread
        </button>
        <button
          class="plain"
          aria-pressed={desk.allNames.value}
          title="Names of all keypoints, not only the selected animal's"
          onClick={() => (desk.allNames.value = !desk.allNames.value)}
        >
          names
        </button>
      </span>
    </div>
  );
}

function reset(): void {
  desk.levels.value = AS_STORED;
  desk.auto.value = false;
}

function Switch({ name, on, text }: { name: ActionName; on: boolean; text: string }) {
  return (
    <button
      class="plain"
      aria-pressed={on}
      title={hint(name)}
      onClick={() => run(name)}
      data-test={`switch-${name}`}
    >
      {text}
    </button>
  );
}
