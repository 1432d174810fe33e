// A list that draws only the rows in sight, so that a hundred thousand cost as much as twenty.
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";

interface Props<T> {
  items: readonly T[];
  /** Of every row, px. */
  height: number;
  label: string;
  /** Which row is selected; -1: none. */
  selected: number;
  onPick: (item: T, index: number) => void;
  onOpen?: (item: T, index: number) => void;
  name: (item: T) => string | number;
  children: (item: T, index: number) => ComponentChildren;
  test?: string;
}

/** First and one past the last row to draw, with some above and below. */
export function inSight(
  top: number,
  seen: number,
  height: number,
  count: number,
): [first: number, stop: number] {
  const first = Math.max(Math.floor(top / height) - 4, 0);
  return [first, Math.min(Math.ceil((top + seen) / height) + 4, count)];
}

/** A list with one selected row. Up, Down, Home, End move; Enter opens. */
export function List<T>(props: Props<T>) {
  const { items, height, label, selected, onPick, onOpen, name, children, test } = props;
  const box = useRef<HTMLDivElement>(null);
  const id = useId();
  const [[top, seen], setView] = useState<[number, number]>([0, 600]);
  useEffect(() => {
    const element = box.current!;
    const look = (): void => setView([element.scrollTop, element.clientHeight]);
    const watch = new ResizeObserver(look);
    watch.observe(element);
    element.addEventListener("scroll", look, { passive: true });
    return () => watch.disconnect();
  }, []);
  useEffect(() => {
    const element = box.current!;
    if (selected < 0) return;
    const at = selected * height;
    if (at < element.scrollTop) element.scrollTop = at;
    const over = at + height - element.scrollTop - element.clientHeight;
    if (over > 0) element.scrollTop += over;
  }, [selected, height]);
  const move = (event: KeyboardEvent): void => {
    const to = { ArrowUp: selected - 1, ArrowDown: selected + 1 }[event.key];
    const item = items[Math.min(Math.max(to ?? selected, 0), items.length - 1)];
    if (item === undefined) return;
    if (to !== undefined) onPick(item, items.indexOf(item));
    else if (event.key === "Enter" && onOpen && selected >= 0) onOpen(item, selected);
    else return;
    event.preventDefault();
  };
  const [first, stop] = inSight(top, seen, height, items.length);
  return (
    <div
      ref={box}
      class="list"
      role="listbox"
      tabIndex={0}
      aria-label={label}
      aria-activedescendant={selected >= first && selected < stop ? `${id}-${selected}` : undefined}
      data-test={test}
      onKeyDown={move}
    >
      <div role="presentation" style={{ height: `${items.length * height}px` }}>
        {items.slice(first, stop).map((item, k) => (
          <div
            key={name(item)}
            id={`${id}-${first + k}`}
            class="item"
            role="option"
            aria-selected={first + k === selected}
            aria-posinset={first + k + 1}
            aria-setsize={items.length}
            style={{ top: `${(first + k) * height}px`, height: `${height}px` }}
            onClick={() => onPick(item, first + k)}
            onDblClick={() => onOpen?.(item, first + k)}
          >
            {children(item, first + k)}
          </div>
        ))}
      </div>
    </div>
  );
}
