/** Tools that the model asked for. Nothing here runs them. */
import { el, icon } from "../../dom.js";

/** @param calls [{name, arguments, valid}] @returns {Node[]} a card for each */
export const callCards = (calls) => calls.map((call) => (call.valid ? asked(call) : unreadable(call)));

function asked({ name, arguments: given }) {
  const plain = given === "{}";
  return card(el("p", {}, "The model asked to call ", el("code", {}, name), plain ? ". Tools are not run here." : " with:"), plain ? "" : indented(given));
}

function unreadable({ name, arguments: written }) {
  const tool = name ? [" ", el("code", {}, name)] : [" a tool"];
  return card(el("p", {}, "The model tried to call", ...tool, ", but what it wrote can’t be read:"), written);
}

function card(words, text) {
  return el("div", { class: "call-card", role: "group", "aria-label": "Tool call" }, icon("terminal"), el("div", { class: "grow" }, words, text && el("pre", { tabIndex: 0 }, text)));
}

function indented(json) {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
}
