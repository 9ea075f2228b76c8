/** A shared conversation: its answers as Markdown or in their format, through the same two walls as in a conversation. */
import { answerBody } from "../formats.js";

for (const body of document.querySelectorAll("[data-markdown]")) {
  const text = body.textContent;
  body.classList.remove("msg-plain");
  body.replaceChildren();
  answerBody(body, body.dataset.format).update(text);
}
