import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { fakeServer } from "../fake";
import type { Message } from "../types.gen";
import * as feed from "./feed";
import { closeOutbox } from "./outbox";
import * as session from "./session";
import { toasts } from "./toasts";

class Socket {
  static all: Socket[] = [];
  static refuse = false;
  readyState = 0;
  sent: string[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: string }) => void) | null = null;
  onclose: ((event: { code: number }) => void) | null = null;
  constructor(readonly address: string) {
    Socket.all.push(this);
    setTimeout(() => (Socket.refuse ? this.close() : this.open()));
  }
  open(): void {
    this.readyState = 1;
    this.onopen?.();
  }
  send(text: string): void {
    this.sent.push(text);
  }
  close(): void {
    if (this.readyState === 3) return;
    this.readyState = 3;
    this.onclose?.({ code: 1006 });
  }
  say(message: Partial<Message>): void {
    this.onmessage?.({ data: JSON.stringify({ changes: [], people: [], ...message }) });
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("WebSocket", Socket);
  Socket.all = [];
  Socket.refuse = false;
  session.forgetHeard();
  session.hearTo(7, "");
  session.connection.value = "live";
});
afterEach(() => {
  feed.closeFeed();
  closeOutbox();
  vi.useRealTimers();
});

test("after an interruption the thread is taken up where it was heard last", async () => {
  feed.openFeed();
  await vi.advanceTimersByTimeAsync(1);
  expect(Socket.all[0]!.address).toMatch(/^ws.*api\/feed\?since=7$/);
  Socket.all[0]!.say({ type: "edit", seq: 9 });
  session.seq.value = 12; // an own edit was acknowledged; others' 10 and 11 were not heard of
  Socket.all[0]!.close();
  await vi.advanceTimersByTimeAsync(500);
  expect(Socket.all[1]!.address).toContain("since=9");
  expect(session.connection.value).toBe("live");
});

test("a server that is gone is said, and found again when it is back", async () => {
  fakeServer(() => "offline");
  feed.openFeed();
  await vi.advanceTimersByTimeAsync(1);
  Socket.refuse = true;
  Socket.all[0]!.close();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(session.connection.value).toBe("lost");
  Socket.refuse = false;
  await vi.advanceTimersByTimeAsync(5000);
  expect(session.connection.value).toBe("live");
});

test("where sockets are cut the page asks by HTTP", async () => {
  Socket.refuse = true;
  let asked = 0;
  fakeServer(async ({ path }) => {
    expect(path).toBe(`changes?since=${7 + asked}`);
    asked += 1;
    await new Promise((resolve) => setTimeout(resolve, 1000));
    return { json: [{ type: "edit", seq: 7 + asked, changes: [], people: [] }] };
  });
  feed.openFeed();
  await vi.advanceTimersByTimeAsync(8000);
  expect(asked).toBeGreaterThan(3);
  expect(session.heard.value).toBeGreaterThan(9);
  expect(session.connection.value).toBe("live");
});

test("a socket that says nothing for long is replaced", async () => {
  feed.openFeed();
  await vi.advanceTimersByTimeAsync(40_000);
  Socket.all[0]!.say({ type: "ping" });
  await vi.advanceTimersByTimeAsync(40_000);
  expect(Socket.all.length).toBe(1);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(Socket.all.length).toBe(2);
});

test("people are shown, and are told where I am, not too often", async () => {
  feed.openFeed();
  await vi.advanceTimersByTimeAsync(1);
  const mei = { name: "Mei", colour: "#fff", screen: "", video: 1, frame: 812, own: false };
  Socket.all[0]!.say({ type: "presence", people: [mei] });
  expect(session.people.value).toEqual([mei]);
  for (let i = 0; i < 50; i++) {
    session.user.value = `me ${i}`;
    feed.look();
    await vi.advanceTimersByTimeAsync(20);
  }
  await vi.advanceTimersByTimeAsync(1000);
  const sent = Socket.all[0]!.sent;
  expect(sent.length).toBeLessThan(7);
  expect(sent.at(-1)).toContain("me 49");
});

const project = (seq: number, at: string) => ({
  seq, at, role: "edit", user: "me", guest: false, skeleton: null,
  videos: [], individuals: [], keypoints: [], suggestions: [],
});

test("the page says what it heard last by number and time", async () => {
  feed.openFeed();
  await vi.advanceTimersByTimeAsync(1);
  Socket.all[0]!.say({ type: "edit", seq: 9, at: "2026-01-01T00:00:00+00:00" });
  Socket.all[0]!.close();
  await vi.advanceTimersByTimeAsync(500);
  expect(Socket.all[1]!.address).toContain("since=9&at=2026-01-01T00%3A00%3A00%2B00%3A00");
});

test("an older copy in place of the project is read anew, and said", async () => {
  fakeServer(({ path }) => (path === "project" ? { json: project(3, "then") } : "offline"));
  session.seq.value = 12;
  feed.openFeed();
  await vi.advanceTimersByTimeAsync(1);
  Socket.all[0]!.say({ type: "reload", seq: 3, action: "replaced" });
  await vi.advanceTimersByTimeAsync(100);
  expect([session.heard.value, session.seq.value, session.heardAt]).toEqual([3, 3, "then"]);
  expect(toasts.value.at(-1)?.text).toMatch(/ends with edit 3, this page knew 12/);
  Socket.all[0]!.close();
  await vi.advanceTimersByTimeAsync(500);
  expect(Socket.all[1]!.address).toContain("since=3&at=then");
});

test("asked by HTTP, an older copy is noticed, too", async () => {
  Socket.refuse = true;
  fakeServer(async ({ path }) => {
    if (path === "project") return { json: project(3, "then") };
    const json = { code: "replaced", message: "another copy", hint: "", theirs: [] };
    if (path.startsWith("changes?since=7")) return { status: 410, json };
    await new Promise((resolve) => setTimeout(resolve, 25_000));
    return { json: [] };
  });
  feed.openFeed();
  await vi.advanceTimersByTimeAsync(8000);
  expect(session.heard.value).toBe(3);
});

test("a reload that finds nobody is tried again", async () => {
  let gone = true;
  fakeServer(({ path }) => (gone || path !== "project" ? "offline" : { json: project(20, "") }));
  feed.openFeed();
  await vi.advanceTimersByTimeAsync(1);
  Socket.all[0]!.say({ type: "reload" });
  await vi.advanceTimersByTimeAsync(5000);
  expect(session.heard.value).toBe(7);
  gone = false;
  await vi.advanceTimersByTimeAsync(5000);
  expect(session.heard.value).toBe(20);
});
