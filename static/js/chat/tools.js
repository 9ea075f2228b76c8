/** The functions that the model may call, declared as JSON. */
import { complainAt } from "../complaint.js";

const ROWS = { empty: 3, filled: 12 };
const EXAMPLE = JSON.stringify(
  [
    {
      type: "function",
      function: {
        name: "get_weather",
        description: "The weather at a place, now.",
        parameters: {
          type: "object",
          properties: { city: { type: "string", description: "Its name, as in “Paris”." }, unit: { enum: ["celsius", "fahrenheit"] } },
          required: ["city"],
        },
      },
    },
  ],
  null,
  2,
);

export function toolsField(root, onChange) {
  const text = root.querySelector("textarea");
  const example = root.querySelector("[data-example]");
  const note = root.querySelector("[data-tools-model]");

  function arrange() {
    example.hidden = Boolean(text.value);
    text.rows = text.value ? ROWS.filled : ROWS.empty;
  }

  function changed() {
    arrange();
    onChange();
  }

  text.addEventListener("input", changed);
  example.addEventListener("click", () => {
    text.value = EXAMPLE;
    text.focus();
    text.setSelectionRange(0, 0); // its beginning is what one reads first
    text.scrollTop = 0;
    changed();
  });

  return {
    values: () => (text.value ? { tools: text.value } : {}),
    /** Shows what is saved, unless the person is writing here. */
    show(params) {
      if (document.activeElement === text) return;
      text.value = params.tools ?? "";
      arrange();
    },
    /** @param model the chosen one: says so where it can't be told of tools */
    suit(model) {
      const unable = Boolean(model && !model.takes_tools);
      note.textContent = unable && text.value ? `${model.name} can’t be told of tools: its chat template knows none. Remove them, or choose another model.` : "";
      note.hidden = !note.textContent;
      root.hidden = unable && !text.value;
    },
    /** @returns {boolean} whether the sentence is about tools */
    complain: (name, sentence) => complainAt(text, root.querySelector("[role=alert]"), name === "tools" ? sentence : ""),
  };
}
