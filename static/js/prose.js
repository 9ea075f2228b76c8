/** Markdown in an element, kept up to date while it grows: blocks that did not change are not touched. */
import { copyText } from "./copy.js";
import { el, icon } from "./dom.js";
import { highlightInto, languageLabel } from "./highlight.js";
import { blocksOf, renderBlock, settle } from "./markdown.js";
import { typeset } from "./maths/typeset.js";

export class Prose {
  /** @param {HTMLElement} root becomes a `.prose` */
  constructor(root) {
    this.root = root;
    this.blocks = []; // [{raw, nodes, code?}]
    root.classList.add("prose");
  }

  /** Shows `text`; `growing` while more may come. */
  update(text, growing = false) {
    const tokens = blocksOf(growing ? settle(text) : text);
    this.#refer(tokens.links);
    let same = 0;
    while (same < tokens.length && this.blocks[same]?.raw === tokens[same].raw) same += 1;
    const old = this.blocks.splice(same);
    for (const token of tokens.slice(same)) {
      const was = old.shift();
      this.blocks.push(grown(was, token) ?? this.#replace(was, token, tokens.links));
    }
    for (const block of old) for (const node of block.nodes) node.remove();
  }

  /** A reference that is defined further down may make a link of what stands above: then nothing is kept but code. */
  #refer(links) {
    const defined = JSON.stringify(links);
    if (this.defined !== undefined && this.defined !== defined) {
      for (const block of this.blocks) if (block.type !== "code") block.raw = null;
    }
    this.defined = defined;
  }

  #replace(was, token, links) {
    const nodes = token.type === "code" ? [codeBlock(token)] : [...tidy(renderBlock(token, links)).childNodes];
    const before = this.#after(was);
    for (const node of nodes) this.root.insertBefore(node, before);
    for (const node of was?.nodes ?? []) node.remove();
    return { raw: token.raw, type: token.type, lang: token.lang, nodes };
  }

  /** Where a replacement of `was` goes: in front of it, or behind the last kept block. */
  #after(was) {
    if (was?.nodes.length) return was.nodes[0];
    const last = this.blocks.findLast((block) => block.nodes.length)?.nodes.at(-1);
    return last ? last.nextSibling : this.root.firstChild;
  }
}

/** A code block that only grew keeps its element, so that a selection or a hovered button survives. */
function grown(was, token) {
  if (was?.type !== "code" || token.type !== "code" || was.lang !== token.lang) return null;
  fill(was.nodes[0], token);
  return { ...was, raw: token.raw };
}

const languageOf = (token) => (token.lang ?? "").match(/^[\w+#.-]*/)[0].toLowerCase().slice(0, 30);

function codeBlock(token) {
  const figure = codeFigure(languageLabel(languageOf(token)), () => figure.querySelector("code").textContent);
  fill(figure, token);
  return figure;
}

/** An empty block of code, called `name`; its button copies what `copied` returns. */
export function codeFigure(name, copied) {
  const copy = el("button", { type: "button", class: "code-copy", onclick: () => copyCode(copy, copied()) });
  copy.append(icon("copy"), "Copy");
  const body = el("pre", { tabIndex: 0, role: "region", "aria-label": `Code: ${name}` }, el("code"));
  return el("div", { class: "code" }, el("div", { class: "code-head" }, el("span", {}, name), copy), body);
}

function fill(figure, token) {
  highlightInto(figure.querySelector("code"), token.text, languageOf(token));
}

async function copyCode(button, text) {
  if (!(await copyText(text))) return;
  button.replaceChildren(icon("check"), "Copied");
  setTimeout(() => button.replaceChildren(icon("copy"), "Copy"), 1600);
}

/** Tables and formulas scroll by themselves; code inside lists and quotes gets the same block as at the top. */
function tidy(fragment) {
  typeset(fragment);
  for (const table of fragment.querySelectorAll("table")) {
    const wrap = el("div", { class: "table-wrap", tabIndex: 0, role: "region", "aria-label": "Table" });
    table.classList.add("table");
    table.replaceWith(wrap);
    wrap.append(table);
  }
  for (const code of fragment.querySelectorAll("pre > code")) {
    const lang = code.className.replace(/^language-/, "");
    code.parentElement.replaceWith(codeBlock({ lang, text: code.textContent.replace(/\n$/, "") }));
  }
  return fragment;
}
