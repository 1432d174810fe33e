// Bouts by hand: behaviours of the digits, my bouts in sight, how far people and model agree.
import { spell } from "../../keys";
import * as view from "../../store/view";
import { begun, own, scheme, scoreDigit } from "./deeds";
import * as desk from "./desk";
import { colourOfWord } from "./rasters";

/** Score by hand. */
export function People() {
  const words = scheme.value;
  const add = (event: SubmitEvent): void => {
    event.preventDefault();
    const form = event.currentTarget as HTMLFormElement;
    const value = new FormData(form).get("name");
    if (typeof value === "string" && value.trim() !== "") own.value = [...words, value.trim()];
    form.reset();
  };
  const now = (desk.scored.value?.bouts ?? []).filter(
    (bout) => bout.recording === desk.recording.value?.name && bout.first <= view.frame.value && view.frame.value <= bout.last,
  );
  return (
    <div class="column people-box" data-test="people">
      <div class="row scheme">
        {words.map((word, n) => (
          <button
            key={word}
            aria-pressed={begun.value.has(word)}
            title={`${word}: start, stop (${spell(`@Digit${n + 1}`)})`}
            data-test={`score-${n + 1}`}
            onClick={() => scoreDigit(n + 1)}
          >
            <kbd>{n + 1}</kbd> <span class="dot" style={{ background: colourOfWord(word) }} /> {word}
          </button>
        ))}
        {words.length < 9 && (
          <form class="row" onSubmit={add}>
            <input name="name" size={10} maxLength={60} placeholder="behaviour" aria-label={`Behaviour of digit ${words.length + 1}`} data-test="scheme-add" />
          </form>
        )}
      </div>
      {now.map((bout) => (
        <div key={`${bout.author} ${bout.id}`} class="row">
          <span class="dot" style={{ background: colourOfWord(bout.label) }} />
          <span class="grow cut">
            {bout.label} <span class="muted number">{bout.author}, {bout.first}–{bout.last}</span>
          </span>
          <button class="plain" title="Remove this bout, if it is yours" aria-label={`Remove ${bout.label}`} onClick={() => void desk.score({ do: "remove", bout: bout.id })}>
            ×
          </button>
        </div>
      ))}
      <Agreements />
    </div>
  );
}

function Agreements() {
  const rows = desk.agreement.value;
  if (rows.length === 0) return null;
  return (
    <table class="labels number" data-test="agreement">
      <thead>
        <tr class="muted">
          <th>agreement</th>
          <th title="Cohen's kappa of frames">κ</th>
          <th>F1</th>
          <th>frames</th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={`${row.one} ${row.other} ${row.label}`}>
            <td class="cut">
              {row.label}: {row.one}, {row.other}
            </td>
            <td>{row.kappa === null ? "–" : row.kappa.toFixed(2)}</td>
            <td>{row.f1 === null ? "–" : row.f1.toFixed(2)}</td>
            <td>{row.frames}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
