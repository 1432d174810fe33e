// A name that is cut in its middle where there is no room: names of one kind differ at their ends.

const SHORT = 6; // letters that are never cut
const LAST = 5; // letters of a last word that stays whole
const END = 3;

/** The part of a name that may be cut, and its end, which stays: the last word, or some letters. */
export function halves(name: string): readonly [string, string] {
  if (name.length <= SHORT) return ["", name];
  const word = /(?:[A-Z]?[a-z]*\d+|[A-Z][a-z]*|[a-z]+|[^A-Za-z\d]+)$/.exec(name)?.[0] ?? "";
  const fits = word.length > 0 && word.length <= LAST;
  const at = name.length - (fits ? word.length : END);
  return [name.slice(0, at), name.slice(at)];
}

/** The name; a screen reader and the tooltip have it whole. */
export function Elided({ name }: { name: string }) {
  const [head, tail] = halves(name);
  return (
    <span class="elided" title={name} aria-label={name}>
      <span class="cut">{head}</span>
      <span>{tail}</span>
    </span>
  );
}
