// The Improve screen: suggest, train, predict, correct, and what each round has brought.
import { effect } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { bind, hint } from "../../keys";
import { registerScreen } from "../../screens";
import * as session from "../../store/session";
import * as desk from "./desk";
import "./improve.css";
import { Live } from "./live";
import { Predict, mayPredict, predictQueue } from "./predict";
import { keepGuesses } from "./refresh";
import { Relink } from "./relink";
import { Room } from "./room";
import { Rounds } from "./rounds";
import type { NextName, StepName } from "./steps";
import { missing } from "./steps";
import { Suggest, suggest } from "./suggest";
import { Train, mayTrain, train } from "./train";

/** Open the chosen frame of the queue, else the first that is not done. */
function openQueue(): boolean {
  const all = desk.queue.peek();
  const one = all[desk.at.peek()];
  const to = one !== undefined && !one.finished ? one : (all.find(({ finished }) => !finished) ?? one);
  if (to === undefined) return false;
  desk.open(to.video, to.frame);
  return true;
}

function walk(by: 1 | -1): boolean {
  const last = desk.queue.peek().length - 1;
  if (last < 0) return false;
  desk.at.value = Math.min(Math.max(desk.at.peek() + by, 0), last);
  document.querySelector(".improve .tile[aria-current]")?.scrollIntoView({ block: "nearest" });
  return true;
}

function go(name: NextName): void {
  if (name === "suggest") suggest();
  else if (name === "train") void train();
  else if (name === "predict") predictQueue();
  else if (!openQueue()) location.hash = "label";
}

function bindKeys(): () => void {
  return bind("improve", {
    train: { run: () => void train(), when: mayTrain },
    predict: { run: predictQueue, when: mayPredict },
    "improve.suggest": suggest,
    "queue.previous": () => walk(-1),
    "queue.next": () => walk(1),
    accept: openQueue,
  });
}

const WHERE: Readonly<Record<StepName, string>> = {
  label: "queue", train: "train-panel", predict: "predict-panel", correct: "suggest-panel",
}; // prettier-ignore
const KEY = { train: "train", predict: "predict", suggest: "improve.suggest", label: "accept", correct: "accept" } as const;

function toPart(name: StepName): void {
  if (name === "label") location.hash = "label";
  document.querySelector(`[data-test="${WHERE[name]}"]`)?.scrollIntoView({ block: "start" });
}

function Strip() {
  const { round, steps, next } = desk.strip.value;
  const may = session.role.value === "edit";
  return (
    <div class="strip row" data-test="strip">
      <h2>Round {round}</h2>
      <ol class="row steps">
        {steps.map(({ name, text, state }) => (
          <li key={name} class={state} data-test={`step-${name}`} data-state={state}>
            <button class="plain" title={`Go to ${name}`} aria-current={state === "now" ? "step" : undefined} onClick={() => toPart(name)}>
              {text}
              {state === "done" && <span class="good"> ✓</span>}
            </button>
          </li>
        ))}
      </ol>
      <span class="grow" />
      {next !== null && (
        <button
          class="main"
          disabled={!may && next.name !== "label" && next.name !== "correct"}
          title={hint(KEY[next.name])}
          data-test="next"
          data-next={next.name}
          onClick={() => go(next.name)}
        >
          {next.text}
        </button>
      )}
    </div>
  );
}

function Empty() {
  const few = desk.done.value;
  const short = missing(few);
  if (short === null || desk.shown.value.length > 0) return null;
  return (
    <div class="start" data-test="improve-empty">
      <p>
        <strong>{short}</strong>
      </p>
      <progress class="wide" max={10} value={few} aria-label="Frames labelled" />
      <p class="muted">
        Then a network learns from them while you watch, guesses on the next frames, and you only correct. Each
        round takes less of your time.
      </p>
      <a class="button" href="#label" title={hint("screen.label")}>
        Label
      </a>
    </div>
  );
}

/** Improve. */
export function Improve() {
  useEffect(() => {
    const stops = [
      desk.follow(),
      bindKeys(),
      effect(() => {
        const next = desk.strip.value.next;
        session.status.value = next === null ? "" : `next: ${next.text.toLowerCase()} (${next.why})`;
        session.statusCells.value = [];
      }),
    ];
    return () => {
      stops.forEach((stop) => stop());
      session.status.value = "";
    };
  }, []);
  return (
    <div class="improve" data-test="screen-improve">
      <div class="improve-main">
        <Strip />
        <div class="improve-parts" tabIndex={-1}>
          <Empty />
          <Rounds />
          <Suggest />
          <Train />
          <Predict />
        </div>
      </div>
      <Live />
      <Relink />
      <Room />
    </div>
  );
}

keepGuesses();
registerScreen("improve", Improve);
