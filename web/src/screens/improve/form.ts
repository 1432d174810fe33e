// A form from a JSON schema: which fields there are, what they hold, what was changed.

/** The part of a JSON schema that settings use. */
export interface Schema {
  readonly type?: string;
  readonly title?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly allOf?: readonly Schema[];
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, Schema>>;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly items?: Schema;
  readonly prefixItems?: readonly Schema[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly exclusiveMaximum?: number;
}

export type Config = Readonly<Record<string, unknown>>;
export type Kind = "integer" | "number" | "boolean" | "choice" | "text" | "list" | "json";

/** One setting. */
export interface Field {
  /** Keys from the top: ["fit", "rate"]. */
  readonly path: readonly string[];
  /** The same with dots, as the server's sentences name it. */
  readonly name: string;
  readonly kind: Kind;
  /** May be null: then the program chooses. */
  readonly optional: boolean;
  readonly usual: unknown;
  readonly about: string;
  readonly choices: readonly string[];
  readonly least: number | null;
  readonly most: number | null;
}

/** Fields of one block of settings. */
export interface Block {
  readonly name: string; // "" of the top
  readonly about: string;
  readonly fields: readonly Field[];
}

/** All fields of a schema by their blocks, in its order; single fields come first. */
export function blocksOf(schema: Schema): Block[] {
  const blocks: Block[] = [];
  collect(schema, schema, [], schema.default, blocks);
  return blocks.filter((block) => block.fields.length > 0);
}

function collect(
  root: Schema,
  block: Schema,
  path: readonly string[],
  usual: unknown,
  blocks: Block[],
): void {
  const fields: Field[] = [];
  const mine = blocks.length;
  for (const [key, raw] of Object.entries(block.properties ?? {})) {
    const one = settled(root, raw);
    const stands = raw.default ?? (isObject(usual) ? usual[key] : undefined) ?? one.schema.default;
    const inner = one.schema.properties;
    const part = inner === undefined || one.optional || "kind" in inner;
    if (!part) collect(root, one.schema, [...path, key], stands, blocks);
    else fields.push(fieldOf(one, [...path, key], stands, raw.description));
  }
  blocks.splice(mine, 0, { name: path.join("."), about: about(block.description), fields });
}

interface Settled {
  readonly schema: Schema;
  readonly optional: boolean;
  readonly several: boolean; // more than one kind of value
}

/** Follow references and take "or null" away. */
function settled(root: Schema, raw: Schema): Settled {
  if (raw.$ref !== undefined) return settled(root, { ...followed(root, raw.$ref), ...without(raw) });
  if (raw.allOf?.length === 1) return settled(root, { ...raw.allOf[0], ...withoutAll(raw) });
  const ways = raw.anyOf ?? raw.oneOf;
  if (ways === undefined) return { schema: raw, optional: false, several: false };
  const real = ways.filter((way) => way.type !== "null");
  const optional = real.length < ways.length;
  if (real.length !== 1) return { schema: raw, optional, several: true };
  const inner = settled(root, real[0]!);
  const schema = { ...inner.schema, description: raw.description ?? inner.schema.description };
  return { schema: schema as Schema, optional, several: inner.several };
}

function followed(root: Schema, ref: string): Schema {
  return root.$defs?.[ref.replace("#/$defs/", "")] ?? {};
}

function without({ $ref: _, ...rest }: Schema): Schema {
  return rest;
}

function withoutAll({ allOf: _, ...rest }: Schema): Schema {
  return rest;
}

function fieldOf(
  { schema, optional, several }: Settled,
  path: readonly string[],
  usual: unknown,
  said: string | undefined,
): Field {
  const whole = schema.type === "integer" ? 1 : 0;
  const above = schema.exclusiveMinimum;
  const least = schema.minimum ?? (above === undefined ? null : above + whole);
  const below = schema.exclusiveMaximum;
  const most = schema.maximum ?? (below === undefined ? null : below - whole);
  return {
    path,
    name: path.join("."),
    kind: several ? "json" : kindOf(schema),
    optional,
    usual: usual === undefined ? null : usual,
    about: about(said ?? schema.description),
    choices: (schema.enum ?? []).map(String),
    least,
    most,
  };
}

function kindOf(schema: Schema): Kind {
  if (schema.enum !== undefined) return "choice";
  if (schema.type === "integer" || schema.type === "number") return schema.type;
  if (schema.type === "boolean") return "boolean";
  if (schema.type === "string") return "text";
  const plain = [schema.items, ...(schema.prefixItems ?? [])].filter((one) => one !== undefined);
  const flat = plain.length > 0 && plain.every((one) => one.type !== "array" && one.type !== "object");
  return schema.type === "array" && flat ? "list" : "json";
}

function about(text: string | undefined): string {
  return (text ?? "").replaceAll("`", "").replace(/\s+/g, " ").trim();
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What settings hold at a path; undefined: nothing was said. */
export function read(config: Config, path: readonly string[]): unknown {
  let at: unknown = config;
  for (const key of path) at = isObject(at) ? at[key] : undefined;
  return at;
}

/** Settings with another value at a path; undefined takes it out, and blocks that are empty then. */
export function write(config: Config, path: readonly string[], value: unknown): Config {
  const [key, ...rest] = path as [string, ...string[]];
  const { [key]: old, ...others } = config;
  if (rest.length === 0) return value === undefined ? others : { ...config, [key]: value };
  const inner = write(isObject(old) ? old : {}, rest, value);
  return Object.keys(inner).length === 0 ? others : { ...config, [key]: inner };
}

/** One set of settings on top of another. */
export function over(below: Config, above: Config): Config {
  const all: Record<string, unknown> = { ...below };
  for (const [key, value] of Object.entries(above)) {
    const old = all[key];
    all[key] = isObject(old) && isObject(value) ? over(old, value) : value;
  }
  return all;
}

/** How many single values settings say. */
export function said(config: Config): number {
  return Object.values(config)
    .map((value) => (isObject(value) ? said(value) : 1))
    .reduce((a, b) => a + b, 0);
}

/** A value as it stands in its field. */
export function shown(field: Field, value: unknown): string {
  if (value === null || value === undefined) return "";
  if (field.kind === "list" && Array.isArray(value)) return value.join(", ");
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

/** What was typed as a value; text that is none is passed on, for the server to refuse. */
export function typed(field: Field, text: string): unknown {
  const word = text.trim();
  if (word === "") return field.optional ? null : undefined;
  if (field.kind === "boolean") return word === "true";
  if (field.kind === "list") return word.split(/[,\s]+/).map(numberOr);
  if (field.kind === "integer" || field.kind === "number") return numberOr(word.replace(",", "."));
  if (field.kind !== "json") return word;
  try {
    return JSON.parse(word) as unknown;
  } catch {
    return word;
  }
}

function numberOr(word: string): number | string {
  const value = Number(word);
  return word === "" || Number.isNaN(value) ? word : value;
}

/** What a field holds when nothing is said, in words. */
export function usually(field: Field): string {
  if (field.usual === null) return "chosen from the labels";
  return shown(field, field.usual);
}

/** The field that a sentence of the server speaks of, and the sentence without its name. */
export function blamed(
  fields: readonly Field[],
  sentence: string,
): { field: Field; text: string } | null {
  const found = fields
    .filter(({ name }) => new RegExp(`(^|[\\s:'"])${escaped(name)}['"]?[.:\\s]`).test(sentence))
    .sort((a, b) => b.name.length - a.name.length)[0];
  if (found === undefined) return null;
  const after = sentence.slice(sentence.indexOf(found.name) + found.name.length);
  const text = after.replace(/^['"]?(\.[\w.]+)?\s*:?\s*/, "");
  return { field: found, text: text === "" ? sentence : text };
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
