/** Lists whose small forms answer in place, with a way back: conversations, deleted pictures. */
import { post } from "./chat/api.js";
import { toast } from "./toasts.js";
import { offerUndo } from "./undo.js";

async function run(form) {
  const row = form.closest("[data-row]");
  try {
    await post(form.action);
  } catch (failure) {
    toast({ kind: "error", text: failure.message });
    return;
  }
  if (form.dataset.leaves === undefined) {
    location.reload(); // its place in the order changed
    return;
  }
  const next = (row.nextElementSibling ?? row.previousElementSibling)?.querySelector("a, button");
  row.hidden = true;
  next?.focus();
  const undo = async () => {
    try {
      await post(form.dataset.undo);
      row.hidden = false;
      row.querySelector("a, button")?.focus();
    } catch (failure) {
      toast({ kind: "error", text: failure.message });
    }
  };
  toast({ text: form.dataset.done, action: { label: "Undo", run: undo } });
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.inPlace === undefined) return;
  event.preventDefault();
  form.closest("details")?.removeAttribute("open");
  run(form);
});

offerUndo();
