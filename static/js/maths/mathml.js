/**
 * A formula in TeX → MathML as plain data, of which only what is listed here passes. Pure: no DOM.
 *
 * Temml trusts nothing (no links, pictures, classes of the author's); its tree is built anew here, since it would set
 * style attributes, which the Content-Security-Policy refuses. What is too long, too deep, defines macros or can't be
 * read gives null: then the source is shown.
 */
import temml from "../../vendor/temml/temml.js";

const MAX_CHARS = 4000;
const MAX_NODES = 6000;
const MAX_DEPTH = 60;
// Ten ems and points at most, so that a formula stays near its place.
const OPTIONS = { throwOnError: true, trust: false, maxExpand: 500, maxSize: [10, 100] };
const DEFINES = /\\(?:[egx]?def|(?:re)?newcommand|providecommand|(?:future)?let|global|long|DeclareMathOperator|csname)(?![a-zA-Z])/;

const TAGS = new Set(["math", "maction", "menclose", "merror", "mfrac", "mi", "mmultiscripts", "mn", "mo", "mover", "mpadded"]);
for (const tag of ["mphantom", "mprescripts", "mroot", "mrow", "ms", "mspace", "msqrt", "mstyle", "msub", "msubsup", "msup"]) TAGS.add(tag);
for (const tag of ["mtable", "mtd", "mtext", "mtr", "mlabeledtr", "munder", "munderover", "none"]) TAGS.add(tag);

const ATTRIBUTES = new Set(["accent", "accentunder", "columnalign", "columnspan", "depth", "display", "displaystyle", "fence"]);
for (const name of ["form", "height", "largeop", "linethickness", "lspace", "mathbackground", "mathcolor", "mathsize"]) ATTRIBUTES.add(name);
for (const name of ["mathvariant", "maxsize", "minsize", "movablelimits", "notation", "rowspacing", "rspace", "scriptlevel"]) ATTRIBUTES.add(name);
for (const name of ["separator", "stretchy", "symmetric", "voffset", "width"]) ATTRIBUTES.add(name);

const STYLES = /^(?:color|background-color|border(?:-\w+)*|padding(?:-\w+)?|margin-left|font-(?:weight|style)|text-align|width|height|display|math-depth|transform)$/;
const CLASS = /^[\w-]+$/;
const FAR = /-\d{2,}|\d{4,}/;
const PAPER = /^(?:black|white|#0{3}|#f{3}|#0{6}|#f{6})$/i; // the page's own two, whichever the theme is

/** @returns {{tag: string, attributes: object, styles: object, classes: string[], children: Array}|null} children: such, or texts */
export function mathml(tex, display) {
  if (tex.length > MAX_CHARS || DEFINES.test(tex)) return null;
  try {
    const left = { nodes: MAX_NODES };
    return checked(temml.__renderToMathMLTree(tex, { ...OPTIONS, displayMode: display }), left, 0);
  } catch {
    return null; // no TeX, or more of it than the parser's stack can hold
  }
}

function checked(node, left, depth) {
  left.nodes -= 1;
  if (left.nodes < 0 || depth > MAX_DEPTH) throw new RangeError("This formula is too large.");
  if (typeof node.text === "string") return node.text;
  if (node.type === undefined && !node.classes?.length && node.children) return fragment(node, left, depth);
  if (!TAGS.has(node.type)) throw new TypeError(`No such element in a formula: ${node.type}`);
  return {
    tag: node.type,
    attributes: kept(node.attributes, (name, value) => ATTRIBUTES.has(name) && !FAR.test(value)),
    styles: kept(stylesOf(node), (name, value) => STYLES.test(name) && !(/color/.test(name) ? PAPER : FAR).test(value)),
    classes: node.classes.filter((name) => CLASS.test(name)),
    children: node.children.map((child) => checked(child, left, depth + 1)),
  };
}

const fragment = (node, left, depth) => ({ tag: "mrow", attributes: {}, styles: {}, classes: [], children: node.children.map((child) => checked(child, left, depth + 1)) });

function stylesOf(node) {
  const written = (node.attributes.style ?? "").split(";").filter((each) => each.includes(":"));
  const pairs = written.map((each) => each.split(":").map((part) => part.trim()));
  return Object.fromEntries([...pairs, ...Object.entries(node.style)].map(([name, value]) => [hyphenated(name), String(value)]));
}

const hyphenated = (name) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

function kept(all, passes) {
  return Object.fromEntries(Object.entries(all).map(([name, value]) => [name, ofInk(name, String(value))]).filter(([name, value]) => passes(name, value)));
}

/** A rule is black unless it is told: in a dark theme nobody would see it. */
const ofInk = (name, value) => (/^math(?:background|color)$/.test(name) && PAPER.test(value) ? "currentcolor" : value);
