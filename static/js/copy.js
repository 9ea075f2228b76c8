/** <button data-copy="#id">: copies that field's value or that element's text; <button data-copy-text="…">: this text. */
import { toast } from "./toasts.js";

/** Copies `text`, or says why it can't. @returns {Promise<boolean>} */
export async function copyText(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    toast({ kind: "error", text: "The browser did not allow copying. Select the text and copy it with the keyboard." });
    return false;
  }
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy], [data-copy-text]");
  if (!button) return;
  const source = button.dataset.copy ? document.querySelector(button.dataset.copy) : null;
  if (await copyText(button.dataset.copyText ?? source?.value ?? source?.textContent ?? "")) toast({ text: "Copied." });
});
