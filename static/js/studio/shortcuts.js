/** Keys for the whole page, and the dialog that lists them. */

const EDITABLE = "input:not([type=checkbox]), textarea, select, [contenteditable]";

export function listenForShortcuts(root, { form, selecting }) {
  const dialog = document.getElementById("shortcuts");
  root.querySelector("[data-shortcuts]").addEventListener("click", () => dialog.showModal());
  for (const closer of document.querySelectorAll("dialog [data-close]")) closer.addEventListener("click", () => closer.closest("dialog").close());

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (document.querySelector("dialog[open]")) return;
    if (event.key === "Escape") {
      if (selecting.on) selecting.set(false);
      else form?.open(false);
    }
    if (event.target.closest?.(EDITABLE)) return;
    const does = { "/": () => form?.focus(), "?": () => dialog.showModal(), s: () => selecting.set(!selecting.on) }[event.key];
    if (!does) return;
    event.preventDefault();
    does();
  });
}
