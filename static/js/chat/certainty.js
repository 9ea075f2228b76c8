/** The setting that keeps how probable each word of an answer was. */
const HELP = "Keeps how probable each word of the answers to come was: a button below each shows it. Answers that repeat what was said come more slowly.";

export function certaintyField(root, onChange) {
  const box = root.querySelector("input");
  const help = root.querySelector("[data-certainty-help]");
  box.addEventListener("change", onChange);
  return {
    values: () => (box.checked ? { certainty: true } : {}),
    show: (params) => (box.checked = Boolean(params.certainty)),
    /** @param model the chosen one: says so where it tells nothing */
    suit(model) {
      const silent = Boolean(model && !model.tells_certainty);
      help.textContent = silent ? `${model.name} runs on another server, which isn’t asked for this.` : HELP;
      help.classList.toggle("format-model", silent);
      root.hidden = silent && !box.checked;
    },
  };
}
