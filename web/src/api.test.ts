import { expect, test } from "vitest";
import { ApiError, get, post, sentence, setUser, url, uuid } from "./api";
import { fakeServer } from "./fake";

test("addresses are below the page's own, whatever a proxy puts before it", () => {
  expect(url("/project")).toBe(url("project"));
  expect(new URL(url("frames/1/2")).pathname).toBe("/api/frames/1/2");
});

test("every request says that it is the page's, and who sits there", async () => {
  const asked = fakeServer(() => ({ json: {} }));
  setUser("Mei Ōno");
  await post("edits", { edits: [] });
  expect(asked[0]).toMatchObject({ method: "POST", path: "edits", body: { edits: [] } });
  expect(asked[0]!.headers["X-Gambol"]).toBe("1");
  expect(decodeURIComponent(asked[0]!.headers["X-Gambol-User"]!)).toBe("Mei Ōno");
  setUser("");
});

test("an error is the server's own sentence and hint", async () => {
  const json = { code: "input", message: "No such frame.", hint: "Give 0 to 9.", theirs: [] };
  fakeServer(() => ({ status: 422, json }));
  const error = await get("frames/1/99").catch((e: unknown) => e);
  expect(error).toBeInstanceOf(ApiError);
  expect((error as ApiError).status).toBe(422);
  expect(sentence(error)).toBe("No such frame. Give 0 to 9.");
});

test("an answer that is no problem of ours still ends in a sentence", async () => {
  fakeServer(() => ({ status: 502, json: "<html>" }));
  await expect(get("project")).rejects.toThrow("502");
});

test("no server is status 0", async () => {
  fakeServer(() => "offline");
  await expect(get("project")).rejects.toMatchObject({ status: 0 });
});

test("numbers of edits are UUIDs of version 4, with and without randomUUID", () => {
  const shape = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
  expect(uuid()).toMatch(shape);
  const own = crypto.randomUUID.bind(crypto);
  Object.assign(crypto, { randomUUID: undefined });
  expect(uuid()).toMatch(shape);
  Object.assign(crypto, { randomUUID: own });
});
