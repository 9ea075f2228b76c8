/** Links with data-report open the report form in a dialog: the form of the page they lead to, taken out of it. */
import { el } from "../dom.js";
import { toast } from "../toasts.js";

const HTML = "text/html";

function formIn(page) {
  const found = new DOMParser().parseFromString(page, HTML).querySelector("[data-report-form]");
  return found && document.adoptNode(found);
}

/** Wherever something is not as expected, the page itself does the work. */
async function open(href) {
  const answer = await fetch(href, { headers: { Accept: HTML } });
  const form = answer.ok && !answer.redirected && formIn(await answer.text());
  if (!form) {
    location.assign(href);
    return;
  }
  const dialog = el("dialog", { class: "dialog", "aria-labelledby": "report-title" });
  dialog.append(el("div", { class: "stack" }, el("h2", { id: "report-title" }, form.dataset.title), form));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  fit(dialog, form, href);
  dialog.showModal();
}

function fit(dialog, form, href) {
  form.querySelector("[data-report-cancel]").addEventListener("click", (event) => {
    event.preventDefault();
    dialog.close();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(dialog, form, href);
  });
}

async function send(dialog, form, href) {
  const button = form.querySelector("[type=submit]");
  button.disabled = true;
  const body = new FormData(form);
  try {
    const answer = await fetch(href, { method: "POST", body, headers: { Accept: "application/json" } });
    if (answer.ok && answer.headers.get("Content-Type").startsWith("application/json")) {
      dialog.close();
      toast({ text: (await answer.json()).text });
      return;
    }
    const again = formIn(await answer.text());
    if (!again) throw new Error(`${answer.status}`);
    form.replaceWith(again);
    fit(dialog, again, href);
    (again.querySelector("[aria-invalid=true]") ?? again.querySelector("input:not([type=hidden])"))?.focus();
  } catch {
    button.disabled = false;
    toast({ text: "The report was not sent. Check your connection and try again.", kind: "error" });
  }
}

document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[data-report]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
  event.preventDefault();
  open(link.href).catch(() => location.assign(link.href));
});
