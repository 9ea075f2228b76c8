/** A shared conversation: its answers as Markdown, through the same two walls as in a conversation. */
import { Prose } from "../prose.js";

for (const body of document.querySelectorAll("[data-markdown]")) {
  const text = body.textContent;
  body.classList.remove("msg-plain");
  body.replaceChildren();
  new Prose(body).update(text);
}
