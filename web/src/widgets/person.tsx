// Who sits here: the name under which edits are made.
import { useState } from "preact/hooks";
import { closeDialog } from "../store/dialogs";
import { project, theme, user, type Theme } from "../store/session";
import { Dialog } from "./dialog";

const THEMES: readonly Theme[] = ["system", "dark", "light"];

/** Name and colours. */
export function PersonDialog() {
  const [name, setName] = useState(user.value);
  const keep = (event: Event): void => {
    event.preventDefault();
    user.value = name.trim() || (project.value?.user ?? "");
    closeDialog();
  };
  return (
    <Dialog title="You" onClose={closeDialog} test="person-dialog">
      <form class="column" onSubmit={keep}>
        <label>
          Name
          <input
            data-first
            maxLength={40}
            value={name}
            data-test="person-name"
            onInput={(event) => setName(event.currentTarget.value)}
          />
        </label>
        <label>
          Colours
          <select
            value={theme.value}
            onChange={(event) => (theme.value = event.currentTarget.value as Theme)}
          >
            {THEMES.map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
        </label>
        <div class="row">
          <button class="main">Keep</button>
        </div>
      </form>
    </Dialog>
  );
}
