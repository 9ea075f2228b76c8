/** The ways by which files come into the composer beside its buttons: pictures pasted into the field, pictures and texts dropped on the page. */
import { listenForFiles } from "../../file_drop.js";
import { mayWrite } from "../reducer.js";
import { isPicture } from "../texts.js";
import { pastedPictures } from "./attachments.js";

export function listenForBrought({ page, field, attachments, texts, store }) {
  field.addEventListener("paste", (event) => {
    const pictures = pastedPictures(event.clipboardData);
    if (!pictures.length || event.clipboardData.types.includes("text/plain")) return; // a text with a picture of itself
    event.preventDefault();
    attachments.add(pictures);
  });

  listenForFiles({
    shade: page.querySelector("[data-drop]"),
    mayTake: () => mayWrite(store.state),
    take: (dropped) => {
      const files = [...dropped.files];
      attachments.add(files.filter(isPicture));
      texts.add(files.filter((each) => !isPicture(each)));
      field.focus();
    },
  });
}
