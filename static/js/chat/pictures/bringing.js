/** The ways by which pictures come into the composer beside its button: pasted into the field, dropped on the page. */
import { mayWrite } from "../reducer.js";
import { picturesIn } from "./attachments.js";

export function listenForPictures({ page, field, attachments, store }) {
  field.addEventListener("paste", (event) => {
    const pictures = picturesIn(event.clipboardData, { pasted: true });
    if (!pictures.length || event.clipboardData.types.includes("text/plain")) return; // a text with a picture of itself
    event.preventDefault();
    attachments.add(pictures);
  });

  const shade = page.querySelector("[data-drop]");
  const holdsFiles = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files") && mayWrite(store.state) && !document.querySelector("dialog[open]");
  page.addEventListener("dragover", (event) => {
    if (!holdsFiles(event)) return;
    event.preventDefault();
    shade.hidden = false;
  });
  page.addEventListener("dragleave", (event) => {
    if (!page.contains(event.relatedTarget)) shade.hidden = true;
  });
  page.addEventListener("drop", (event) => {
    shade.hidden = true;
    if (!holdsFiles(event)) return;
    event.preventDefault();
    attachments.add(picturesIn(event.dataTransfer));
    field.focus();
  });
}
