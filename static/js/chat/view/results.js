/** What the calls of the last answer gave: a field in each card, and one button that sends all of them. */
import { complainAt } from "../../complaint.js";
import { el, icon } from "../../dom.js";
import { newClientId } from "../api.js";
import { keep, recall } from "../storage.js";

export class Results {
  /** @param form that has the cards of `calls.js`  @param send (texts, clientId) → promise; it raises Failure */
  constructor(form, send) {
    this.form = form;
    this.send = send;
    this.fields = [];
    this.error = el("p", { class: "errors", role: "alert", hidden: true });
    this.button = el("button", { class: "btn btn-primary btn-small" });
    this.foot = el("div", { class: "call-send", hidden: true }, this.error, el("div", { class: "row" }, this.button, el("span", { class: "muted small" }, "The model goes on from there. Or write a message instead.")));
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#submit();
    });
  }

  /** Cards were made anew for these calls, of the message with this id. */
  arrange(cards, calls, id) {
    this.fields = cards.flatMap((card, at) => (calls[at].valid ? [this.#field(card, calls[at].name)] : []));
    this.key = `atrium.draft.results.${id}`;
    const drafts = recall(this.key) ?? [];
    this.fields.forEach(({ text }, at) => (text.value = drafts[at] ?? ""));
    this.button.replaceChildren(icon("arrow-up"), this.fields.length === 1 ? "Send the result" : `Send ${this.fields.length} results`);
    this.form.append(this.foot);
    this.clientId = newClientId();
  }

  /** Closed, the fields keep their texts. */
  show({ open, busy }) {
    for (const { label } of this.fields) label.hidden = !open;
    this.foot.hidden = !open || !this.fields.length;
    this.button.disabled = busy;
  }

  #field(card, name) {
    const text = el("textarea", {
      class: "input mono",
      rows: 2,
      spellcheck: false,
      "aria-label": `Result of ${name}`,
      oninput: () => {
        this.clientId = newClientId(); // other results are another send
        complainAt(text, error, "");
        const drafts = this.#texts();
        keep(this.key, drafts.some(Boolean) ? drafts : null);
      },
      onkeydown: (event) => {
        if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && !event.isComposing) this.form.requestSubmit();
      },
    });
    const error = el("span", { class: "errors", role: "alert", hidden: true });
    const label = el("label", { class: "call-result", hidden: true }, el("span", {}, "Result"), text, error);
    card.lastElementChild.append(label);
    return { label, text, error };
  }

  async #submit() {
    if (this.button.disabled) return;
    this.#complain(null);
    try {
      await this.send(this.#texts(), this.clientId);
      keep(this.key, null);
    } catch (failure) {
      this.#complain(failure);
    }
  }

  #texts() {
    return this.fields.map(({ text }) => text.value);
  }

  #complain(failure) {
    const wrong = this.fields[failure?.place];
    for (const field of this.fields) complainAt(field.text, field.error, field === wrong ? failure.message : "");
    this.error.textContent = failure && !wrong ? failure.message : "";
    this.error.hidden = !this.error.textContent;
    wrong?.text.focus();
  }
}
