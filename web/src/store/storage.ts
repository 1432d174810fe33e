// localStorage with types, and without it (private windows, tests) a plain map.
const memory = new Map<string, string>();
const PREFIX = "gambol:";

function box(): Pick<Storage, "getItem" | "setItem"> {
  try {
    if (typeof localStorage !== "undefined") return localStorage;
  } catch {
    // a page without storage still works; it only forgets
  }
  return {
    getItem: (key) => memory.get(key) ?? null,
    setItem: (key, value) => void memory.set(key, value),
  };
}

/** Read a value, `otherwise` where there is none or it is of another kind. */
export function stored<T>(key: string, otherwise: T): T {
  try {
    const text = box().getItem(PREFIX + key);
    if (text === null) return otherwise;
    const value: unknown = JSON.parse(text);
    const same =
      Array.isArray(value) === Array.isArray(otherwise) && typeof value === typeof otherwise;
    return otherwise === null || same ? (value as T) : otherwise;
  } catch {
    return otherwise;
  }
}

/** Keep a value. */
export function store(key: string, value: unknown): void {
  try {
    box().setItem(PREFIX + key, JSON.stringify(value));
  } catch {
    // full or forbidden: the value lives as long as the page
  }
}
