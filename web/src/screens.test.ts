import { expect, test } from "vitest";
import { SCREENS, screenOf } from "./screens";

test("the address leads back to the screen that it names", () => {
  for (const { id } of SCREENS) expect(screenOf(`#${id}`)).toBe(id);
});

test("an address that names no screen opens the first", () => {
  for (const fragment of ["", "#", "#nothing", "label", "#label/2"])
    expect(screenOf(fragment)).toBe("label");
});

test("there are five screens with five names", () => {
  expect(new Set(SCREENS.map((screen) => screen.id)).size).toBe(5);
});
