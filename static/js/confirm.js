/** <form data-confirm="The project and its 12 conversations will be deleted." data-confirm-yes="Delete">: asks first. */

const dialog = document.getElementById("confirm");

function ask(form, submitter) {
  document.getElementById("confirm-text").textContent = submitter?.dataset.confirm ?? form.dataset.confirm;
  const label = submitter?.dataset.confirmYes ?? form.dataset.confirmYes ?? submitter?.textContent.trim() ?? "Continue";
  document.getElementById("confirm-yes").textContent = label;
  dialog.returnValue = "";
  dialog.showModal();
  dialog.addEventListener(
    "close",
    () => {
      if (dialog.returnValue !== "yes") return;
      form.dataset.confirmed = "yes";
      form.requestSubmit(submitter);
    },
    { once: true },
  );
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (event.submitter?.dataset.confirm === undefined && form.dataset.confirm === undefined) return;
  if (form.dataset.confirmed === "yes") {
    delete form.dataset.confirmed;
    return;
  }
  event.preventDefault();
  ask(form, event.submitter);
});

/* A click on the backdrop is a "no"; forms with data-autosubmit send themselves when a choice changes. */
document.addEventListener("click", (event) => {
  if (!(event.target instanceof HTMLDialogElement)) return;
  const box = event.target.getBoundingClientRect();
  const inside = event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
  if (!inside) event.target.close("");
});
document.addEventListener("change", (event) => {
  if (event.target.matches("form[data-autosubmit] :is(select, [type=checkbox])")) event.target.form.requestSubmit();
});
