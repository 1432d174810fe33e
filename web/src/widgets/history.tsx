// Every edit with its author and time; back to any of them, or one old frame again.
import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { get, sentence } from "../api";
import { historyOpen } from "../store/dialogs";
import { again, restore } from "../store/edits";
import { drained, saved } from "../store/outbox";
import { heard, user, video } from "../store/session";
import * as view from "../store/view";
import { ago, count } from "../store/words";
import type { LogLine } from "../types.gen";
import { List } from "./list";
import { Panel } from "./panel";

const PAGE = 100;
const LONGEST = 500; // page that the server gives
export const lines = signal<LogLine[]>([]);
const ended = signal(false);
const trouble = signal("");
const at = signal(-1); // seq of the chosen line: places change with every edit

/** How many of my edits stand above a line: so many undos lead back to it. */
export function stepsBack(log: readonly LogLine[], line: LogLine, me: string): number {
  const mine = log.filter((l) => l.seq > line.seq && l.by === me && l.standing);
  // the making of the project is no edit that can be undone
  return mine.filter((l) => l.target === null && l.action !== "create").length;
}

/** The log from its newest line to one of a number, or to its beginning. */
async function readTo(seq: number, first = LONGEST): Promise<{ log: LogLine[]; all: boolean }> {
  const log: LogLine[] = [];
  for (let n = first; ; n = LONGEST) {
    const from = log.length === 0 ? "" : `&before=${log.at(-1)!.seq}`;
    const page = await get<LogLine[]>(`history?n=${n}${from}`);
    log.push(...page);
    const all = page.length < n;
    if (all || page.at(-1)!.seq <= seq) return { log, all };
  }
}

/** Undo my edits that are newer than a line, counted when what waits is saved. */
export async function undoTo(line: LogLine): Promise<void> {
  if (!(await drained())) return saved.peek().pending > 0 ? again("undo") : undefined; // which says why not
  const n = stepsBack((await readTo(line.seq)).log, line, user.peek());
  if (n > 0) await again("undo", n);
}

let turn: Promise<void> = Promise.resolve();

/** Read the log, one request after another: again what is shown, or what is older than that. */
export function load(older = false): Promise<void> {
  turn = turn.then(() => (older ? more() : reread())).then(
    () => void (trouble.value = ""),
    (error: unknown) => void (trouble.value = sentence(error)),
  );
  return turn;
}

async function reread(): Promise<void> {
  const had = lines.peek();
  const first = Math.min(Math.max(PAGE, had.length + 1), LONGEST);
  const { log, all } = await readTo(had.at(-1)?.seq ?? Infinity, first);
  [lines.value, ended.value] = [log, all];
}

async function more(): Promise<void> {
  const page = await get<LogLine[]>(`history?n=${PAGE}&before=${lines.peek().at(-1)!.seq}`);
  lines.value = [...lines.peek(), ...page];
  ended.value = page.length < PAGE;
}

function Line({ line }: { line: LogLine }) {
  const [first] = line.places;
  const where = first ? `f${first[1]}` : "";
  return (
    <div class="grow">
      <div class="row" style={{ flexWrap: "nowrap" }}>
        <span class="muted number">{line.seq}</span>
        <span class={`grow cut ${line.standing ? "" : "gone"}`}>{line.action}</span>
        <span class="muted">{where}</span>
      </div>
      <div class="muted cut">
        {line.by} · {ago(line.at)} · {count(line.rows, "row")}
        {line.standing ? "" : " · undone"}
      </div>
    </div>
  );
}

function Tools({ line }: { line: LogLine }) {
  const n = stepsBack(lines.value, line, user.value);
  const here = line.places.find(([v, f]) => v === view.video.value && f === view.frame.value);
  const [v, f] = here ?? line.places[0] ?? [null, 0];
  return (
    <div class="column" style={{ padding: "8px", borderTop: "1px solid var(--line)" }}>
      <button
        disabled={n === 0}
        title="Take back my edits that are newer than this one"
        data-test="undo-to-here"
        onClick={() => void undoTo(line).catch((error: unknown) => (trouble.value = sentence(error)))}
      >
        Undo to here: {count(n, "edit")} of mine
      </button>
      {v !== null && (
        <button
          title="Bring this frame back as it was after this edit; that is an edit, too"
          data-test="copy-frame"
          onClick={() => void restore(v, f, line.seq)}
        >
          Copy frame {f} of {video(v)?.name ?? `video ${v}`} as it was
        </button>
      )}
    </div>
  );
}

/** The history, beside the screen. */
export function History() {
  const newest = heard.value;
  useEffect(() => {
    void load();
  }, [newest]);
  const place = lines.value.findIndex(({ seq }) => seq === at.value);
  const line = lines.value[place];
  const close = (
    <button
      class="plain"
      title="Close the history"
      aria-label="Close the history"
      onClick={() => (historyOpen.value = false)}
    >
      ×
    </button>
  );
  return (
    <Panel name="history" title="History" side="right" size={280} tools={close}>
      <div style={{ display: "flex", flexDirection: "column", height: "100%" }} data-test="history">
        {trouble.value !== "" && <p class="bad">{trouble.value}</p>}
        <div class="grow">
          <List
            items={lines.value}
            height={42}
            label="Edits, the newest first"
            selected={place}
            name={(one) => one.seq}
            onPick={(one) => (at.value = one.seq)}
            onOpen={(one) => one.places[0] && view.goTo(one.places[0][1], one.places[0][0])}
          >
            {(one) => <Line line={one} />}
          </List>
        </div>
        {!ended.value && lines.value.length > 0 && (
          <button onClick={() => void load(true)}>Older edits</button>
        )}
        {line && <Tools line={line} />}
      </div>
    </Panel>
  );
}
