// The first page: the folder is no project yet. Videos, names of keypoints, create.
import { useMemo, useState } from "preact/hooks";
import { sentence } from "../api";
import { create, type Given } from "../store/bringing";
import { startJob } from "../store/jobs";
import { project, role } from "../store/session";
import { guessSwap, lonely, nameProblems, parseNames } from "../store/skeletons";
import { toast } from "../store/toasts";
import { count } from "../store/words";
import { TEMPLATES } from "../templates";
import { ChosenFiles, Drop, selection, ServerFiles, type Chosen } from "./picker";

/** Names as chips, each pair of sides once. */
function Names({ names }: { names: readonly string[] }) {
  const swap = guessSwap(names);
  const alone = new Set(lonely(names));
  const chips = names.flatMap((name, j) => {
    const other = swap[j]!;
    if (other >= 0 && other < j) return [];
    const text = other >= 0 ? `${name} ⇄ ${names[other]}` : name;
    const twice = names.indexOf(name) !== j;
    return [{ text, kind: other >= 0 ? "pair" : twice || alone.has(name) ? "bad" : "" }];
  });
  return (
    <div class="chips" data-test="names-read">
      {chips.map(({ text, kind }, i) => (
        <span key={`${text} ${i}`} class={`chip ${kind}`}>
          {text}
        </span>
      ))}
    </div>
  );
}

function Check({ names }: { names: readonly string[] }) {
  if (names.length === 0) return <p class="muted">One name a line, or with commas between.</p>;
  const pairs = guessSwap(names).filter((k, j) => k > j).length;
  const alone = lonely(names);
  return (
    <div class="column" aria-live="polite" data-test="names-check">
      {nameProblems(names).map((text) => (
        <p key={text} class="bad">
          {text}
        </p>
      ))}
      <p class="muted">
        {count(names.length, "keypoint")}, {count(pairs, "pair")} of left and right found by name.
      </p>
      {alone.length > 0 && <p>No partner of the other side: {alone.join(", ")}.</p>}
    </div>
  );
}

function ready(files: readonly Chosen[]): Given[] {
  return files.flatMap(({ id, name, kind }) => (id === null ? [] : [{ id, name, kind }]));
}

async function demo(): Promise<void> {
  try {
    await startJob("demo", {}, {}, "demo");
    toast("The demo is being made; it opens when it is ready.");
  } catch (error) {
    toast(sentence(error), { kind: "error" });
  }
}

function why(names: readonly string[], files: readonly Chosen[]): string {
  if (role.value === "read") return "You may look, not edit.";
  if (files.some((one) => one.id === null)) return "Files are still on their way.";
  const labels = files.some((one) => one.kind === "labels");
  if (names.length === 0 && labels) return "";
  return nameProblems(names)[0] ?? "";
}

/** The first page. */
export function Start() {
  const chosen = useMemo(selection, []);
  const [text, setText] = useState("");
  const [busy, setBusy] = useState(false);
  const names = parseNames(text);
  const problem = why(names, chosen.value);
  const go = async (): Promise<void> => {
    setBusy(true);
    await create(names, ready(chosen.value));
    setBusy(false);
  };
  return (
    <div class="start" data-test="start">
      <div class="steps">
        <section class="card" aria-labelledby="start-1">
          <h2 id="start-1">1 · Videos, or labels that you have</h2>
          <Drop chosen={chosen} />
          <ServerFiles chosen={chosen} />
          <ChosenFiles chosen={chosen} />
        </section>
        <section class="card" aria-labelledby="start-2">
          <h2 id="start-2">2 · Keypoints</h2>
          <textarea
            rows={9}
            aria-label="Names of the keypoints"
            placeholder={"nose\nleft_ear\nright_ear\n…"}
            value={text}
            data-test="names"
            onInput={(event) => setText(event.currentTarget.value)}
          />
          <label>
            Template
            <select
              value=""
              data-test="template"
              onChange={(event) => {
                const one = TEMPLATES.find(({ title }) => title === event.currentTarget.value);
                if (one) setText(one.skeleton.keypoints.join("\n"));
              }}
            >
              <option value="">choose …</option>
              {TEMPLATES.map(({ title }) => (
                <option key={title}>{title}</option>
              ))}
            </select>
          </label>
          <Names names={names} />
          <Check names={names} />
        </section>
        <section class="card" aria-labelledby="start-3">
          <h2 id="start-3">3 · Project</h2>
          <p>
            In <strong>{project.value?.folder}</strong>. Everything is saved as you do it, and can be
            undone.
          </p>
          <button
            class="main"
            disabled={busy || problem !== ""}
            title={problem || "Make the project"}
            data-test="create"
            onClick={() => void go()}
          >
            {busy ? "Creating …" : "Create"}
          </button>
          {problem !== "" && <p class="muted">{problem}</p>}
          <p>
            <button class="plain" data-test="demo" onClick={() => void demo()}>
              … or open the demo
            </button>
          </p>
        </section>
      </div>
    </div>
  );
}
