// All keys, and other keys for them.
import { useState } from "preact/hooks";
import { ACTIONS, NAMES, type ActionName } from "../actions";
import * as keys from "../keys";
import { registered, SCREENS } from "../screens";
import { closeDialog } from "../store/dialogs";
import { screen } from "../store/view";
import { Dialog } from "./dialog";

interface Listening {
  name: ActionName;
  onKey: (key: string | null) => void;
}

/** A button that takes the next key press. */
function Catch({ name, onKey }: Listening) {
  return (
    <button
      autofocus
      ref={(element) => element?.focus()}
      aria-label={`New key for ${ACTIONS[name].title}; Esc to leave it`}
      data-test="catch-key"
      onBlur={() => onKey(null)}
      onKeyDown={(event) => {
        event.preventDefault();
        event.stopPropagation();
        if (event.key === "Escape") onKey(null);
        const key = keys.nameToKeep(event);
        if (key !== null && event.key !== "Escape") onKey(key);
      }}
    >
      press a key …
    </button>
  );
}

function Row({ name, clash }: { name: ActionName; clash: ReadonlySet<string> }) {
  const [listens, setListens] = useState(false);
  const now = keys.keysOf(name);
  const own = keys.chosen.value[name] !== undefined;
  const take = (key: string | null): void => {
    setListens(false);
    if (key !== null) keys.rebind(name, [key]);
  };
  return (
    <tr data-test={`key-${name}`}>
      <td>{ACTIONS[name].title}</td>
      <td>
        {listens ? (
          <Catch name={name} onKey={take} />
        ) : (
          <button
            class="plain"
            title={`Another key for “${ACTIONS[name].title}”`}
            onClick={() => setListens(true)}
          >
            {now.length === 0 && <span class="muted">none</span>}
            {now.map((key) => (
              <kbd key={key} class={clash.has(key) ? "bad" : ""}>
                {keys.spell(key)}
              </kbd>
            ))}
          </button>
        )}
      </td>
      <td>
        {own && (
          <button class="plain" onClick={() => keys.rebind(name, null)}>
            as before
          </button>
        )}
        {now.length > 0 && (
          <button
            class="plain"
            aria-label={`No key for ${ACTIONS[name].title}`}
            title="No key"
            onClick={() => keys.rebind(name, [])}
          >
            ×
          </button>
        )}
      </td>
    </tr>
  );
}

/** The help: keys of everywhere, of the open screen, then of the others. */
export function Help() {
  const clashes = keys.conflicts();
  const tables = [
    { id: "all", title: "Everywhere" },
    ...SCREENS.filter(({ id }) => registered.value.has(id)).sort(
      (a, b) => +(b.id === screen.value) - +(a.id === screen.value),
    ),
  ];
  return (
    <Dialog title="All keys" onClose={closeDialog} wide test="help">
      <div class="column">
        <label>
          <input
            type="checkbox"
            checked={keys.singleKeys.value}
            onChange={(event) => (keys.singleKeys.value = event.currentTarget.checked)}
          />
          Single letters, digits and signs are keys
        </label>
        {clashes.map(({ key, names }) => (
          <p key={key} class="bad" role="alert" data-test="key-conflict">
            {keys.spell(key)} means {names.length} things:{" "}
            {names.map((name) => ACTIONS[name].title).join("; ")}. The first is done.
          </p>
        ))}
        {tables.map(({ id, title }) => (
          <section key={id} aria-label={title}>
            <h3>{title}</h3>
            <table class="plain">
              <thead class="unseen">
                <tr>
                  <th scope="col">Action</th>
                  <th scope="col">Key</th>
                  <th scope="col">Change</th>
                </tr>
              </thead>
              <tbody>
                {NAMES.filter((name) => ACTIONS[name].screen === id).map((name) => {
                  const mine = clashes.filter(({ names }) => names.includes(name));
                  return <Row key={name} name={name} clash={new Set(mine.map((c) => c.key))} />;
                })}
              </tbody>
            </table>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
