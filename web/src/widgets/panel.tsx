// A panel at the side of a screen: its size and whether it is folded are remembered.
import type { ComponentChildren } from "preact";
import { narrow, panel } from "../store/view";

interface Props {
  /** Under which its size is kept: "label.frames". */
  name: string;
  title: string;
  side: "left" | "right" | "bottom";
  /** Width, or height at the bottom, px, until the person changes it. */
  size: number;
  /** Beside the title. */
  tools?: ComponentChildren;
  children: ComponentChildren;
}

const LEAST = 96;
const MOST = 1200;

/** A panel with a grip: drag it, or focus it and use the arrows. */
export function Panel({ name, title, side, size: usual, tools, children }: Props) {
  const { size, folded } = panel(name, usual);
  const set = (px: number): void => {
    size.value = Math.round(Math.min(Math.max(px, LEAST), MOST));
  };
  const sign = side === "left" ? 1 : -1;
  const drag = (event: PointerEvent): void => {
    const grip = event.currentTarget as HTMLElement;
    const from = (side === "bottom" ? event.clientY : event.clientX) * sign;
    const before = size.peek();
    grip.setPointerCapture(event.pointerId);
    grip.onpointermove = ({ clientX, clientY }) =>
      set(before + (side === "bottom" ? clientY : clientX) * sign - from);
    grip.onpointerup = grip.onpointercancel = () => (grip.onpointermove = null);
  };
  const nudge = (event: KeyboardEvent): void => {
    const [less, more] =
      side === "bottom"
        ? ["ArrowDown", "ArrowUp"]
        : side === "left"
          ? ["ArrowLeft", "ArrowRight"]
          : ["ArrowRight", "ArrowLeft"];
    if (event.key !== less && event.key !== more) return;
    set(size.peek() + (event.key === more ? 16 : -16));
    event.preventDefault();
  };
  const measure = side === "bottom" ? "height" : "width";
  const turn = folded.value ? "Unfold" : "Fold";
  return (
    <section
      class={`panel ${side === "bottom" ? "bottom-side" : side} ${folded.value ? "folded" : ""} ${narrow.value ? "narrow" : ""}`}
      style={{ [measure]: `${size.value}px` }}
      aria-label={title}
      data-test={`panel-${name}`}
    >
      <header>
        <button
          class="plain"
          title={`${turn} ${title}`}
          aria-label={`${turn} ${title}`}
          aria-expanded={!folded.value}
          onClick={() => (folded.value = !folded.value)}
        >
          {folded.value ? "▸" : "▾"}
        </button>
        <h2 class="grow cut">{title}</h2>
        {!folded.value && tools}
      </header>
      <div class="inside">{!folded.value && children}</div>
      {!folded.value && (
        <div
          class="grip"
          role="separator"
          tabIndex={0}
          aria-label={`${measure} of ${title}`}
          aria-orientation={side === "bottom" ? "horizontal" : "vertical"}
          aria-valuenow={size.value}
          aria-valuemin={LEAST}
          aria-valuemax={MOST}
          onPointerDown={drag}
          onKeyDown={nudge}
        />
      )}
    </section>
  );
}
