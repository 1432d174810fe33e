// The form of a stage's settings: a field for each, with what is usual and why.
import { useId } from "preact/hooks";
import { read, shown, typed, usually, write, type Block, type Config, type Field } from "./form";

interface Props {
  blocks: readonly Block[];
  /** What the chosen preset says; the form shows it where the person says nothing. */
  preset: Config;
  own: Config;
  /** Takes what makes the new settings of those that are, which may not have been drawn yet. */
  onChange: (change: (own: Config) => Config) => void;
  /** What the server refused: name of the field, its sentence. */
  refused: { name: string; text: string } | null;
}

interface OneProps extends Omit<Props, "blocks"> {
  field: Field;
}

function Control({ field, own, preset, onChange, id, bad }: OneProps & { id: string; bad: boolean }) {
  const mine = read(own, field.path);
  const below = read(preset, field.path);
  const usual = below === undefined ? usually(field) : shown(field, below) || "chosen from the labels";
  const set = (value: unknown): void => onChange((own) => write(own, field.path, value));
  const common = { id, "aria-invalid": bad, "aria-describedby": `${id}-about`, "data-test": `field-${field.name}` };
  if (field.kind === "choice" || field.kind === "boolean") {
    const choices = field.kind === "boolean" ? ["true", "false"] : field.choices;
    const word = (text: string): string => ({ true: "yes", false: "no" })[text] ?? text;
    return (
      <select
        {...common}
        value={mine === undefined ? "" : shown(field, mine)}
        onChange={({ currentTarget: { value } }) => set(value === "" ? undefined : typed(field, value))}
      >
        <option value="">{word(usual)} (usual)</option>
        {choices.map((one) => (
          <option key={one} value={one}>
            {word(one)}
          </option>
        ))}
      </select>
    );
  }
  const number = field.kind === "integer" || field.kind === "number";
  return (
    <input
      {...common}
      type="text"
      inputMode={number ? "decimal" : "text"}
      placeholder={usual}
      value={mine === undefined ? "" : shown(field, mine)}
      onChange={({ currentTarget: { value } }) => set(value.trim() === "" ? undefined : typed(field, value))}
    />
  );
}

function limits({ least, most }: Field): string {
  if (least !== null && most !== null) return `${least} to ${most}`;
  if (least !== null) return least === 0 ? "" : `from ${least}`;
  return most === null ? "" : `up to ${most}`;
}

function One(props: OneProps) {
  const { field, own, refused } = props;
  const id = useId();
  const bad = refused?.name === field.name;
  const changed = read(own, field.path) !== undefined;
  const notes = [field.about, limits(field)].filter((text) => text !== "").join(" · ");
  return (
    <div class={`setting ${changed ? "changed" : ""}`}>
      <label for={id}>{field.path.at(-1)!.replaceAll("_", " ")}</label>
      <Control {...props} id={id} bad={bad} />
      <p id={`${id}-about`} class="muted">
        {notes}
        {bad && (
          <span class="bad" role="alert" data-test="refused-here">
            {notes && <br />}
            {refused!.text}
          </span>
        )}
      </p>
    </div>
  );
}

/** The form. */
export function Form(props: Props) {
  return (
    <div class="form" data-test="form">
      {props.blocks.map((block) => {
        const own = block.fields.filter((field) => read(props.own, field.path) !== undefined).length;
        const wrong = block.fields.some(({ name }) => name === props.refused?.name);
        return (
          <details key={block.name} open={wrong || undefined} data-test={`block-${block.name || "main"}`}>
            <summary>
              {block.name === "" ? "main" : block.name.replaceAll(".", " · ")}
              <span class="muted"> {own > 0 ? `${own} changed` : `${block.fields.length} settings`}</span>
            </summary>
            <p class="muted">{block.about}</p>
            {block.fields.map((field) => (
              <One key={field.name} {...props} field={field} />
            ))}
          </details>
        );
      })}
    </div>
  );
}
