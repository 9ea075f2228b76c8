/**
 * Markdown of a model or a person → blocks of safe DOM.
 *
 * Two walls: marked never passes raw HTML on (it is shown as text), and DOMPurify keeps only the tags and attributes
 * below. Remote images are never loaded: they become links. Code is set as text, never parsed.
 */
import { closerOf, maths, sourceOf, UNFINISHED } from "./maths/delimiters.js";
import { Marked } from "../vendor/marked/marked.js";
import DOMPurify from "../vendor/dompurify/purify.js";

const TAGS = ["p", "br", "strong", "em", "del", "code", "pre", "blockquote", "ul", "ol", "li", "hr", "a"];
TAGS.push("h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td");
const RULES = {
  ALLOWED_TAGS: TAGS,
  ALLOWED_ATTR: ["href", "title", "start", "align", "class"],
  ALLOW_DATA_ATTR: false,
  ALLOW_ARIA_ATTR: false,
  ALLOWED_URI_REGEXP: /^(?:https?:|mailto:)/i,
  RETURN_DOM_FRAGMENT: true,
};
const SCHEMES = new Set(["http:", "https:", "mailto:"]);
const LANGUAGE = /^(?:language-[\w+#.-]{1,30}|maths(?:-display|-unfinished)?)$/;

const escape = (text) =>
  text.replace(/[&<>"']/g, (sign) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" })[sign]);

const marked = new Marked({
  gfm: true,
  breaks: false,
  async: false,
  renderer: {
    html: ({ text }) => escape(text),
    image({ href, text }) {
      const label = escape(`Image: ${text || href}`);
      return SCHEMES.has(schemeOf(href)) ? `<a href="${escape(href)}">${label}</a>` : label;
    },
    checkbox: ({ checked }) => (checked ? "☑ " : "☐ "),
    heading({ tokens, depth }) {
      const level = Math.min(Math.max(depth + 1, 3), 6); // the page's own headings stand above those of a message
      return `<h${level}>${this.parser.parseInline(tokens)}</h${level}>\n`;
    },
  },
});

/** A formula is its source until typeset.js has drawn it. */
marked.use(maths((token) => `<code class="${mathsClass(token)}">${escape(sourceOf(token))}</code>`));

function mathsClass({ raw, display }) {
  if (raw.includes(UNFINISHED)) return "maths-unfinished";
  return display ? "maths-display" : "maths";
}

function schemeOf(href) {
  try {
    return new URL(href).protocol; // without a base: relative addresses would point into this site
  } catch {
    return "";
  }
}

const purifier = DOMPurify(window);
purifier.addHook("afterSanitizeAttributes", (node) => {
  if (node.hasAttribute("class") && !(node.localName === "code" && LANGUAGE.test(node.className))) {
    node.removeAttribute("class");
  }
  if (node.localName !== "a") return;
  if (!SCHEMES.has(schemeOf(node.getAttribute("href") ?? ""))) {
    node.removeAttribute("href");
    return;
  }
  node.setAttribute("rel", "noopener noreferrer nofollow");
  node.setAttribute("target", "_blank");
});

/** @returns {Array} marked's top-level tokens, each with its `raw` source; nothing of it is lost. */
export function blocksOf(text) {
  return marked.lexer(text);
}

/** @returns {DocumentFragment} one block, safe to insert. `links` are the reference definitions of the whole text. */
export function renderBlock(token, links = {}) {
  const tokens = [token];
  tokens.links = links;
  return purifier.sanitize(marked.parser(tokens), RULES);
}

/**
 * What of an unfinished text can be shown without a later flicker: a last line of nothing but signs waits (it may
 * become a heading, a rule, a list), and emphasis, code or a formula that is still open is closed for now.
 */
export function settle(text) {
  const shown = text.replace(/\n[ \t]*(?:[-=*_+#>`~|$\\]+|\d+[.)])[ \t]*$/, "\n");
  const fences = shown.match(/^[ \t]*(```|~~~)/gm)?.length ?? 0;
  if (fences % 2) return shown; // inside a code block nothing is emphasis
  const paragraph = shown.slice(shown.lastIndexOf("\n\n") + 1);
  const closer = closerOf(paragraph);
  if (closer) return shown + closer;
  if ((paragraph.match(/`/g)?.length ?? 0) % 2) return `${shown}\``;
  if ((paragraph.match(/\*\*/g)?.length ?? 0) % 2) return `${shown.replace(/\*+$/, "")}${/\*\*$/.test(shown) ? "" : "**"}`;
  return shown;
}
