/** The field for the next prompt: draft, keys, size, what is allowed now, and the sentence when it isn't. */
import { el } from "../dom.js";
import { DraftSource } from "./prompts/source.js";
import { generating, mayWrite } from "./reducer.js";
import { keep, recall } from "./storage.js";
import { TokenMeter } from "./tokens.js";

const TYPING_EVERY = 3000; // milliseconds
const DRAFT_EVERY = 300;

export class Composer {
  constructor(root, { store, outbox, commands, socket, transcript }) {
    Object.assign(this, { root, store, outbox, commands, socket, transcript });
    this.field = root.querySelector("textarea");
    this.button = root.querySelector("[data-send]");
    this.stopButton = root.querySelector("[data-stop]");
    this.problem = root.querySelector("[data-problem]");
    this.meter = new TokenMeter(root.querySelector("[data-tokens]"), store);
    this.key = `atrium.draft.${store.state.conversation.id}`;
    this.field.value = recall(this.key) ?? "";
    this.from = new DraftSource(root.querySelector("[data-from]"), store);
    this.#listen();
    this.#changed();
    store.subscribe((state) => this.#show(state));
  }

  focus() {
    this.field.focus();
  }

  /** Replaces what stands in the field, as if it had been typed. */
  put(text) {
    this.field.value = text;
    this.field.dispatchEvent(new Event("input", { bubbles: true }));
    this.field.setSelectionRange(text.length, text.length);
    this.focus();
  }

  /**
   * A prompt of the library: in place of the `/…` that asked for it, else behind what is written already.
   * @param {{revision: string, title: string}} from  what is sent names it
   */
  insert(text, from) {
    const written = this.field.value.trimEnd();
    this.put(!written || /^\/[^\n]*$/.test(written) ? text : `${written}\n\n${text}`);
    this.from.set(from);
  }

  /** The server would not take `prompt`: the text comes back, with the reason. */
  refuse(failure, prompt) {
    if (!this.field.value.trim()) this.field.value = prompt.text;
    else if (!this.field.value.includes(prompt.text)) this.field.value = `${prompt.text}\n\n${this.field.value}`;
    if (failure.code !== "prompt_gone") this.from.set(this.from.value ?? prompt.from);
    this.#say(failure.message, failure.remedy);
    this.#changed();
    this.focus();
  }

  #listen() {
    this.root.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    this.stopButton.addEventListener("click", () => this.commands.stop());
    this.field.addEventListener("input", () => {
      this.#say("");
      this.#typing();
      this.#changed();
    });
    this.field.addEventListener("keydown", (event) => this.#key(event));
    addEventListener("pagehide", () => keep(this.key, this.field.value));
  }

  #key(event) {
    if (event.isComposing || event.keyCode === 229) return; // an input method is still choosing the word
    if (this.picker?.key(event)) return;
    if (event.key === "Enter" && !event.shiftKey && !event.altKey) {
      event.preventDefault();
      this.#send();
    } else if (event.key === "ArrowUp" && !this.field.value && this.transcript.editLast()) {
      event.preventDefault();
    }
  }

  #send() {
    const text = this.field.value;
    const { state } = this.store;
    if (!text.trim() || state.pending || !mayWrite(state)) return;
    if (generating(state)) {
      this.#say("An answer is still being written. Wait for it, or stop it with Esc.");
      return;
    }
    if ([...text].length > state.limits.max_chars) {
      this.#say(`That is longer than ${state.limits.max_chars.toLocaleString()} characters. Shorten it, or send it in parts.`);
      return;
    }
    const from = this.from.value;
    this.field.value = "";
    this.#say("");
    this.#changed();
    this.transcript.follow();
    this.#typing();
    this.outbox.send(text, state.leaf, from);
  }

  #changed() {
    clearTimeout(this.saving);
    this.saving = setTimeout(() => keep(this.key, this.field.value), DRAFT_EVERY);
    if (!this.field.value.trim()) this.from.set(null);
    this.#fit();
    this.meter.count(this.field.value);
    this.#show(this.store.state);
  }

  /** As high as the text, up to the limit of the stylesheet. Browsers with field-sizing do it by themselves. */
  #fit() {
    if (CSS.supports("field-sizing", "content")) return;
    this.field.style.height = "auto";
    this.field.style.height = `${this.field.scrollHeight}px`;
  }

  #typing() {
    const now = Date.now();
    const on = Boolean(this.field.value);
    if (on && now - (this.typedAt ?? 0) < TYPING_EVERY) return;
    this.typedAt = on ? now : 0;
    this.socket.send({ type: "typing", on });
  }

  #say(sentence, remedy = null) {
    const way = remedy && el("a", { href: remedy.url, target: "_blank", rel: "noopener" }, remedy.label);
    this.problem.replaceChildren(...(way ? [sentence, " ", way] : [sentence]));
    this.problem.hidden = !sentence;
  }

  #show(state) {
    const running = Boolean(generating(state));
    this.button.hidden = running;
    this.stopButton.hidden = !running;
    this.button.disabled = !this.field.value.trim() || Boolean(state.pending);
  }
}
