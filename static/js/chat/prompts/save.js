/** A message becomes a prompt of the library: its tool opens this dialog, Save saves. */
import { toast } from "../../toasts.js";
import { post, withId } from "../api.js";
import { mayWrite } from "../reducer.js";

const TITLE_CHARS = 60;

/** @returns {(message) => void} opens the dialog for a message */
export function saveDialog({ store }) {
  const dialog = document.getElementById("save-prompt");
  const form = dialog.querySelector("[data-save-form]");
  const problem = dialog.querySelector("[data-save-problem]");
  let message = null;

  const say = (sentence) => {
    problem.textContent = sentence;
    problem.hidden = !sentence;
  };

  dialog.querySelector("[data-save-close]").addEventListener("click", () => dialog.close());
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const submit = form.querySelector("[type=submit]");
    submit.disabled = true;
    try {
      const wishes = { title: form.elements.title.value, system_prompt: form.system_prompt.checked, for_project: form.for_project.checked };
      const { title, url } = await post(withId(store.state.urls.save_prompt, message.id), wishes);
      dialog.close();
      toast({ text: `“${title}” is in the library.`, action: { label: "Open", run: () => location.assign(url) } });
    } catch (failure) {
      say(failure.message);
    }
    submit.disabled = false;
  });

  return (chosen) => {
    message = chosen;
    form.reset();
    say("");
    form.elements.title.value = titleOf(chosen.text);
    dialog.querySelector("[data-save-system]").hidden = !store.state.conversation.system_prompt;
    dialog.querySelector("[data-save-project]").hidden = !mayWrite(store.state);
    dialog.showModal();
    form.elements.title.select();
  };
}

/** The first line, cut between words. */
function titleOf(text) {
  const line = text.trim().split("\n", 1)[0].replace(/^[#>*\s-]+/, "").replace(/\s+/g, " ").trim();
  if (line.length <= TITLE_CHARS) return line || "A prompt";
  const cut = line.slice(0, TITLE_CHARS - 1);
  return `${cut.includes(" ", 20) ? cut.slice(0, cut.lastIndexOf(" ")) : cut}…`;
}
