/**
 * Which prompt of the library the draft came from. It is kept beside the draft and told on a badge, so that a person
 * who wrote something else meanwhile can take it off: what is sent with it counts as a use of that prompt.
 */
import { keep, recall } from "../storage.js";

export class DraftSource {
  constructor(badge, store) {
    this.badge = badge;
    this.key = `atrium.draft-from.${store.state.conversation.id}`;
    badge.querySelector("button").addEventListener("click", () => this.set(null));
    this.set(recall(this.key));
  }

  /** @param {{revision: string, title: string}|null} value */
  set(value) {
    this.value = value ?? null;
    keep(this.key, this.value);
    this.badge.hidden = !this.value;
    this.badge.querySelector("[data-from-title]").textContent = this.value?.title ?? "";
  }
}
