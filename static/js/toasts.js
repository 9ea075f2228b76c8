/** Short messages at the edge. They stay while the pointer or the focus is on them. */
import { icon } from "./dom.js";

const STAY = 6000; // milliseconds
const STAY_WITH_ACTION = 10_000;

/** @param {{text: string, kind?: "success"|"error"|"info", action?: {label: string, run: () => void}}} toast */
export function toast({ text, kind = "success", action = null }) {
  const box = document.createElement("div");
  box.className = `toast toast-${kind}`;
  const words = document.createElement("p");
  words.textContent = text;
  box.append(icon(kind === "success" ? "circle-check" : "circle-alert"), words);
  if (action) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "toast-action";
    button.textContent = action.label;
    button.addEventListener("click", () => {
      box.remove();
      action.run();
    });
    box.append(button);
  }
  const close = document.createElement("button");
  close.type = "button";
  close.setAttribute("aria-label", "Dismiss");
  close.append(icon("x"));
  close.dataset.toastClose = "";
  box.append(close);
  document.getElementById("toasts").append(box);
  live(box, action ? STAY_WITH_ACTION : STAY);
}

function live(box, stay) {
  box.querySelector("[data-toast-close]")?.addEventListener("click", () => box.remove());
  let timer = setTimeout(() => box.remove(), stay);
  const hold = () => clearTimeout(timer);
  const release = () => (timer = setTimeout(() => box.remove(), stay));
  box.addEventListener("pointerenter", hold);
  box.addEventListener("pointerleave", release);
  box.addEventListener("focusin", hold);
  box.addEventListener("focusout", release);
}

/** Gives the toasts that came with the page their life; errors stay until they are closed. */
export function adopt(root) {
  for (const box of root.querySelectorAll("[data-toast]")) {
    live(box, box.classList.contains("toast-error") ? 2 ** 30 : STAY);
  }
}
