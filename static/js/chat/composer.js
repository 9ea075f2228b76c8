/** The field for the next prompt: draft, keys, size, what is allowed now, and the sentence when it isn't. */
import { showProblem } from "../problem.js";
import { Attachments } from "./pictures/attachments.js";
import { holdsPictures, someSee, whyBlind } from "./pictures/sight.js";
import { DraftSource } from "./prompts/source.js";
import { generating, mayWrite } from "./reducer.js";
import { keep, recall } from "./storage.js";
import { TextFiles } from "./texts.js";
import { TokenMeter } from "./tokens.js";

const TYPING_EVERY = 3000; // milliseconds
const DRAFT_EVERY = 300;

export class Composer {
  constructor(root, { store, outbox, commands, socket, transcript, chooseModel }) {
    Object.assign(this, { root, store, outbox, commands, socket, transcript, chooseModel });
    this.field = root.querySelector("textarea");
    this.button = root.querySelector("[data-send]");
    this.stopButton = root.querySelector("[data-stop]");
    this.problem = root.querySelector("[data-problem]");
    this.meter = new TokenMeter(root.querySelector("[data-tokens]"), store);
    this.key = `atrium.draft.${store.state.conversation.id}`;
    this.field.value = recall(this.key) ?? "";
    this.attach = root.querySelector("[data-attach]");
    this.attachGallery = root.querySelector("[data-attach-gallery]");
    this.blind = root.querySelector("[data-blind]");
    this.attachments = new Attachments(root, { store, say: (sentence) => this.#say(sentence), changed: () => this.#changed(), focus: () => this.focus() });
    this.texts = new TextFiles(root, { store, field: this.field, put: (text) => this.put(text), say: (sentence) => this.#say(sentence) });
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

  /** The server would not take `prompt`: text and pictures come back, with the reason. */
  refuse(failure, prompt) {
    this.attachments.restore(prompt.pictures ?? []);
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
    this.blind.querySelector("[data-blind-choose]").addEventListener("click", () => this.chooseModel());
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
    if (this.#empty || state.pending || !mayWrite(state)) return;
    if (generating(state)) {
      this.#say("An answer is still being written. Wait for it, or stop it with Esc.");
      return;
    }
    if ([...text].length > state.limits.max_chars) {
      this.#say(`That is longer than ${state.limits.max_chars.toLocaleString()} characters. Shorten it, or send it in parts.`);
      return;
    }
    if (this.texts.reading) {
      this.#say("A PDF is still being read. Wait for it a moment.");
      return;
    }
    if (this.attachments.waiting) {
      this.#say("A picture is not there yet. Wait for it, or remove it.");
      return;
    }
    const from = this.from.value;
    const pictures = this.attachments.ready;
    this.field.value = "";
    this.#say("");
    this.attachments.clear();
    this.transcript.follow();
    this.#typing();
    this.outbox.send(text, state.leaf, { from, pictures });
  }

  get #empty() {
    return !this.field.value.trim() && !this.attachments.any;
  }

  #changed() {
    clearTimeout(this.saving);
    this.saving = setTimeout(() => keep(this.key, this.field.value), DRAFT_EVERY);
    if (!this.field.value.trim()) this.from.set(null);
    this.#fit();
    this.meter.count(this.field.value, this.attachments.ready);
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
    showProblem(this.problem, sentence, remedy);
  }

  #show(state) {
    const running = Boolean(generating(state));
    this.button.hidden = running;
    this.stopButton.hidden = !running;
    this.button.disabled = this.#empty || Boolean(state.pending);
    this.attach.hidden = !someSee(state);
    this.attachGallery.hidden = !someSee(state);
    this.#showBlind(state);
  }

  /** There are pictures, and the model that was chosen doesn't see them. */
  #showBlind(state) {
    const why = this.attachments.any || holdsPictures(state) ? whyBlind(state) : "";
    const text = why && `There are pictures in this conversation. ${why}`;
    const told = this.blind.querySelector("[data-blind-why]");
    if (told.textContent !== text) told.textContent = text;
    this.blind.hidden = !why;
  }
}
