// How to train: three presets with reasons, every setting behind them, what the network will see.
import { computed, effect, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { ApiError, sentence } from "../../api";
import { hint, run } from "../../keys";
import { startJob } from "../../store/jobs";
import { drained } from "../../store/outbox";
import * as session from "../../store/session";
import { toast } from "../../store/toasts";
import * as view from "../../store/view";
import * as desk from "./desk";
import { blamed, blocksOf, over, read, said, shown, type Config } from "./form";
import { Form } from "./formview";
import { Sees } from "./sees";
import { missing } from "./steps";
import type { Preset } from "../../types.gen";
import { getStage, type StageForm } from "./wire";

const form = signal<StageForm | null>(null);
const trouble = signal("");
const refused = signal<{ name: string; text: string } | null>(null);
const starting = signal(false);
const name = view.remember("improve.preset", "");
const own = view.remember<Config>("improve.settings", {});

const preset = computed<Preset | null>(() => {
  const all = form.value?.presets ?? [];
  return all.find((one) => one.name === name.value) ?? all[0] ?? null;
});
const blocks = computed(() => (form.value === null ? [] : blocksOf(form.value.settings)));

/** Settings that only the process of the training could refuse: its sentence, at its field. */
function refusedLater(): void {
  const job = desk.watched.value;
  if (job?.state !== "failed" || job.problem?.code !== "input" || form.value === null) return;
  const fields = blocks.value.flatMap((block) => block.fields);
  const found = blamed(fields, job.problem.message);
  const same = found !== null && shown(found.field, read(job.config, found.field.path)) ===
    shown(found.field, read(over(preset.value?.config ?? {}, own.value), found.field.path));
  if (same) refused.value = { name: found.field.name, text: found.text };
}

/** Whether a training may start now. */
export function mayTrain(): boolean {
  return session.role.value === "edit" && desk.training.value === null && desk.done.value > 0 && !starting.value;
}

/** Start a training; what the server refuses stands at its field. */
export async function train(): Promise<void> {
  if (!mayTrain()) return;
  refused.value = null;
  trouble.value = "";
  starting.value = true;
  try {
    await drained(); // labels that are on their way train, too
    const job = await startJob("train", over(preset.peek()?.config ?? {}, own.peek()));
    desk.looked.value = job.id;
  } catch (error) {
    refuse(error);
  } finally {
    starting.value = false;
  }
}

function refuse(error: unknown): void {
  const fields = blocks.peek().flatMap((block) => block.fields);
  const found = error instanceof ApiError && error.status === 422 ? blamed(fields, error.problem.message) : null;
  if (found === null) trouble.value = sentence(error);
  else {
    refused.value = { name: found.field.name, text: found.text };
    toast(`${found.field.name}: ${found.text}`, { kind: "error" });
  }
}

async function load(): Promise<void> {
  try {
    form.value = await getStage("train");
    trouble.value = "";
  } catch (error) {
    trouble.value = sentence(error);
  }
}

function minutes(value: number): string {
  return value < 1 ? `≤ ${Math.max(Math.round(60 * value), 1)} s` : `≤ ${Math.round(value)} min`;
}

function Card({ one }: { one: Preset }) {
  const chosen = preset.value?.name === one.name;
  return (
    <label class={`card ${chosen ? "chosen" : ""}`} data-test={`preset-${one.name}`}>
      <span class="row">
        <input type="radio" name="preset" checked={chosen} onChange={() => (name.value = one.name)} />
        <strong class="grow">{one.name}</strong>
        <span class="muted number">{one.minutes === null ? "as long as it helps" : minutes(one.minutes)}</span>
      </span>
      <span class="muted">{one.reason}</span>
    </label>
  );
}

function Settings() {
  const n = said(own.value);
  return (
    <details class="all" open={refused.value !== null || undefined} data-test="settings">
      <summary>
        All settings {n > 0 && <span class="muted">{n} of your own</span>}
      </summary>
      {n > 0 && (
        <button
          class="plain"
          data-test="settings-reset"
          onClick={() => {
            own.value = {};
            refused.value = null;
          }}
        >
          Back to the preset
        </button>
      )}
      <Form
        blocks={blocks.value}
        preset={preset.value?.config ?? {}}
        own={own.value}
        onChange={(change) => {
          own.value = change(own.peek());
          refused.value = null;
        }}
        refused={refused.value}
      />
    </details>
  );
}

/** The panel. */
export function Train() {
  const few = desk.done.value;
  useEffect(() => effect(refusedLater), []);
  useEffect(() => void load(), [few > 0, desk.rounds.value.length]); // estimates follow the labels
  const short = missing(few);
  return (
    <section class="part" aria-label="Train" data-test="train-panel">
      <div class="row">
        <h2>Train</h2>
        <span class="muted">
          {few === 1 ? "1 frame is done" : `${few} frames are done`}
          {short !== null && `; ${short}`}
        </span>
        <button disabled={!mayTrain()} title={hint("train")} data-test="train-go" onClick={() => run("train")}>
          {desk.training.value !== null ? "training …" : "train"}
        </button>
      </div>
      {trouble.value !== "" && (
        <p class="bad" role="alert" data-test="train-trouble">
          {trouble.value}
        </p>
      )}
      <div class="cards" role="radiogroup" aria-label="Preset">
        {(form.value?.presets ?? []).map((one) => (
          <Card key={one.name} one={one} />
        ))}
      </div>
      {form.value === null && trouble.value === "" && <p class="muted">reading the settings …</p>}
      {few > 0 && <Sees />}
      {form.value !== null && <Settings />}
    </section>
  );
}
