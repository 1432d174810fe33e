// Who sits here: the name under which edits are made.
import { useState } from "preact/hooks";
import { post, sentence } from "../api";
import { closeDialog } from "../store/dialogs";
import { drained } from "../store/outbox";
import { named, nameless, project, theme, user, type Theme } from "../store/session";
import { toast } from "../store/toasts";
import type { Named } from "../types.gen";
import { Dialog } from "./dialog";

const THEMES: readonly Theme[] = ["system", "dark", "light"];

/** Say who sits here; what was edited as a guest is then theirs. "": nobody says. */
export async function call(name: string): Promise<void> {
  if (name === (named.value ? user.value : "")) return;
  if (name === "") {
    named.value = false;
    user.value = project.value?.user ?? "";
    return;
  }
  if (!named.value && project.value?.guest) {
    await drained(); // under the guest's name, so that all of them change
    try {
      await post<Named>("name", { name });
    } catch (error) {
      toast(`Edits until now stay those of ${user.value}: ${sentence(error)}`, { kind: "warn" });
    }
  }
  named.value = true;
  user.value = name;
}

/** A field in the header, once it matters whose edits these are. */
export function NameAsk() {
  const [name, setName] = useState("");
  const [later, setLater] = useState(false);
  if (!nameless.value || later) return null;
  const keep = (event: Event): void => {
    event.preventDefault();
    if (name.trim() !== "") void call(name.trim());
  };
  return (
    <form class="row" onSubmit={keep} data-test="name-ask">
      <label class="row" title={`Your edits are those of ${user.value} until you say who you are`}>
        Your name
        <input
          maxLength={40}
          size={12}
          value={name}
          placeholder={user.value}
          data-test="name-field"
          onInput={(event) => setName(event.currentTarget.value)}
        />
      </label>
      <button disabled={name.trim() === ""}>Keep</button>
      <button type="button" class="plain" title="Ask again another time" onClick={() => setLater(true)}>
        Not now
      </button>
    </form>
  );
}

/** Name and colours. */
export function PersonDialog() {
  const [name, setName] = useState(named.value ? user.value : "");
  const keep = (event: Event): void => {
    event.preventDefault();
    void call(name.trim());
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
            placeholder={project.value?.user}
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
