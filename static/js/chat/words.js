/** Words that answers should avoid or favour, each with its number. */
import { complainAt, markWrong } from "../complaint.js";
import { el, icon } from "../dom.js";

const HELP = "−100: never. −5: much rarer. 5: much likelier. 100: hardly anything else. Upper and lower case count, and only words that the model writes as one token can be weighed.";
const NEVER = -100;

export function wordFields(root, onChange) {
  const list = root.querySelector("[data-words-list]");
  const error = root.querySelector("#words-error");
  const help = root.querySelector("[data-words-help]");
  const rows = () => [...list.children].map((row) => [...row.querySelectorAll("input")]);

  function row(word, number) {
    const remove = el("button", { type: "button", class: "tool", title: "Remove", "aria-label": `Remove ${word || "this word"}` }, icon("x"));
    const made = el(
      "li",
      {},
      el("input", { class: "input", type: "text", maxLength: 40, value: word, autocapitalize: "off", spellcheck: false, "aria-label": "Word", "aria-describedby": "words-error", oninput: onChange }),
      el("input", { class: "input", type: "number", min: "-100", max: "100", step: "any", value: String(number), "aria-label": "How much, from −100 to 100", oninput: onChange }),
      remove,
    );
    remove.addEventListener("click", () => {
      made.remove();
      root.querySelector("[data-words-add]").focus();
      onChange();
    });
    return made;
  }

  root.querySelector("[data-words-add]").addEventListener("click", () => {
    list.append(row("", NEVER));
    rows().at(-1)[0].focus();
  });

  return {
    values() {
      const given = rows().filter(([word, number]) => word.value.trim() && number.value !== "");
      return given.length ? { word_bias: Object.fromEntries(given.map(([word, number]) => [word.value.trim(), Number(number.value)])) } : {};
    },
    /** Shows what is saved, unless the person is writing here. */
    show(params) {
      if (root.contains(document.activeElement)) return;
      list.replaceChildren(...Object.entries(params.word_bias ?? {}).map(([word, number]) => row(word, number)));
    },
    /** @param model the chosen one: says so where its tokens aren't known here */
    suit(model) {
      const unable = Boolean(model && !model.weighs_words);
      help.textContent = unable ? `${model.name} runs on another server, whose tokens aren’t known here. Remove the words, or choose another model.` : HELP;
      help.classList.toggle("format-model", unable);
      root.hidden = unable && !list.children.length;
    },
    /** At the word that the sentence names. @returns {boolean} whether it is about words */
    complain(name, sentence) {
      const said = name === "word_bias" ? sentence : "";
      for (const [word] of rows()) markWrong(word, false);
      const wrong = rows().find(([word]) => word.value && said.includes(`“${word.value.trim()}”`));
      return complainAt(wrong?.[0] ?? list, error, said);
    },
  };
}
