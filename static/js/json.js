/** JSON as people like to read it: a line for each part. Pure; nothing but the space between the parts changes. */

const PARTS = /"[^"\\]*(?:\\.[^"\\]*)*"?|[{}[\],:]|[^\s"{}[\],:]+/gs;
const MAX_INDENT = 30; // levels

/** @returns {string} `text` with lines and indents, also where it is unfinished; as it is where it is no JSON object or list. */
export function indented(text) {
  if (!/^\s*[[{]/.test(text)) return text;
  let shown = "";
  let depth = 0;
  let opened = false; // whether the part before opened an object or a list
  const line = () => `\n${"  ".repeat(Math.min(depth, MAX_INDENT))}`;
  for (const part of text.match(PARTS)) {
    if (part === "}" || part === "]") {
      depth = Math.max(0, depth - 1);
      shown += opened ? part : line() + part;
      opened = false;
      continue;
    }
    if (opened) shown += line();
    opened = part === "{" || part === "[";
    if (opened) depth += 1;
    shown += part === ":" ? ": " : part === "," ? part + line() : part;
  }
  return shown;
}

export function isJson(text) {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
