/** What the model will read, with what was filled in marked. */
import { el } from "../dom.js";
import { parse } from "./template.js";

export function showPreview(node, { system, user }, values) {
  const parts = [];
  if (system) parts.push(el("p", { class: "label" }, "System"), filled(system, values));
  parts.push(el("p", { class: "label" }, "Prompt"), filled(user, values));
  node.replaceChildren(...parts);
}

function filled(text, values) {
  const pieces = parse(text).parts.map((part) => {
    if (typeof part === "string") return part;
    const value = values[part.name] ?? "";
    return el("mark", { class: value ? "filled" : "placeholder" }, value || part.name);
  });
  return el("pre", { class: "prompt-text", tabIndex: 0 }, ...pieces);
}
