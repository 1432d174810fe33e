// What happens elsewhere, live: a WebSocket, or long polling where a proxy cuts sockets.
import { ApiError, get, url } from "../api";
import type { Look, Message } from "../types.gen";
import { forgetOwn } from "./own";
import { take } from "./edits";
import { dropJob, takeJob } from "./jobs";
import { count, flush } from "./outbox";
import { forgetLog, loadFrame, loseThread, reloadMarks, trackFiles } from "./rows";
import * as session from "./session";
import { connection, heard, loadProject, people, reloads, seq, user } from "./session";
import { toast } from "./toasts";
import * as view from "./view";

const RETRY_MS = [250, 500, 1000, 2000, 4000];
const SILENT_MS = 45_000; // the server pings more often than that
const POLL_MS = 40_000; // the server answers within 25 s
const REPLACED = "replaced";
const SOCKETS = 3; // failed ones in a row before the page asks by HTTP

let socket: WebSocket | null = null;
let failures = 0;
let stopped = true;
let timer: ReturnType<typeof setTimeout> | undefined;
let watchdog: ReturnType<typeof setTimeout> | undefined;
let reloading: ReturnType<typeof setTimeout> | undefined;
let polling: AbortController | null = null;

/** Begin to listen; goes on by itself after every interruption. */
export function openFeed(): void {
  stopped = false;
  connect();
}

/** Stop listening. */
export function closeFeed(): void {
  stopped = true;
  clearTimeout(timer);
  clearTimeout(watchdog);
  clearTimeout(reloading);
  polling?.abort();
  socket?.close();
  socket = null;
  failures = 0;
}

function connect(): void {
  if (stopped) return;
  const address = url(`feed?${since()}`).replace(/^http/, "ws");
  let opened = false;
  try {
    socket = new WebSocket(address);
  } catch {
    interrupted(false);
    return;
  }
  const mine = socket;
  mine.onopen = () => {
    opened = true;
    alive();
    look(true);
  };
  mine.onmessage = ({ data }) => {
    failures = 0;
    alive();
    if (typeof data === "string") receive(JSON.parse(data) as Message);
  };
  mine.onclose = () => {
    if (mine !== socket) return;
    socket = null;
    clearTimeout(watchdog);
    interrupted(opened);
  };
}

/** What was heard last: its number, and its time, which tells it from a line of another log. */
function since(): string {
  const at = session.heardAt === "" ? "" : `&at=${encodeURIComponent(session.heardAt)}`;
  return `since=${heard.peek()}${at}`;
}

function alive(): void {
  connection.value = "live";
  flush();
  clearTimeout(watchdog);
  watchdog = setTimeout(() => socket?.close(), SILENT_MS);
}

function interrupted(opened: boolean): void {
  if (stopped) return;
  failures += 1;
  if (!opened && failures >= SOCKETS) {
    void poll();
    return;
  }
  if (failures > 1 || !opened) connection.value = "lost";
  timer = setTimeout(connect, RETRY_MS[Math.min(failures, RETRY_MS.length) - 1]);
}

/** Ask by HTTP. When the server is gone the socket gets its chance again. */
async function poll(): Promise<void> {
  polling = new AbortController();
  const { signal } = polling;
  try {
    while (!stopped) {
      const messages = await get<Message[]>(`changes?${since()}`, { signal, within: POLL_MS });
      connection.value = "live";
      flush();
      for (const one of messages) receive(one);
    }
  } catch (error) {
    if (stopped || signal.aborted) return;
    if (error instanceof ApiError && error.status === 410)
      await (error.problem.code === REPLACED ? replaced() : reload());
    connection.value = "lost";
    failures = 1;
    timer = setTimeout(connect, RETRY_MS[2]);
  }
}

function receive(message: Message): void {
  if (message.type === "edit") take(message);
  else if (message.type === "job" && message.job) takeJob(message.job);
  else if (message.type === "job" && message.id) dropJob(message.id);
  else if (message.type === "presence") people.value = message.people ?? [];
  else if (message.type === "tracks") trackFiles.value += 1;
  else if (message.type === "reload") void (message.action === REPLACED ? replaced() : reload());
}

/** The thread is lost, or the project itself has changed: read again what is shown. */
export async function reload(): Promise<void> {
  clearTimeout(reloading);
  try {
    const said = await loadProject();
    session.hearTo(said.seq, said.at);
    reloads.value += 1;
    loseThread();
    await reloadMarks();
    const video = view.video.peek();
    if (video !== null) await loadFrame(video, view.frame.peek(), true);
  } catch {
    connection.value = "lost";
    if (!stopped) reloading = setTimeout(() => void reload(), RETRY_MS[3]);
  }
}

/** The server has another log than this page heard of: an older copy was put in its place. */
async function replaced(): Promise<void> {
  const before = Math.max(heard.peek(), seq.peek());
  forgetLog();
  forgetOwn();
  session.forgetHeard();
  await reload();
  count();
  toast(
    `The project is another copy now: it ends with edit ${seq.peek()}, this page knew ${before}. ` +
      "What is shown was read again; edits that wait here are kept and sent.",
    { kind: "warn" },
  );
}

let told = "";
let toldAt = 0;
let telling: ReturnType<typeof setTimeout> | undefined;

/** Say where this person is, at most three times a second. */
export function look(always = false): void {
  const here: Look = {
    type: "look",
    user: user.peek(),
    screen: view.screen.peek(),
    video: view.video.peek(),
    frame: view.frame.peek(),
  };
  const text = JSON.stringify(here);
  if (socket === null || socket.readyState !== 1 || (text === told && !always)) return;
  const wait = toldAt + 330 - Date.now();
  clearTimeout(telling);
  if (wait > 0 && !always) {
    telling = setTimeout(look, wait);
    return;
  }
  told = text;
  toldAt = Date.now();
  socket.send(text);
}
