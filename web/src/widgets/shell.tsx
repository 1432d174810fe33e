// The frame of the page: header, warnings, the open screen, the line at the bottom, dialogs.
import type { ComponentType } from "preact";
import { hint, run } from "../keys";
import { registered, SCREENS } from "../screens";
import { dialog, historyOpen } from "../store/dialogs";
import { active, percent } from "../store/jobs";
import { conflict, saved } from "../store/outbox";
import * as session from "../store/session";
import * as view from "../store/view";
import { count, grouped } from "../store/words";
import { AddDialog } from "./add";
import { Export } from "./export";
import { Lost, RelinkDialog } from "./relink";
import { Conflicts, Undecided } from "./conflict";
import { Help } from "./help";
import { History } from "./history";
import { Menu } from "./menu";
import { Palette } from "./palette";
import { ClaimDialog, NameAsk, PersonDialog } from "./person";
import { SkeletonDialog } from "./skeleton";
import { Start } from "./start";
import { Toasts } from "./toast";

function Saved() {
  const { pending } = saved.value;
  const at = session.seq.value;
  const text = pending > 0 ? `saving ${pending}` : `saved ✓ ${grouped(at)}`;
  const title = pending > 0 ? `${count(pending, "edit")} on the way` : `All is saved: edit ${at}`;
  return (
    <span class="number" title={title} data-test="saved" data-seq={at} data-pending={pending}>
      {text}
    </span>
  );
}

function Running() {
  const job = active.value[0];
  if (job === undefined) return null;
  const done = percent(job);
  const more = active.value.length > 1 ? ` +${active.value.length - 1}` : "";
  return (
    <span class="row" data-test="running" data-job={job.id} title={`${job.title} ${job.item}`}>
      <span>
        {job.stage} {job.state === "queued" ? "waits" : done === null ? "…" : `${done} %`}
        {more}
      </span>
      {done !== null && (
        <progress class="progress" max={100} value={done} aria-label={job.title} />
      )}
    </span>
  );
}

function People() {
  const others = session.people.value.filter((one) => !one.own);
  return (
    <>
      {others.map(({ name, colour, video, frame }) => {
        const there = video !== null && frame !== null;
        return (
          <button
            key={name}
            class="plain"
            title={there ? `${name} is at frame ${frame}: go there` : name}
            data-test="person"
            onClick={() => there && view.goTo(frame, video)}
          >
            <span class="dot" style={{ background: colour }} />
            {name} {there && <span class="muted number">f{frame}</span>}
          </button>
        );
      })}
    </>
  );
}

function Header() {
  const open = session.project.value?.skeleton != null;
  return (
    <header class="top">
      <h1 class="unseen">gambol studio</h1>
      {open ? (
        <Menu
          label={<strong>{session.project.value?.name}</strong>}
          title="Project"
          entries={["video.add", "skeleton", "history", "export", "undo", "redo", "theme.toggle", "person"]}
          test="project-menu"
        />
      ) : (
        <strong>gambol studio</strong>
      )}
      {open && (
        <nav aria-label="Screens">
          {SCREENS.filter(({ id }) => registered.value.has(id)).map(({ id, title }) => (
            <a
              key={id}
              href={`#${id}`}
              title={hint(`screen.${id}`)}
              aria-current={view.screen.value === id ? "page" : undefined}
              data-test={`tab-${id}`}
            >
              {title}
            </a>
          ))}
        </nav>
      )}
      <div class="state">
        {open && <NameAsk />}
        {open && <Saved />}
        <Running />
        <People />
        <button class="plain" title={hint("palette")} data-test="open-palette" onClick={() => run("palette")}>
          Search <kbd aria-hidden="true">/</kbd>
        </button>
        <button class="plain" title={hint("help")} data-test="open-help" onClick={() => run("help")}>
          Keys <kbd aria-hidden="true">?</kbd>
        </button>
      </div>
    </header>
  );
}

/** What is wrong, as long as it is. */
function Bars() {
  const waiting = saved.value.pending;
  const lost = session.connection.value === "lost";
  const refused = session.refused.value;
  return (
    <div aria-live="polite">
      {lost && (
        <div class="bar" data-test="lost">
          The server does not answer.{" "}
          {waiting > 0
            ? `${count(waiting, "edit")} ${waiting === 1 ? "waits" : "wait"} in this browser and will be sent when it is back.`
            : "Edits wait in this browser until it is back."}
        </div>
      )}
      {!lost && refused !== "" && (
        <div class="bar" data-test="refused">
          Nothing can be changed now: {refused}
        </div>
      )}
      {conflict.value?.both && <Undecided />}
    </div>
  );
}

function Bottom() {
  const journal = session.project.value?.journal;
  const look = session.role.value === "read" ? "You may look, not edit." : "";
  return (
    <footer class="bottom" data-test="status">
      {session.statusCells.value.map((cell) => (
        <span key={cell} class="number">
          {cell}
        </span>
      ))}
      <span class="now">{session.status.value}</span>
      {look && <span data-test="read-only">{look}</span>}
      {journal && <span title={journal}>{journal}</span>}
    </footer>
  );
}

function Middle() {
  if (session.trouble.value !== "")
    return (
      <div class="empty" role="alert">
        <p>{session.trouble.value}</p>
        <button onClick={() => location.reload()}>Try again</button>
      </div>
    );
  if (session.project.value === null) return <div class="empty" aria-busy="true" />;
  if (session.skeleton.value === null) return <Start />;
  const Screen: ComponentType | undefined = registered.value.get(view.screen.value);
  return (
    <>
      {Screen && <Screen key={view.screen.value} />}
      {historyOpen.value && <History />}
    </>
  );
}

/** The whole page. */
export function Shell() {
  const which = dialog.value;
  const named = SCREENS.find(({ id }) => id === view.screen.value);
  return (
    <div class="studio" data-test="studio" data-ready={session.project.value !== null}>
      <div>
        <a class="skip button" href="#main" onClick={skip}>
          Go to the screen
        </a>
        <Header />
      </div>
      <div>
        <Bars />
        <Lost />
      </div>
      <main id="main" class="screen" tabIndex={-1} aria-label={named?.title ?? "Studio"}>
        <Middle />
      </main>
      <Bottom />
      {which === "palette" && <Palette />}
      {which === "help" && <Help />}
      {which === "skeleton" && <SkeletonDialog />}
      {which === "add" && <AddDialog />}
      {which === "export" && <Export />}
      {which === "person" && <PersonDialog />}
      {which === "claim" && <ClaimDialog />}
      {which === "relink" && <RelinkDialog />}
      <Conflicts />
      <Toasts />
    </div>
  );
}

function skip(event: Event): void {
  event.preventDefault(); // the address names the screen and stays as it is
  document.getElementById("main")?.focus();
}
