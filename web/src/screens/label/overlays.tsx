// Small things over the canvas: the menu of a point, the note of a flag, what a frame is.
import { useEffect, useRef, useState } from "preact/hooks";
import { hint, run } from "../../keys";
import { BAD, DONE, reopen } from "../../store/labels";
import { ABSENT, COVERED, VISIBLE } from "../../store/pose";
import * as session from "../../store/session";
import * as desk from "./desk";
import { menu } from "./hands";
import { bad, empty, good, place, remove, removeAnimal, select, send, state } from "./moves";
import { noting } from "./naming";
import { readKey } from "./scene";
import { flag } from "./wholes";

/** After a long press, or a right click on a point. */
export function PointMenu() {
  const open = menu.value;
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    box.current?.querySelector("button")?.focus();
  }, [open]);
  if (open === null) return null;
  const { target, at, screen } = open;
  const of = target.kind === "marker" ? readKey(target.figure) : null;
  const label = of?.kind === "label" && target.kind === "marker";
  const entry = (text: string, act: () => void) => (
    <button
      role="menuitem"
      class="plain"
      onClick={() => {
        menu.value = null;
        act();
      }}
    >
      {text}
    </button>
  );
  const onPoint = (act: () => void) => () => {
    if (of !== null && target.kind === "marker") select(of.number, target.keypoint);
    act();
  };
  const next = desk.next.value;
  const keys = (event: KeyboardEvent) => {
    const items = [...(box.current?.querySelectorAll("button") ?? [])];
    const here = items.indexOf(document.activeElement as HTMLButtonElement);
    const to = { ArrowDown: here + 1, ArrowUp: here - 1 }[event.key];
    if (event.key === "Escape") menu.value = null;
    else if (to === undefined) return;
    else items.at(to % items.length)?.focus();
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <div
      ref={box}
      class="menu point-menu"
      role="menu"
      tabIndex={-1}
      aria-label="Point"
      data-test="point-menu"
      style={{ left: `${screen.x}px`, top: `${screen.y}px` }}
      onKeyDown={keys}
    >
      {label && entry("visible", onPoint(() => state(VISIBLE)))}
      {label && entry("covered", onPoint(() => state(COVERED)))}
      {label && entry("absent", onPoint(() => state(ABSENT)))}
      {label && entry("forget the point", onPoint(remove))}
      {label && of && entry(`delete ${session.animalName(of.number)}`, () => removeAnimal(of.number))}
      {!label && next && entry(`${desk.nameOf(next.keypoint)} here, covered`, () => place(next, at, COVERED))}
      {!label && next && entry(`${desk.nameOf(next.keypoint)} is absent`, () => place(next, null, ABSENT))}
      {!label && entry("new animal", () => run("animal.new"))}
      {!label && entry("no animal here", empty)}
      {entry("flag the frame", () => (noting.value = true))}
      {desk.rows.value.row?.flag !== BAD && entry("the picture is bad", bad)}
    </div>
  );
}

/** What is said of the frame as a whole. */
export function FrameState() {
  const rows = desk.rows.value;
  const { row } = rows;
  const complete = row?.complete ?? null;
  const none = complete === DONE && rows.instances.size === 0;
  return (
    <div class="frame-state row" data-test="frame-state" data-complete={complete ?? "none"}>
      {complete === DONE && <span class="chip good">{none ? "● no animal here" : "● done"}</span>}
      {complete === DONE && (
        <button class="plain" onClick={() => send(reopen(rows))} title="Work on this frame again">
          open again
        </button>
      )}
      {complete !== null && complete !== DONE && (
        <span class="chip" title="It trains once Enter says that every animal in it is labelled">
          ◐ begun
        </span>
      )}
      {row?.flag === BAD && (
        <button
          class="chip plain bad"
          title="Neither suggested nor trained. Click where the picture is good after all."
          data-test="frame-bad"
          onClick={good}
        >
          ✕ {row.note || "bad picture"}
        </button>
      )}
      {row !== null && row.flag > 0 && row.flag !== BAD && (
        <button class="chip plain flagged" onClick={() => (noting.value = true)} title={hint("flag")}>
          ⚑ {row.note || "flagged"}
        </button>
      )}
      {row !== null && row.flag === 0 && row.note && <span class="chip">{row.note}</span>}
      {rows.loaded && complete === null && rows.instances.size === 0 && row?.flag !== BAD && (
        <button
          class="plain"
          title={hint("frame.empty")}
          onClick={() => run("frame.empty")}
          data-test="no-animal"
        >
          no animal here
        </button>
      )}
    </div>
  );
}

/** The note of a flag. */
export function Note() {
  const row = desk.rows.value.row;
  const [text, setText] = useState(row?.note ?? "");
  const close = () => (noting.value = false);
  return (
    <form
      class="note row"
      data-test="note"
      onSubmit={(event) => {
        event.preventDefault();
        flag(true, text.trim());
        close();
      }}
      onKeyDown={(event) => event.key === "Escape" && close()}
    >
      <span>⚑</span>
      <input
        ref={(field) => field?.focus()}
        class="grow"
        value={text}
        placeholder="why? (Enter keeps it, Esc leaves)"
        aria-label="Note of the flag"
        onInput={(event) => setText(event.currentTarget.value)}
      />
      <button type="submit">Flag</button>
      {row !== null && row.flag > 0 && (
        <button
          type="button"
          onClick={() => {
            flag(false, "");
            close();
          }}
        >
          Take the flag away
        </button>
      )}
    </form>
  );
}

