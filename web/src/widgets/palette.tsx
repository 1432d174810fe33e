// Find anything by typing: actions, frames, videos, animals, keypoints.
import { useId, useState } from "preact/hooks";
import { actions, run, spell } from "../keys";
import { closeDialog } from "../store/dialogs";
import { individuals, keypoints, videos } from "../store/session";
import * as view from "../store/view";
import { grouped } from "../store/words";
import { Dialog } from "./dialog";

export interface Found {
  title: string;
  note: string;
  usable: boolean;
  go: () => void;
}

/** How well a text answers what was typed: 0 not at all; words may stand in any order. */
export function score(text: string, typed: string): number {
  const low = text.toLowerCase();
  const words = typed.toLowerCase().split(/\s+/).filter(Boolean);
  let sum = 1;
  for (const word of words) {
    const at = low.indexOf(word);
    if (at < 0) return 0;
    sum += at === 0 ? 3 : /[\s:,(]/.test(low[at - 1]!) ? 2 : 1;
  }
  return sum - low.length / 1000;
}

/** The number of a frame that was typed: "812", "f812", "54 000"; null: none. */
export function typedFrame(typed: string): number | null {
  const digits = typed.trim().replace(/^f(rame)?\s*/i, "").replace(/[\s,._\u202f]/g, "");
  return /^\d+$/.test(digits) ? Number(digits) : null;
}

function everything(): Found[] {
  const found: Found[] = actions.value.map(({ name, title, keys, usable }) => ({
    title,
    note: keys.map(spell).join(" or "),
    usable,
    go: () => void run(name),
  }));
  for (const video of videos.value)
    found.push({
      title: `Video ${video.name}`,
      note: `${grouped(video.frames)} frames`,
      usable: true,
      go: () => view.goTo(0, video.id),
    });
  for (const { id, name } of individuals.value)
    found.push({ title: `Animal ${name}`, note: "", usable: true, go: () => (view.animal.value = id) });
  keypoints.value.forEach((name, j) =>
    found.push({
      title: `Keypoint ${name}`,
      note: "",
      usable: true,
      go: () => (view.keypoint.value = j),
    }),
  );
  return found;
}

function search(typed: string): Found[] {
  const frame = typedFrame(typed);
  const there = view.frames.value;
  const jump: Found[] =
    frame !== null && there > 0
      ? [
          {
            title: `Frame ${grouped(Math.min(frame, there - 1))}`,
            note: "go there",
            usable: true,
            go: () => view.goTo(frame),
          },
        ]
      : [];
  const rated = everything().map((one) => [score(one.title, typed), one] as const);
  const fits = rated.filter(([s]) => s > 0).sort((a, b) => b[0] - a[0]);
  return [...jump, ...fits.map(([, one]) => one)].slice(0, 40);
}

/** The palette. */
export function Palette() {
  const [typed, setTyped] = useState("");
  const [at, setAt] = useState(0);
  const id = useId();
  const found = search(typed);
  const choose = (one: Found | undefined): void => {
    if (one === undefined || !one.usable) return;
    closeDialog();
    // after the dialog has given the focus back
    setTimeout(one.go);
  };
  const keys = (event: KeyboardEvent): void => {
    if (event.isComposing) return;
    if (event.key === "ArrowDown") setAt(Math.min(at + 1, found.length - 1));
    else if (event.key === "ArrowUp") setAt(Math.max(at - 1, 0));
    else if (event.key === "Enter") choose(found[at]);
    else return;
    event.preventDefault();
  };
  return (
    <Dialog title="Find" onClose={closeDialog} high test="palette">
      <input
        data-first
        style={{ width: "100%" }}
        role="combobox"
        aria-expanded="true"
        aria-controls={`${id}-list`}
        aria-activedescendant={found[at] ? `${id}-${at}` : undefined}
        aria-label="Action, frame or name"
        placeholder="action, frame number, name"
        value={typed}
        data-test="palette-input"
        onInput={(event) => {
          setTyped(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={keys}
      />
      <div id={`${id}-list`} role="listbox" aria-label="Found" style={{ marginTop: "8px" }}>
        {found.map((one, i) => (
          <div
            key={`${one.title} ${one.note}`}
            id={`${id}-${i}`}
            role="option"
            aria-selected={i === at}
            aria-disabled={!one.usable}
            class={`found row ${i === at ? "at" : ""} ${one.usable ? "" : "muted"}`}
            onClick={() => choose(one)}
          >
            <span class="grow cut">{one.title}</span>
            {one.note && <kbd>{one.note}</kbd>}
          </div>
        ))}
      </div>
      {found.length === 0 && <p class="muted">Nothing is called like that.</p>}
    </Dialog>
  );
}
