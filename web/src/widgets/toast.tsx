// Messages in passing, and hints that are dismissed for good.
import type { ComponentChildren } from "preact";
import { dismiss, dismissed } from "../store/session";
import { hush, toasts } from "../store/toasts";

/** The messages at the lower right. Errors are read out at once, the rest when there is time. */
export function Toasts() {
  const all = toasts.value;
  const part = (urgent: boolean) => (
    <div role={urgent ? "alert" : "status"} class="column">
      {all
        .filter((one) => (one.kind === "error") === urgent)
        .map((one) => (
          <div key={one.id} class={`toast ${one.kind}`} data-test="toast">
            <span class="grow">{one.text}</span>
            {one.act && <button onClick={one.act.run}>{one.act.title}</button>}
            <button
              class="plain"
              title="Dismiss"
              aria-label={`Dismiss: ${one.text}`}
              onClick={() => hush(one.id)}
            >
              ×
            </button>
          </div>
        ))}
    </div>
  );
  return (
    <div class="toasts">
      {part(true)}
      {part(false)}
    </div>
  );
}

/** A hint for beginners; gone for good once dismissed. */
export function Hint({ name, children }: { name: string; children: ComponentChildren }) {
  if (dismissed.value.includes(name)) return null;
  return (
    <div class="hint" role="note" data-test={`hint-${name}`}>
      <div class="grow">{children}</div>
      <button class="plain" title="Dismiss" aria-label="Dismiss hint" onClick={() => dismiss(name)}>
        ×
      </button>
    </div>
  );
}
