// A modal dialog: the browser's own, which keeps the focus inside and gives it back.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { asleep } from "../keys";

interface Props {
  title: string;
  onClose: () => void;
  /** Buttons at the bottom. */
  footer?: ComponentChildren;
  wide?: boolean;
  /** Near the top, where a growing list does not move it. */
  high?: boolean;
  /** For tests. */
  test: string;
  children: ComponentChildren;
}

/** A dialog, open as long as it is drawn. Esc and × close it. */
export function Dialog({ title, onClose, footer, wide, high, test, children }: Props) {
  const box = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const back = document.activeElement;
    asleep.value += 1;
    if (box.current?.open === false) box.current.showModal();
    box.current?.querySelector<HTMLElement>("[autofocus], [data-first]")?.focus();
    return () => {
      asleep.value -= 1;
      if (back instanceof HTMLElement) back.focus({ preventScroll: true });
    };
  }, []);
  return (
    <dialog
      ref={box}
      class={`${wide ? "wide" : ""} ${high ? "high" : ""}`}
      aria-labelledby={id}
      data-test={test}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        if (event.target === event.currentTarget) onClose();
      }}
    >
      <div class="frame">
        <header>
          <h2 id={id}>{title}</h2>
          <button class="plain" title="Close (Esc)" aria-label="Close" onClick={onClose}>
            ×
          </button>
        </header>
        <div class="inside">{children}</div>
        {footer && <footer>{footer}</footer>}
      </div>
    </dialog>
  );
}
