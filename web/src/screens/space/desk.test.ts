import { expect, test } from "vitest";
import { fakeServer } from "../../fake";
import { drained } from "../../store/outbox";
import * as desk from "./desk";

test("a decision that failed says so once, and holds nothing back ever after", async () => {
  fakeServer(() => ({ status: 422, json: { code: "input", message: "no", hint: "", theirs: [] } }));
  const held = { run: "r1", frame: 3, animal: 0, keypoint: 1, camera: "top", at: { x: 1, y: 2 }, xyz: null };
  const sent = desk.keep(held);
  expect(await drained()).toBe(false); // it was on its way: undo must not take back what is older
  expect(await sent).toBe(false);
  expect(await drained()).toBe(true);
});
