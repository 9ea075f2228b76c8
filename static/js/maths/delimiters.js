/**
 * Formulas in Markdown: $…$ and \(…\) in a line, $$…$$ and \[…\] by themselves. Pure: no DOM.
 *
 * Dollars are prices until they look like a formula: no space inside the signs, and no digit behind the closing one.
 * Code is never looked into, since marked takes it first.
 */

/** Stands at the end of a formula that is still being written. */
export const UNFINISHED = "\uE000";

const LONGEST = 5000; // characters of a formula, more than is drawn: what closes it is not looked for any further

const CLOSERS = { "$$": "$$", "\\[": "\\]", "\\(": "\\)" };
const OPENER = /^(?:\$\$|\\\[|\\\()/;
const DOLLARS = /^\$(?![\s$])((?:\\[^\n]|[^\\$\n])*?(?:\\[^\n\s]|[^\\$\s]))\$(?![\d$])/;
const MASKED = new RegExp(`\\$\\$[^$]+\\$\\$|${DOLLARS.source.slice(1)}`, "g");
const BLANK_LINE = /\n[ \t]*\n/;
// What a text is made of as far as formulas are concerned; the last group is an opener that nothing closes.
const PARTS = /(`+)[^`](?:[\s\S]*?[^`])?\1(?!`)|\$\$[\s\S]+?\$\$|\\\[[\s\S]+?\\\]|\\\([\s\S]+?\\\)|(\$\$|\\\[|\\\()|\\[\s\S]/g;

/** @returns {{raw: string, display: boolean} | null} the formula that `src` begins with */
function formulaAt(src) {
  const opener = src.match(OPENER)?.[0];
  if (!opener) {
    const dollars = src.match(DOLLARS);
    return dollars && { raw: dollars[0], display: false };
  }
  const end = src.slice(0, LONGEST).indexOf(CLOSERS[opener], 2);
  const tex = end < 0 ? "" : src.slice(2, end);
  if (!tex.trim() || BLANK_LINE.test(tex)) return null;
  return { raw: src.slice(0, end + 2), display: opener !== "\\(" };
}

const inline = {
  name: "maths",
  level: "inline",
  start: (src) => found(src.search(/\$|\\[([]/)),
  tokenizer(src) {
    const formula = formulaAt(src);
    return formula ? { type: "maths", ...formula } : undefined;
  },
};

const block = {
  name: "mathsBlock",
  level: "block",
  start: (src) => found(src.search(/\n {0,3}(?:\$\$|\\\[)/), 1),
  tokenizer(src) {
    const indent = src.match(/^ {0,3}(?=\$\$|\\\[)/)?.[0];
    const formula = indent === undefined ? null : formulaAt(src.slice(indent.length));
    const rest = formula && src.slice(indent.length + formula.raw.length).match(/^[ \t]*(?:\n+|$)/);
    return rest ? { type: "mathsBlock", ...formula, raw: indent + formula.raw + rest[0] } : undefined;
  },
};

const found = (at, behind = 0) => (at < 0 ? undefined : at + behind);

/** Stars inside a formula are no emphasis of what stands around it. */
const emStrongMask = (src) => src.replace(MASKED, (formula) => "a".repeat(formula.length));

/** @returns {string} the formula as it was written, as far as it was. */
export const sourceOf = ({ raw }) => raw.split(UNFINISHED)[0].trim();

/** @param render (token) → HTML @returns what Marked's `use` takes */
export const maths = (render) => ({
  extensions: [inline, block].map((each) => ({ ...each, renderer: render })),
  hooks: { emStrongMask },
});

/** @returns {string} what closes the formula in which `paragraph` ends, "" where it ends in none. */
export function closerOf(paragraph) {
  for (const [, , opener] of paragraph.matchAll(PARTS)) if (opener) return UNFINISHED + CLOSERS[opener];
  return "";
}
