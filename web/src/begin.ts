// How the page begins: the project, waiting edits, the feed, keys; and what keys do everywhere.
import { effect } from "@preact/signals";
import { sentence } from "./api";
import { bind, keepKeys, listen } from "./keys";
import { probe } from "./probes";
import { SCREENS, registered, screenOf } from "./screens";
import { dialog, historyOpen, type DialogName } from "./store/dialogs";
import { openEdits, redo, stepping, undo } from "./store/edits";
import { look, openFeed, reload } from "./store/feed";
import { loadJobs, onEnd } from "./store/jobs";
import { fleeting, saved } from "./store/outbox";
import { ownChanges } from "./store/own";
import { setOwn } from "./store/rows";
import * as session from "./store/session";
import { toast } from "./store/toasts";
import * as view from "./store/view";
import { nextSource } from "./video/source";
import type { Project } from "./types.gen";
import { takeDrop } from "./widgets/add";

const RETRY_MS = 1500;

function opens(name: DialogName): () => boolean {
  return () => {
    if (session.skeleton.peek() === null && name !== "help" && name !== "palette") return false;
    dialog.value = name;
    return true;
  };
}

function show(at: number): () => boolean {
  return () => {
    const { id } = SCREENS[at]!;
    if (!registered.peek().has(id)) return false;
    location.hash = id;
    return true;
  };
}

function bindEverywhere(): void {
  bind("all", {
    "frame.next": () => view.step(1),
    "frame.previous": () => view.step(-1),
    "frame.next10": () => view.step(10),
    "frame.previous10": () => view.step(-10),
    "frame.next100": () => view.step(100),
    "frame.previous100": () => view.step(-100),
    "frame.first": () => view.goTo(0),
    "frame.last": () => view.goTo(view.frames.peek() - 1),
    undo: () => void undo(),
    redo: () => void redo(),
    "screen.label": show(0),
    "screen.improve": show(1),
    "screen.tracks": show(2),
    "screen.space": show(3),
    "screen.behavior": show(4),
    palette: opens("palette"),
    help: opens("help"),
    skeleton: opens("skeleton"),
    "video.add": opens("add"),
    export: opens("export"),
    person: opens("person"),
    history: () => void (historyOpen.value = !historyOpen.peek()),
    "theme.toggle": toggleTheme,
    "play.source": () => void toast(`Films are played from: ${nextSource()}`),
  });
}

function toggleTheme(): void {
  const system = matchMedia("(prefers-color-scheme: light)").matches ? "light" : "dark";
  const now = session.theme.peek() === "system" ? system : session.theme.peek();
  session.theme.value = now === "dark" ? "light" : "dark";
}

function listenToPage(): void {
  const follow = (): void => void (view.screen.value = screenOf(location.hash));
  follow();
  addEventListener("hashchange", follow);
  const thin = matchMedia("(max-width: 720px)");
  const fit = (): void => void (view.narrow.value = thin.matches);
  fit();
  thin.addEventListener("change", fit);
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    if (session.skeleton.peek() !== null && !event.defaultPrevented) takeDrop(event);
    event.preventDefault(); // else the browser would leave the page for the file
  });
  // a clicked button gives the focus back, so that Enter and Space keep their meaning
  addEventListener("click", ({ detail, target }) => {
    const button = target instanceof HTMLElement ? target.closest<HTMLElement>("button, nav a") : null;
    const inDialog = button?.closest("dialog, [role=menu], form");
    if (detail > 0 && button && !inDialog && document.activeElement === button) button.blur();
  });
}

/** Say once that the browser keeps nothing, and hold back who leaves while edits wait. */
function warnOfLoss(): void {
  effect(() => {
    if (fleeting.value)
      toast("This browser keeps nothing on its disk: edits that wait for the server end with this page.", {
        kind: "warn",
        once: "fleeting",
      });
  });
  addEventListener("beforeunload", (event) => {
    if (fleeting.peek() && saved.peek().pending > 0) event.preventDefault();
  });
}

/** Ask for the project until it is there; only an answer that says no is final. */
async function project(): Promise<Project> {
  for (;;) {
    try {
      const said = await session.loadProject();
      session.connection.value = "live";
      return said;
    } catch (error) {
      const status = (error as { status?: number }).status ?? 0;
      if (status >= 400 && status < 500) {
        session.trouble.value = sentence(error);
        throw error;
      }
      session.connection.value = "lost";
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

/** Begin. */
export async function begin(): Promise<void> {
  session.keepPerson();
  keepKeys();
  bindEverywhere();
  listenToPage();
  listen();
  warnOfLoss();
  setOwn(ownChanges);
  probe({
    seq: () => Math.max(session.seq.peek(), saved.peek().seq),
    pending: () => saved.peek().pending + stepping.peek(),
  });
  const said = await project();
  session.hearTo(said.seq, said.at);
  // not waited for: a browser that refuses its disk lets us wait for an answer
  void openEdits();
  view.keepPlace();
  openFeed();
  effect(() => {
    void [session.user.value, view.screen.value, view.video.value, view.frame.value];
    look();
  });
  onEnd(() => void reload());
  await loadJobs().catch(() => undefined); // the feed tells of them, too
}
