/** The ways by which pictures come into the composer beside its button: pasted into the field, dropped on the page. */
import { listenForFiles } from "../../file_drop.js";
import { mayWrite } from "../reducer.js";
import { picturesIn } from "./attachments.js";

export function listenForPictures({ page, field, attachments, store }) {
  field.addEventListener("paste", (event) => {
    const pictures = picturesIn(event.clipboardData, { pasted: true });
    if (!pictures.length || event.clipboardData.types.includes("text/plain")) return; // a text with a picture of itself
    event.preventDefault();
    attachments.add(pictures);
  });

  listenForFiles({
    shade: page.querySelector("[data-drop]"),
    mayTake: () => mayWrite(store.state),
    take: (dropped) => {
      attachments.add(picturesIn(dropped));
      field.focus();
    },
  });
}
