/** `@` at the start of a word: the models that may be used here. Which is chosen answers from then on, as in the settings. */
import { toast } from "../toasts.js";
import { mentioned, modelsFor, withoutMention } from "./mentions.js";
import { titled } from "./picker.js";

/** @returns {import("./picker.js").Source} */
export function offeredModels({ store, composer, commands }) {
  const answersNow = (id) => store.state.conversation.model === id;

  async function choose({ id, name }) {
    const { field } = composer;
    const { text, caret } = withoutMention(field.value, field.selectionStart);
    composer.put(text);
    field.setSelectionRange(caret, caret);
    if (answersNow(id)) return;
    const before = store.state.conversation.model;
    await commands.save({ model: id });
    const mayGoBack = modelsFor(store.state.models, "").some((each) => each.id === before);
    toast({ text: `${name} answers from now on.`, action: mayGoBack ? { label: "Undo", run: () => commands.answerBy(before) } : null });
  }

  return {
    label: "Models",
    verb: "takes it",
    query: ({ value, selectionStart }) => mentioned(value, selectionStart),
    find: async (word) => modelsFor(store.state.models, word),
    option: ({ id, name, readiness }) => [titled(name, answersNow(id) ? "answers now" : (readiness?.words ?? ""))],
    choose,
    none: () => "", // `@` has other uses
  };
}
