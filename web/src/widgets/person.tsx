// Who sits here: the name under which edits are made.
import { useState } from "preact/hooks";
import { ApiError, post, sentence } from "../api";
import { claim, closeDialog, dialog } from "../store/dialogs";
import { drained } from "../store/outbox";
import { named, nameless, project, role, theme, user, type Theme } from "../store/session";
import { toast } from "../store/toasts";
import type { Named } from "../types.gen";
import { Dialog } from "./dialog";

const THEMES: readonly Theme[] = ["system", "dark", "light"];

/**
 * Say who sits here; what was edited as a guest is then theirs. "": nobody says. A name that
 * somebody has already is asked about, and taken by whoever is `sure` to be that person.
 */
export async function call(name: string, sure = false): Promise<void> {
  if (name === (named.value ? user.value : "")) return;
  if (name === "") {
    named.value = false;
    user.value = project.value?.user ?? "";
    return;
  }
  if (role.value === "edit") {
    await drained(); // under the name until now, so that all of them change, or none
    try {
      await post<Named>("name", { name, sure });
    } catch (error) {
      if (error instanceof ApiError && error.problem.code === "taken") {
        claim.value = { name, why: error.problem.message };
        dialog.value = "claim";
      } else {
        toast(`You are ${user.value} as before: ${sentence(error)}`, { kind: "warn" });
      }
      return;
    }
    if (sure && !named.value && project.value?.guest) {
      toast(`You are ${name} from now on; what you did until now stays that of ${user.value}.`);
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

/** Asks whether it is really the person of that name who sits here. */
export function ClaimDialog() {
  const [said] = useState(claim.value);
  if (said === null) return null;
  const answer = (sure: boolean): void => {
    claim.value = null;
    closeDialog();
    if (sure) void call(said.name, true);
    else dialog.value = "person";
  };
  return (
    <Dialog title={`Are you ${said.name}?`} onClose={closeDialog} test="claim-dialog">
      <p>
        {said.why} If you are {said.name}, you edit and undo as {said.name} from now on; what you did
        until now stays that of {user.value}.
      </p>
      <div class="row">
        <button data-test="claim-other" data-first onClick={() => answer(false)}>
          Another name
        </button>
        <button data-test="claim-sure" onClick={() => answer(true)}>
          I am {said.name}
        </button>
      </div>
    </Dialog>
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
