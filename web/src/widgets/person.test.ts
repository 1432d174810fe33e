import { beforeEach, expect, test } from "vitest";
import { fakeServer } from "../fake";
import type { Person, Project } from "../types.gen";
import * as session from "../store/session";
import { call } from "./person";

const mei: Person = { name: "Mei", colour: "#fff", screen: "", video: 1, frame: 8, own: false };

beforeEach(() => {
  session.project.value = { user: "guest 2", guest: true } as Project;
  session.user.value = "guest 2";
  session.named.value = session.edited.value = false;
  session.people.value = [];
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
  expect(asked.map(({ path, body }) => [path, body])).toEqual([["name", { name: "Ann" }]]);
  await call("");
  expect([session.named.value, session.user.value]).toEqual([false, "guest 2"]);
});

test("a name that the server does not take for earlier edits is one all the same", async () => {
  fakeServer(() => "offline");
  await call("Ann");
  expect(session.user.value).toBe("Ann");
});
