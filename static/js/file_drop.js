/** Files that are dropped on a page: taken wherever they land, or going nowhere, but never opened in place of the page. */

/** @param {{shade: HTMLElement, mayTake?: () => boolean, take: (dropped: DataTransfer) => void}} page
 *  shade: shown while a file hangs over the page and would be taken. */
export function listenForFiles({ shade, mayTake = () => true, take }) {
  const holdsFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
  const takes = () => mayTake() && !document.querySelector("dialog[open]");
  document.addEventListener("dragover", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    if (!takes()) event.dataTransfer.dropEffect = "none";
    shade.hidden = !takes();
  });
  document.addEventListener("dragleave", (event) => event.relatedTarget === null && (shade.hidden = true));
  document.addEventListener("drop", (event) => {
    shade.hidden = true;
    if (!holdsFiles(event)) return;
    event.preventDefault();
    if (takes()) take(event.dataTransfer);
  });
}
