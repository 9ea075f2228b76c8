/** What answers have to look like: a choice, the text that goes with it, and what is wrong with that. */
import { complainAt } from "./complaint.js";

const HELP = {
  "": "The model writes freely.",
  json: "Every answer is one JSON object. Say in your message what should be in it.",
  json_schema: "Every answer is JSON that keeps to this schema. Say in your message what it is about.",
  regex: "Every answer matches this expression from its first to its last character.",
};
const EXAMPLES = {
  json_schema: JSON.stringify(
    {
      type: "object",
      properties: {
        title: { type: "string", maxLength: 80 },
        mood: { enum: ["glad", "calm", "sad"] },
        tags: { type: "array", items: { type: "string", maxLength: 20 }, maxItems: 3 },
      },
      required: ["title", "mood", "tags"],
      additionalProperties: false,
    },
    null,
    2,
  ),
  regex: "(yes|no|unsure): [A-Za-z ,]{5,80}\\.",
};

export function formatFields(root, onChange) {
  const select = root.querySelector("[name=output_format]");
  const texts = [...root.querySelectorAll("textarea")];
  const fieldOf = (text) => text.closest("[data-format-text]");
  const errorOf = (field) => document.getElementById(`${field.id}-error`);

  function arrange() {
    root.querySelector("[data-format-help]").textContent = HELP[select.value];
    for (const text of texts) {
      fieldOf(text).hidden = text.name !== select.value;
      fieldOf(text).querySelector("[data-example]").hidden = Boolean(text.value);
    }
  }

  function changed() {
    arrange();
    onChange();
  }

  for (const field of [select, ...texts]) field.addEventListener("input", changed);
  for (const text of texts) {
    fieldOf(text).querySelector("[data-example]").addEventListener("click", () => {
      text.value = EXAMPLES[text.name];
      text.focus();
      changed();
    });
  }

  return {
    names: [select, ...texts].map((field) => field.name),
    values: () => Object.fromEntries([select, ...texts].filter((field) => field.value).map((field) => [field.name, field.value])),
    /** Shows what is saved, unless the person is writing here. */
    show(params) {
      if ([select, ...texts].includes(document.activeElement)) return;
      for (const field of [select, ...texts]) field.value = params[field.name] ?? "";
      arrange();
    },
    /** @param model the chosen one: says so where it can't be held to the chosen format */
    suit(model) {
      const unable = Boolean(select.value && model && !model.formats.includes(select.value));
      const note = root.querySelector("[data-format-model]");
      note.textContent = unable ? `${model.name} runs on another server, which does not take this format. Choose another format, or another model.` : "";
      note.hidden = !unable;
    },
    /** @returns {boolean} whether there is such a field to stand at */
    complain: (name, sentence) => [select, ...texts].map((field) => complainAt(field, errorOf(field), field.name === name ? sentence : "")).some(Boolean),
  };
}
