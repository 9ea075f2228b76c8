/** `{{ name }}` and nothing else, as apps/prompts/templating.py has it; the server decides, this shows. Pure. */
const NAME = /^[\p{L}_][\p{L}\p{M}\p{N}_]{0,39}$/u;

/** @returns {{parts: Array<string|{name: string}>, problems: string[]}} */
export function parse(text) {
  const parts = [];
  const problems = [];
  let position = 0;
  for (;;) {
    const open = text.indexOf("{{", position);
    if (open < 0) break;
    if (text[open - 1] === "\\" && open > position) {
      parts.push(text.slice(position, open - 1), "{{");
      position = open + 2;
      continue;
    }
    parts.push(text.slice(position, open));
    const close = text.indexOf("}}", open + 2);
    const again = text.indexOf("{{", open + 2);
    if (close < 0 || (again >= 0 && again < close)) {
      problems.push(`${placeOf(text, open)}: this {{ is never closed.`);
      parts.push("{{");
      position = open + 2;
      if (problems.length >= 20) break;
      continue;
    }
    const name = text.slice(open + 2, close).trim();
    if (NAME.test(name)) parts.push({ name });
    else problems.push(`${placeOf(text, open)}: “${name.slice(0, 30)}” is no name.`);
    position = close + 2;
  }
  parts.push(text.slice(position));
  return { parts: parts.filter((part) => part !== ""), problems };
}

/** The text with `values` filled in; a value is never read as a template. */
export function render(text, values) {
  return parse(text).parts.map((part) => (typeof part === "string" ? part : (values[part.name] ?? ""))).join("");
}

export function namesIn(...texts) {
  return [...new Set(texts.flatMap((text) => parse(text).parts.filter((part) => part.name).map((part) => part.name)))];
}

function placeOf(text, at) {
  const before = text.slice(0, at).split("\n");
  return `Line ${before.length}, column ${before.at(-1).length + 1}`;
}
