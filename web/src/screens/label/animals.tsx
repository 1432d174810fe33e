// Right: the animals of the frame, the keypoints with their counts, and the selected point.
import { computed } from "@preact/signals";
import { useState } from "preact/hooks";
import { hint, run } from "../../keys";
import { COVERED, pointOf, VISIBLE, withPoint, withoutPoint, type State } from "../../store/pose";
import { setAnimal } from "../../store/labels";
import * as session from "../../store/session";
import * as view from "../../store/view";
import { Elided } from "../../widgets/elided";
import { Panel } from "../../widgets/panel";
import { listedAnimals } from "./deeds";
import * as desk from "./desk";
import { progress, removeAnimal, select, send } from "./moves";
import { colourOf } from "./scene";
import { rename } from "./wholes";
import { naming } from "./naming";

/** The animal whose keypoints are listed: the selected point's, else the one that comes next. */
const listed = computed<number | null>(() => {
  const selected = view.animal.value;
  return view.keypoint.value === null ? (desk.next.value?.animal ?? selected) : selected;
});

/** Animals and keypoints. */
export function Animals() {
  const of = listed.value;
  return (
    <Panel name="label.animals" title="Animals" side="right" size={272}>
      <div class="column label-animals">
        <div role="group" aria-label="Animals" data-test="animals">
          {listedAnimals().map((animal, i) => (
            <Animal key={animal} animal={animal} number={i + 1} />
          ))}
          <button
            class="plain"
            title={hint("animal.new")}
            onClick={() => run("animal.new")}
            data-test="new-animal"
          >
            + new animal <kbd>N</kbd>
          </button>
        </div>
        <h3 class="cut">Keypoints{of !== null && ` of ${session.animalName(of)}`}</h3>
        <div class="grow keypoints" role="group" aria-label="Keypoints" data-test="keypoints">
          {session.keypoints.value.map((name, k) => (
            <Keypoint key={name} name={name} keypoint={k} />
          ))}
        </div>
        <Fields />
      </div>
    </Panel>
  );
}

function Animal({ animal, number }: { animal: number; number: number }) {
  const { colour, dash } = colourOf(animal);
  const here = desk.rows.value.instances.has(animal);
  const chosen = view.animal.value === animal;
  const name = session.animalName(animal);
  if (naming.value === animal) return <Name animal={animal} />;
  return (
    <div class="row animal" aria-current={chosen}>
      <button
        class="plain grow row"
        title={number < 10 ? `Select ${name} (${number})` : `Select ${name}`}
        aria-pressed={chosen}
        data-test={`animal-${animal}`}
        onClick={() => select(animal, null)}
        onDblClick={() => (naming.value = animal)}
      >
        <span class="muted number">{number}</span>
        <span class={`dot ${dash ? "second" : ""}`} style={{ background: colour }} />
        <span class="grow cut left">{name}</span>
        <span class="muted number">{progress(animal)}</span>
      </button>
      <button
        class="plain"
        title={`Name ${name} (F2)`}
        aria-label={`Name ${name}`}
        onClick={() => (naming.value = animal)}
      >
        ✎
      </button>
      <button
        class="plain"
        disabled={!here}
        title={`Delete ${name} from this frame (Del)`}
        aria-label={`Delete ${name} from this frame`}
        onClick={() => removeAnimal(animal)}
      >
        ×
      </button>
    </div>
  );
}

function Name({ animal }: { animal: number }) {
  const before = animal < 0 ? "" : session.animalName(animal);
  const [text, setText] = useState(before);
  const close = (keep: boolean) => {
    if (naming.peek() !== animal) return;
    naming.value = null;
    if (keep) void rename(animal, text);
  };
  return (
    <form
      class="row"
      onSubmit={(event) => {
        event.preventDefault();
        close(true);
      }}
    >
      <input
        class="grow"
        autoFocus
        ref={(field) => field?.focus()}
        value={text}
        list="animal-names"
        aria-label={`Name of ${session.animalName(animal)}`}
        placeholder="name, then Enter"
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => event.key === "Escape" && close(false)}
        onBlur={() => close(true)}
        data-test="animal-name"
      />
      <datalist id="animal-names">
        {session.individuals.value.map((one) => (
          <option key={one.id} value={one.name} />
        ))}
      </datalist>
    </form>
  );
}

const STATES = ["✕", "○", "●"] as const;
const WORDS = ["absent", "covered", "visible"] as const;

function Keypoint({ name, keypoint }: { name: string; keypoint: number }) {
  const upcoming = desk.next.value;
  const animal = listed.value;
  const point = animal === null ? null : pointOf(desk.held.value.instances.get(animal), keypoint);
  const chosen = view.keypoint.value === keypoint;
  const next = upcoming?.keypoint === keypoint && upcoming.animal === animal;
  const words = point === null ? "unset" : WORDS[point.state];
  const counts = session.keypointCounts.value[keypoint];
  const all = counts ? counts.visible + counts.occluded + counts.absent + counts.unset : 0;
  return (
    <button
      class={`plain keypoint ${next ? "next" : ""}`}
      aria-pressed={chosen}
      title={`${name}: ${words}${next ? ", the next click places it" : ""}`}
      data-test={`keypoint-${keypoint}`}
      data-state={words}
      onClick={() => {
        desk.ghosting.value = true;
        if (animal !== null) select(animal, keypoint);
      }}
    >
      <span class="sign" aria-label={words}>
        {point === null ? (next ? "+" : "·") : STATES[point.state]}
      </span>
      <Elided name={name} />
      {counts && all > 0 && (
        <>
          <meter min={0} max={all} value={counts.visible} aria-label={`${name}: seen`} />
          <span
            class="number muted counts"
            title={`${counts.visible} visible, ${counts.occluded} covered, ${counts.absent} absent, ${counts.unset} unset`}
          >
            {counts.visible}
            {counts.occluded > 0 && ` ○${counts.occluded}`}
            {counts.absent > 0 && ` ✕${counts.absent}`}
          </span>
        </>
      )}
      {counts?.p50_px != null && (
        <span class="number muted" title="Held-out error, median and 95 % of it, px">
          {counts.p50_px.toFixed(1)}/{counts.p95_px?.toFixed(1)}
        </span>
      )}
    </button>
  );
}

/** x, y and state of the selected point as fields. */
function Fields() {
  const [animal, keypoint] = [view.animal.value, view.keypoint.value];
  if (animal === null || keypoint === null)
    return <p class="muted hint-line">Select a keypoint (Q, E) to type its place.</p>;
  const at = { animal, keypoint };
  const point = pointOf(desk.held.value.instances.get(animal) ?? null, keypoint);
  const ghost = desk.ghostAt(at);
  const name = desk.nameOf(keypoint);
  // a change starts from the rows as they are: the last one may not have been drawn yet
  const latest = () => {
    const value = desk.rows.peek().instances.get(animal) ?? null;
    return { value, point: pointOf(value, keypoint) };
  };
  const put = (part: { x?: number; y?: number }, state?: State) => {
    const { value, point } = latest();
    const [x, y] = [point?.x ?? null, point?.y ?? null];
    const where = { ...(x === null || y === null ? desk.ghostAt(at) : { x, y }), ...part };
    const kept = point?.state === COVERED ? COVERED : VISIBLE;
    const next = withPoint(value, keypoint, where, state ?? kept);
    send({ action: `set ${name}`, changes: setAnimal(desk.rows.peek(), animal, next) });
  };
  const forget = () => {
    const { value, point } = latest();
    if (value === null || point === null) return;
    const next = withoutPoint(value, keypoint);
    send({ action: `unset ${name}`, changes: setAnimal(desk.rows.peek(), animal, next) });
  };
  const coordinate = (axis: "x" | "y") => (
    <label class="row">
      {axis}
      <input
        type="number"
        step="0.25"
        value={point?.[axis] == null ? "" : Math.round(point[axis] * 100) / 100}
        placeholder={ghost[axis].toFixed(1)}
        data-test={`field-${axis}`}
        onChange={(event) => {
          const typed = event.currentTarget.valueAsNumber;
          if (Number.isFinite(typed)) put({ [axis]: typed });
        }}
      />
    </label>
  );
  return (
    <fieldset class="fields">
      <legend class="cut">{name}</legend>
      {coordinate("x")}
      {coordinate("y")}
      <label class="row">
        state
        <select
          value={point?.state ?? -1}
          data-test="field-state"
          onChange={(event) => {
            const state = Number(event.currentTarget.value);
            if (state < 0) forget();
            else put({}, state as State);
          }}
        >
          <option value={-1}>unset</option>
          <option value={2}>visible</option>
          <option value={1}>covered</option>
          <option value={0}>absent</option>
        </select>
      </label>
    </fieldset>
  );
}
