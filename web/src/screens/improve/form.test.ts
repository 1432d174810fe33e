import { expect, test } from "vitest";
import { blamed, blocksOf, over, read, said, shown, typed, usually, write, type Schema } from "./form";

// as pydantic writes it of settings with a block, an optional number, a pair and a part
const SCHEMA: Schema = {
  type: "object",
  description: "Settings of the stage.",
  $defs: {
    Fit: {
      type: "object",
      description: "Settings of the loop.",
      properties: {
        steps: { anyOf: [{ type: "integer", exclusiveMinimum: 0 }, { type: "null" }], default: null },
        rate: { type: "number", exclusiveMinimum: 0, default: 0.001, description: "of `Adam`" },
      },
    },
    Spec: { type: "object", properties: { kind: { type: "string" } } },
  },
  properties: {
    approach: { anyOf: [{ enum: ["single", "top-down"], type: "string" }, { type: "null" }], default: null },
    mirror: { type: "boolean", default: false },
    fit: { $ref: "#/$defs/Fit", default: { steps: null, rate: 0.002 } },
    backbone: { anyOf: [{ $ref: "#/$defs/Spec" }, { type: "null" }], default: null },
    gamma: {
      type: "array",
      prefixItems: [{ type: "number" }, { type: "number" }],
      default: [0.8, 1.25],
    },
  },
};
const blocks = blocksOf(SCHEMA);
const fields = blocks.flatMap((block) => block.fields);
const field = (name: string) => fields.find((one) => one.name === name)!;

test("single settings come first, blocks follow with their own words", () => {
  expect(blocks.map(({ name, about }) => [name, about])).toEqual([
    ["", "Settings of the stage."],
    ["fit", "Settings of the loop."],
  ]);
  expect(fields.map((one) => one.name)).toEqual([
    "approach", "mirror", "backbone", "gamma", "fit.steps", "fit.rate",
  ]);
});

test("a field knows its kind, its limits, whether it may be left to the program, and why", () => {
  expect(field("approach")).toMatchObject({ kind: "choice", optional: true, choices: ["single", "top-down"] });
  expect(field("fit.steps")).toMatchObject({ kind: "integer", optional: true, least: 1, usual: null });
  expect(field("fit.rate")).toMatchObject({ kind: "number", optional: false, about: "of Adam" });
  expect(field("gamma")).toMatchObject({ kind: "list", usual: [0.8, 1.25] });
  expect(field("backbone")).toMatchObject({ kind: "json", optional: true });
  expect(usually(field("fit.steps"))).toBe("chosen from the labels");
});

test("a value typed is the value shown", () => {
  for (const [name, value] of [
    ["fit.rate", 0.01], ["fit.steps", 200], ["mirror", true], ["gamma", [0.5, 2]], ["approach", "single"],
    ["backbone", { kind: "unet", depth: 3 }], ["fit.steps", null],
  ] as const)
    expect(typed(field(name), shown(field(name), value))).toEqual(value);
});

test("nonsense is passed on for the server to refuse", () => {
  expect(typed(field("fit.rate"), "fast")).toBe("fast");
  expect(typed(field("backbone"), "{kind")).toBe("{kind");
  expect(typed(field("fit.rate"), " ")).toBeUndefined(); // back to what is usual
});

test("writing says one value more, and undefined takes it out with its empty block", () => {
  const one = write({}, ["fit", "rate"], 0.01);
  expect(one).toEqual({ fit: { rate: 0.01 } });
  expect(read(one, ["fit", "rate"])).toBe(0.01);
  expect(read(one, ["fit", "rate", "deeper"])).toBeUndefined();
  const two = write(one, ["fit", "steps"], null);
  expect(said(two)).toBe(2);
  expect(write(write(two, ["fit", "steps"], undefined), ["fit", "rate"], undefined)).toEqual({});
});

test("own values stand on top of a preset", () => {
  const preset = { fit: { steps: 100, rate: 0.1 }, mirror: true };
  expect(over(preset, { fit: { rate: 0.2 } })).toEqual({ fit: { steps: 100, rate: 0.2 }, mirror: true });
});

test("the server's sentence finds its field", () => {
  const text = "train: fit.rate: input should be greater than 0, got -1";
  expect(blamed(fields, text)).toEqual({ field: field("fit.rate"), text: "input should be greater than 0, got -1" });
  expect(blamed(fields, "backbone.kind: no backbone 'x'")?.field.name).toBe("backbone");
  expect(blamed(fields, "no keypoint has a position")).toBeNull();
});
