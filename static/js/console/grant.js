/** The form of a grant: only the field of the chosen subject is shown. */

const form = document.querySelector("[data-grant]");
const SUBJECTS = ["group", "project", "user"];

function showSubject() {
  const chosen = form.querySelector("[name=subject]:checked")?.value;
  for (const name of SUBJECTS) {
    const field = form.elements[name]?.closest(".field");
    if (field) field.hidden = name !== chosen;
  }
}

if (form) {
  form.addEventListener("change", showSubject);
  showSubject();
}
