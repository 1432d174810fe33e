import { afterEach, expect, test } from "vitest";
import { fakeServer, settled } from "../../fake";
import { awaited, compare, comparedFor, forgetCompared } from "./comparing";

afterEach(forgetCompared);

test("an answer about one run is not shown under another, nor one to an earlier question", async () => {
  const gates: (() => void)[] = [];
  fakeServer(async ({ path }) => {
    await new Promise<void>((done) => gates.push(done));
    return path.includes("factor=bad") ? { status: 422, json: { code: "input", message: "no groups" } } : { json: { unit: path } };
  });
  void compare("a", "sex", "usage");
  void compare("b", "bad", "usage");
  void compare("b", "dose", "usage");
  for (const k of [2, 0, 1]) {
    gates[k]!();
    await settled();
  }
  expect(comparedFor("a")).toBeNull();
  expect(comparedFor("b")).toMatchObject({ found: { unit: "behavior/b/groups?factor=dose&what=usage" }, trouble: "" });
  void compare("b", "bad", "usage");
  expect(awaited(comparedFor("b"))).toBe(true);
  gates[3]!();
  await settled();
  expect(comparedFor("b")).toEqual({ run: "b", found: null, trouble: "no groups" });
});
