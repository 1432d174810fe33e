import { afterEach, expect, test } from "vitest";
import { fakeServer, settled, type Asked } from "../../fake";
import { store } from "../../store/storage";
import type { FollowEdit, Followed } from "../../types.gen";
import { approve, busy, chosen, forget, look, proposedFor } from "./following";
import { closeSending, openSending } from "./sending";

const one = { good: true, kind: "name", labels: [1], value: "walk", said: "", overlap: 1 };
const proposals = (source: string): Followed => ({ source, seen: `seen ${source}`, proposals: [one, { ...one, good: false }] }) as unknown as Followed;

/** A server that holds its answers back until they are let go by the run they are about. */
function server(): { asked: Asked[]; let: (run: string) => Promise<void> } {
  const gates = new Map<string, () => void>();
  const asked = fakeServer(async ({ path, method }) => {
    const [, run, rest] = path.split("/");
    if (method === "POST" || rest!.startsWith("follow")) await new Promise<void>((done) => gates.set(run!, done));
    return { json: method === "POST" ? {} : proposals(rest!.split("from=")[1]!) };
  });
  return { asked, let: async (run) => (gates.get(run)?.(), void (await settled(60))) };
}
afterEach(() => {
  forget();
  closeSending();
  busy.value = false;
  store("behavior.waiting", []);
});

test("proposals for one run are not shown for another, whichever answer comes last", async () => {
  const at = server();
  void look("a", "old");
  void look("b", "older");
  await at.let("b");
  await at.let("a");
  expect(proposedFor("a")).toBeNull();
  expect(proposedFor("b")?.held?.source).toBe("older");
  expect([...chosen.value]).toEqual([0]);
});

test("what is ticked is written to the run for which it was shown, once", async () => {
  openSending("p");
  const at = server();
  void look("a", "old");
  await at.let("a");
  void approve();
  void approve();
  expect(busy.value).toBe(true);
  void look("b", "older"); // the person turns to another run meanwhile
  await settled(60);
  await at.let("a");
  await at.let("b");
  const sent = at.asked.filter(({ method }) => method === "POST");
  expect(sent.map(({ path }) => path)).toEqual(["behavior/a/follow"]);
  expect(sent[0]!.body as FollowEdit).toMatchObject({ source: "old", chosen: [0], seen: "seen old" });
  expect(proposedFor("b")?.held?.source).toBe("older");
  expect(busy.value).toBe(false);
});
