// All settings of a stage, behind a fold: the same form as elsewhere.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, sentence } from "../../api";
import type { StageSchema } from "../../types.gen";
import { blocksOf, said, type Config, type Schema } from "../improve/form";
import { Form } from "../improve/formview";
import { settings, type Stage } from "./prepare";

const schemas = signal<Readonly<Record<string, Schema>>>({});
const trouble = signal("");

async function load(stage: Stage): Promise<void> {
  if (schemas.peek()[stage] !== undefined) return;
  try {
    const got = await get<StageSchema>(`stages/${stage}/schema`);
    schemas.value = { ...schemas.peek(), [stage]: got.settings as Schema };
    trouble.value = "";
  } catch (error) {
    trouble.value = sentence(error);
  }
}

function Inside({ stage }: { stage: Stage }) {
  useEffect(() => void load(stage), [stage]);
  const schema = schemas.value[stage];
  if (schema === undefined) return <p class="muted">{trouble.value || "reading the settings …"}</p>;
  const set = (change: (own: Config) => Config): void =>
    void (settings.value = { ...settings.peek(), [stage]: change(settings.peek()[stage] ?? {}) });
  return <Form blocks={blocksOf(schema)} preset={{}} own={settings.value[stage] ?? {}} onChange={set} refused={null} />;
}

const unfolded = signal<ReadonlySet<Stage>>(new Set());

/** The fold. */
export function Settings({ stage }: { stage: Stage }) {
  const own = said(settings.value[stage] ?? {});
  const open = unfolded.value.has(stage);
  return (
    <details
      class="all"
      open={open}
      data-test={`settings-${stage}`}
      onToggle={({ currentTarget }) => {
        const next = new Set(unfolded.peek());
        if (currentTarget.open) next.add(stage);
        else next.delete(stage);
        unfolded.value = next;
      }}
    >
      <summary>
        All settings {own > 0 && <span class="muted">{own} of your own</span>}
      </summary>
      {open && <Inside stage={stage} />}
    </details>
  );
}
