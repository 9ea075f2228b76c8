/** Answers that were held to a format: how each is called, and how it is shown. */
import { el } from "./dom.js";
import { highlightInto } from "./highlight.js";
import { indented } from "./json.js";
import { codeFigure, Prose } from "./prose.js";

const NAMES = { json: "JSON", json_schema: "JSON schema", regex: "Regular expression" };

export const asksForJson = (format) => format === "json" || format === "json_schema";

export const formatName = (format) => NAMES[format] ?? "";

/** @returns {Node|null} what a message says of its format */
export const formatBadge = (format) => (NAMES[format] ? el("span", { class: "badge", title: "This answer was held to a format" }, NAMES[format]) : null);

/** What shows an answer in `root`: `update(text, growing)`. */
export function answerBody(root, format) {
  if (asksForJson(format)) return new JsonBlock(root);
  return format === "regex" ? new Verbatim(root) : new Prose(root);
}

/** Coloured and indented; copied as it was written. */
class JsonBlock {
  constructor(root) {
    this.root = root;
    this.text = "";
    this.figure = codeFigure("JSON", () => this.text);
    this.figure.classList.add("code-wrap");
    root.classList.add("prose");
  }

  update(text) {
    if (text === this.text) return;
    this.text = text;
    highlightInto(this.figure.querySelector("code"), indented(text), "json");
    if (!this.figure.isConnected) this.root.append(this.figure);
    this.figure.hidden = !text;
  }
}

/** Every sign as it is: what matched an expression is no Markdown. */
class Verbatim {
  constructor(root) {
    this.root = root;
    root.classList.add("msg-plain");
  }

  update(text) {
    this.root.textContent = text;
  }
}
