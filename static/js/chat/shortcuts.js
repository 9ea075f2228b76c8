/** Keys for the whole page, and the dialog that lists them. */

const EDITABLE = "input, textarea, select, [contenteditable]";

export function listenForShortcuts({ commands, composer }) {
  const dialog = document.getElementById("shortcuts");
  document.querySelector("[data-shortcuts]")?.addEventListener("click", () => dialog.showModal());

  document.addEventListener("keydown", async (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (document.querySelector("dialog[open]")) return;
    if (event.key === "Escape") {
      if (!document.querySelector(".panel-open, .drawer-open")) await commands.stop();
      return;
    }
    if (event.target.closest?.(EDITABLE)) return;
    if (event.key === "/" && composer) {
      event.preventDefault();
      composer.focus();
    } else if (event.key === "?") {
      event.preventDefault();
      dialog.showModal();
    }
  });
}
