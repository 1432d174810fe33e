import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { Again } from "./again";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const never = (error: unknown): void => {
  throw error;
};

test("many questions in a pause become two, the newest is answered", async () => {
  const asked: string[] = [];
  const again = new Again(1000, async (about) => void asked.push(about));
  for (let i = 0; i < 5; i++) again.ask("a", never);
  expect(asked).toEqual(["a"]);
  await vi.advanceTimersByTimeAsync(5000);
  expect(asked).toEqual(["a", "a"]);
  again.ask("a", never);
  expect(asked.length).toBe(3);
});

test("another training is looked at without waiting; a failure is told and does not end it", async () => {
  const told: string[] = [];
  const again = new Again(1000, (about) => Promise.reject(new Error(about)));
  const failed = (error: unknown): void => void told.push((error as Error).message);
  again.ask("a", failed);
  await vi.advanceTimersByTimeAsync(10);
  again.ask("b", failed);
  await vi.advanceTimersByTimeAsync(10);
  expect(told).toEqual(["a", "b"]);
  await vi.advanceTimersByTimeAsync(1500);
  again.ask("b", failed);
  await vi.advanceTimersByTimeAsync(10);
  expect(told).toEqual(["a", "b", "b"]);
});

test("after a stop nothing is asked", async () => {
  const get = vi.fn(() => Promise.resolve());
  const again = new Again(1000, get);
  again.ask("a", never);
  again.ask("a", never);
  again.stop();
  await vi.advanceTimersByTimeAsync(5000);
  expect(get).toHaveBeenCalledTimes(1);
});
