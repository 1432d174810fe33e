import { beforeEach, expect, test } from "vitest";
import { fakeServer } from "../fake";
import { claim, dialog } from "../store/dialogs";
import { toasts } from "../store/toasts";
import type { Person, Project } from "../types.gen";
import * as session from "../store/session";
import { call } from "./person";

const mei: Person = { name: "Mei", colour: "#fff", screen: "", video: 1, frame: 8, own: false };

beforeEach(() => {
  session.project.value = { user: "guest 2", guest: true } as Project;
  session.user.value = "guest 2";
  session.named.value = session.edited.value = false;
  session.people.value = [];
  session.role.value = "edit";
  dialog.value = claim.value = null;
});

test("a guest is asked for a name at the first edit, not before, and not again", async () => {
  fakeServer(() => ({ json: { name: "Ann", edits: 1 } }));
  expect(session.nameless.value).toBe(false);
  session.edited.value = true;
  expect(session.nameless.value).toBe(true);
  await call("Ann");
  expect([session.nameless.value, session.user.value]).toEqual([false, "Ann"]);
});

test("who runs the server is asked only when somebody else is here", () => {
  session.project.value = { user: "root", guest: false } as Project;
  session.user.value = "root";
  session.edited.value = true;
  expect(session.nameless.value).toBe(false);
  session.people.value = [{ ...mei, name: "root" }]; // another page of the same browser
  expect(session.nameless.value).toBe(false);
  session.people.value = [mei];
  expect(session.nameless.value).toBe(true);
});

test("a guest's edits become those of the name; a name that is taken back leaves the guest", async () => {
  const asked = fakeServer(() => ({ json: { name: "Ann", edits: 1 } }));
  await call("Ann");
  await call("Ann");
  expect(asked.map(({ path, body }) => [path, body])).toEqual([["name", { name: "Ann", sure: false }]]);
  await call("");
  expect([session.named.value, session.user.value]).toEqual([false, "guest 2"]);
});

test("a name of which the server does not say that it is free is none, and that is said", async () => {
  fakeServer(() => "offline");
  await call("Ann");
  expect([session.named.value, session.user.value]).toEqual([false, "guest 2"]);
  expect(toasts.value.at(-1)?.text).toContain("guest 2");
});

test("a name that somebody has is asked about, and taken by who is sure", async () => {
  const asked = fakeServer(({ body }) =>
    (body as { sure: boolean }).sure
      ? { json: { name: "Mei", edits: 0 } }
      : { status: 409, json: { code: "taken", message: "Mei has edits here.", hint: "" } },
  );
  await call("Mei");
  expect(session.user.value).toBe("guest 2");
  expect(dialog.value).toBe("claim");
  expect(claim.value).toEqual({ name: "Mei", why: "Mei has edits here." });
  await call("Mei", true);
  expect([session.named.value, session.user.value]).toEqual([true, "Mei"]);
  expect(asked.map(({ body }) => body)).toEqual([
    { name: "Mei", sure: false },
    { name: "Mei", sure: true },
  ]);
});

test("who has a name already asks, too; who only looks is called anything", async () => {
  const asked = fakeServer(() => ({ json: { name: "Ann", edits: 0 } }));
  session.named.value = true;
  session.user.value = "Zoe";
  await call("Ann");
  expect(asked).toHaveLength(1);
  session.role.value = "read";
  await call("Mei");
  expect([asked.length, session.user.value]).toEqual([1, "Mei"]);
});
