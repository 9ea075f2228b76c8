/**
 * A prompt on its way. It is shown at once, kept on this device, and sent again under the same client_id until the
 * server has it or refuses it; so a lost connection, or a reload, neither loses nor doubles it.
 */
import { newClientId, post } from "./api.js";
import { keep, recall } from "./storage.js";
import { tellWarnings } from "./warnings.js";

const FIRST_WAIT = 800; // milliseconds, doubled up to LONGEST_WAIT
const LONGEST_WAIT = 15_000;

export class Outbox {
  /** @param onRefused called with (failure, prompt) when the server will not take it */
  constructor(store, onRefused) {
    this.store = store;
    this.onRefused = onRefused;
    this.key = `atrium.outbox.${store.state.conversation.id}`;
    addEventListener("online", () => this.hurry());
    const kept = recall(this.key);
    if (kept?.client_id) this.#start(kept);
  }

  /**
   * @param {string|null} parent the message that this one answers
   * @param {{revision: string, title: string}|null} from the prompt of the library that the text came from
   * @param {object[]} pictures that were attached, as the site knows them
   */
  send(text, parent, { from = null, pictures = [] } = {}) {
    this.#start({ client_id: newClientId(), text, parent, from, pictures });
  }

  /** The line is back: don't wait for the timer. */
  hurry() {
    if (!this.timer) return;
    clearTimeout(this.timer);
    this.#attempt();
  }

  #start(prompt) {
    keep(this.key, prompt);
    this.wait = FIRST_WAIT;
    this.prompt = prompt;
    this.#show("sending");
    this.#attempt();
  }

  #show(state) {
    this.store.dispatch({ type: "pending", pending: this.prompt && { ...this.prompt, state } });
  }

  async #attempt() {
    this.timer = null;
    const { urls } = this.store.state;
    const { client_id, text, parent, from, pictures = [] } = this.prompt;
    const revision = from?.revision ?? null;
    try {
      const { messages, warnings } = await post(urls.messages, { client_id, text, parent, revision, pictures: pictures.map((each) => each.id) });
      this.#done();
      this.store.dispatch({ type: "sent", messages });
      tellWarnings(warnings);
    } catch (failure) {
      if (failure.retry) this.#later();
      else this.#refused(failure);
    }
  }

  #later() {
    this.#show("waiting");
    this.timer = setTimeout(() => this.#attempt(), this.wait);
    this.wait = Math.min(this.wait * 2, LONGEST_WAIT);
  }

  #refused(failure) {
    const { prompt } = this;
    this.#done();
    this.#show("sending");
    this.onRefused(failure, prompt);
  }

  #done() {
    keep(this.key, null);
    this.prompt = null;
  }
}
