/** The page of one prompt. */
import { copyText } from "../copy.js";
import { post } from "../chat/api.js";
import { el, icon } from "../dom.js";
import { toast } from "../toasts.js";
import { deleteAndLeave } from "../undo.js";
import { variableForm } from "./form.js";
import { showPreview } from "./preview.js";
import { runBar } from "./run.js";
import { render } from "./template.js";

const state = JSON.parse(document.getElementById("prompt-state").textContent);
const { revision, run } = state;
const preview = document.querySelector("[data-preview]");
const bar = document.querySelector("[data-run-bar]");
const form = variableForm(revision.variables, (values) => showPreview(preview, revision, values));
document.querySelector("[data-fields]").replaceWith(form.element);
showPreview(preview, revision, form.values());
if (run) runBar(bar, document.querySelector("[data-answers]"), state, form.values);
const copy = el("button", { type: "button", class: "btn btn-small" }, icon("copy"), " Copy the text");
copy.addEventListener("click", async () => {
  if (!(await copyText(render(revision.user, form.values())))) return;
  toast({ text: "Copied." });
  if (run) post(run.urls.use, { revision: revision.number }).catch(() => {});
});
bar.append(copy);

const deletion = document.querySelector("[data-delete]");
deletion?.addEventListener("submit", (event) => {
  event.preventDefault();
  deleteAndLeave({ ...deletion.dataset, remove: deletion.action });
});
