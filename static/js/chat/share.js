/** The dialog that makes a link to chosen messages. */
import { copyText } from "../copy.js";
import { el, icon } from "../dom.js";
import { post } from "./api.js";
import { isOver, mayWrite, shownMessages } from "./reducer.js";

const PREVIEW_CHARS = 160;

export function offerSharing(root, { store, modelName }) {
  const dialog = document.getElementById("share");
  const sheet = new ShareSheet(dialog, { store, modelName });
  for (const button of root.querySelectorAll("[data-share]")) button.addEventListener("click", () => sheet.open());
  store.subscribe((state) => {
    const nothing = !mayWrite(state) || !shareable(state).length;
    for (const button of root.querySelectorAll("[data-share]")) button.hidden = nothing;
  });
}

const shareable = (state) => shownMessages(state).filter((each) => (each.text || each.tool_calls?.length) && !each.pending && isOver(each.job));

class ShareSheet {
  constructor(dialog, { store, modelName }) {
    Object.assign(this, { dialog, store, modelName });
    const find = (name) => dialog.querySelector(`[data-share-${name}]`);
    this.parts = Object.fromEntries(["form", "list", "all", "count", "system", "thinking", "problem", "done", "until", "copy"].map((name) => [name, find(name)]));
    this.parts.all.addEventListener("change", () => this.#chooseAll(this.parts.all.checked));
    this.parts.list.addEventListener("change", () => this.#count());
    this.parts.form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#make();
    });
    for (const button of dialog.querySelectorAll("[data-share-close]")) button.addEventListener("click", () => dialog.close());
    this.parts.copy.addEventListener("click", () => this.#copy());
  }

  open() {
    const { form, list, system, thinking, done } = this.parts;
    const { state } = this.store;
    form.reset();
    form.hidden = false;
    done.hidden = true;
    this.#say("");
    list.replaceChildren(...shareable(state).map((each) => this.#row(each)));
    system.hidden = !state.conversation.system_prompt;
    thinking.hidden = !shareable(state).some((each) => each.reasoning);
    this.#chooseAll(true);
    this.dialog.showModal();
  }

  get #boxes() {
    return [...this.parts.list.querySelectorAll("input")];
  }

  #row(message) {
    const names = { user: "Prompt", tool: `Result of ${message.tool_name}` };
    const name = names[message.role] ?? (message.label || this.modelName(message.job?.model));
    const called = (message.tool_calls ?? []).map((each) => `Called ${each.name || "a tool"}`).join(", ");
    const text = (message.text || called).replace(/\s+/g, " ").trim();
    return el(
      "label",
      { class: "share-row" },
      el("input", { type: "checkbox", value: message.id }),
      el("span", {}, el("strong", {}, name), el("span", { class: "muted" }, text.slice(0, PREVIEW_CHARS))),
    );
  }

  #chooseAll(on) {
    for (const box of this.#boxes) box.checked = on;
    this.#count();
  }

  #count() {
    const { all, count, form } = this.parts;
    const chosen = this.#boxes.filter((box) => box.checked).length;
    all.checked = chosen === this.#boxes.length;
    all.indeterminate = chosen > 0 && !all.checked;
    count.textContent = `${chosen} of ${this.#boxes.length}`;
    form.querySelector("[type=submit]").disabled = !chosen;
  }

  async #make() {
    const { form } = this.parts;
    const submit = form.querySelector("[type=submit]");
    const messages = this.#boxes.filter((box) => box.checked).map((box) => box.value);
    submit.disabled = true;
    try {
      this.#show(await post(this.store.state.urls.share, { messages, days: form.days.value, system_prompt: form.system_prompt.checked, reasoning: form.reasoning.checked }));
    } catch (failure) {
      this.#say(failure.message);
    }
    submit.disabled = false;
  }

  #show({ url, expires_at: expires }) {
    const { form, done, until } = this.parts;
    const field = this.dialog.querySelector("#share-url");
    field.value = url;
    const when = expires && new Date(expires).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });
    until.textContent = when ? `Whoever has it can read these messages until ${when}.` : "Whoever has it can read these messages until you revoke it.";
    form.hidden = true;
    done.hidden = false;
    done.querySelector("h2").focus();
    field.select();
  }

  async #copy() {
    const { copy } = this.parts;
    if (!(await copyText(this.dialog.querySelector("#share-url").value))) return;
    copy.replaceChildren(icon("check"), "Copied");
    setTimeout(() => copy.replaceChildren(icon("copy"), "Copy"), 1600);
  }

  #say(sentence) {
    this.parts.problem.textContent = sentence;
    this.parts.problem.hidden = !sentence;
  }
}
