/** What is wrong with a field, for those who see it and for those who hear it. */

/** @returns {boolean} whether anything is; `sentence` is "" where nothing is */
export function complainAt(field, error, sentence) {
  error.textContent = sentence;
  error.hidden = !sentence;
  markWrong(field, sentence);
  return Boolean(sentence);
}

export function markWrong(field, wrong) {
  if (wrong) field.setAttribute("aria-invalid", "true");
  else field.removeAttribute("aria-invalid");
}
