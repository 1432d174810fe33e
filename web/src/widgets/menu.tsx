// A button that opens a menu below it.
import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { ActionName } from "../actions";
import { actions, run, spell } from "../keys";

interface Props {
  label: ComponentChildren;
  title: string;
  /** Actions by name; those that are not there now are left out. */
  entries: readonly ActionName[];
  test: string;
}

/** A menu of actions. Arrows move in it, Esc closes it. */
export function Menu({ label, title, entries, test }: Props) {
  const [open, setOpen] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return;
    box.current?.querySelector<HTMLElement>("[role=menuitem]")?.focus();
    const away = (event: Event): void => {
      if (!box.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener("pointerdown", away);
    return () => document.removeEventListener("pointerdown", away);
  }, [open]);
  const keys = (event: KeyboardEvent): void => {
    const items = [...(box.current?.querySelectorAll<HTMLElement>("[role=menuitem]") ?? [])];
    const at = items.indexOf(document.activeElement as HTMLElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: -1 }[event.key];
    if (event.key === "Escape" && open) {
      setOpen(false);
      box.current?.querySelector("button")?.focus();
    } else if (to !== undefined && open) items.at(to % items.length)?.focus();
    else return;
    event.preventDefault();
  };
  const shown = entries.flatMap((name) => actions.value.filter((one) => one.name === name));
  return (
    <div ref={box} onKeyDown={keys} data-test={test}>
      <button
        class="plain"
        title={title}
        aria-haspopup="menu"
        aria-expanded={open}
        onClick={() => setOpen(!open)}
      >
        {label} ▾
      </button>
      {open && (
        <div class="menu" role="menu" aria-label={title}>
          {shown.map(({ name, title: what, keys: [key] }) => (
            <button
              key={name}
              role="menuitem"
              tabIndex={-1}
              data-test={`menu-${name}`}
              onClick={() => {
                setOpen(false);
                run(name);
              }}
            >
              {what}
              {key !== undefined && <kbd>{spell(key)}</kbd>}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}
