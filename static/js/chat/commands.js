/** What a person can ask of the conversation, and what the page does with the answer. */
import { toast } from "../toasts.js";
import { get, newClientId, post, withId } from "./api.js";
import { generating, isOver, writing } from "./reducer.js";
import { tellWarnings } from "./warnings.js";

const READ_ALONG_EVERY = 3000; // milliseconds

export class Commands {
  constructor(store, socket) {
    this.store = store;
    this.socket = socket;
  }

  get #urls() {
    return this.store.state.urls;
  }

  /**
   * Reads the path again, after a reconnect. Quiet where the site can't be reached. An answer that something newer
   * overtook would take that away again, so it is asked for once more.
   */
  async refresh(tries = 3) {
    const { messages, leaf, compared } = this.store.state;
    if (compared?.length) this.compare(compared[0]).catch(() => null);
    const query = leaf ? `?leaf=${encodeURIComponent(leaf)}` : "";
    const path = await get(this.#urls.messages + query).catch(() => null);
    if (!path) return;
    if (this.store.state.messages === messages) this.store.dispatch({ type: "path", ...path });
    else if (tries > 1) await this.refresh(tries - 1);
  }

  /** Reads along over HTTP while answers are being written and the live updates are interrupted. */
  readAlong() {
    clearInterval(this.reading);
    this.reading = setInterval(() => {
      if (writing(this.store.state)) this.refresh();
      else clearInterval(this.reading);
    }, READ_ALONG_EVERY);
  }

  /** @returns whether the branch is on show now */
  async switchTo(sibling) {
    return this.#exclusive(async () => {
      this.store.dispatch({ type: "path", ...(await get(`${this.#urls.messages}?leaf=${encodeURIComponent(sibling)}`)) });
    });
  }

  async regenerate(message) {
    await this.#exclusive(() => this.#ask(withId(this.#urls.regenerate, message.id), { client_id: newClientId() }));
  }

  /** Puts the answers that stand in this one's place beside each other; none: no more. Raises Failure. */
  async compare(message) {
    const found = message && (await get(withId(this.#urls.alternatives, message.id)));
    this.store.dispatch({ type: "compared", messages: found?.messages ?? null });
  }

  /** An answer of another model, beside this one; the branch on show stays. Raises Failure. */
  async askBeside(message, model) {
    const { messages, warnings } = await post(withId(this.#urls.regenerate, message.id), { client_id: newClientId(), model });
    for (const each of messages) this.store.dispatch({ type: "message", message: each });
    tellWarnings(warnings);
  }

  /** What the calls of an answer gave. Raises Failure. */
  async sendResults(message, results, clientId) {
    await this.#alone(() => this.#ask(withId(this.#urls.results, message.id), { client_id: clientId, results }));
  }

  /** Stops this answer, or the one that is being written on the branch on show, if any. */
  async stop(message = generating(this.store.state)) {
    if (!message || isOver(message.job)) return false;
    if (!this.socket.send({ type: "cancel", job: message.job.id })) {
      await this.#tell(() => post(withId(this.#urls.cancel, message.job.id)));
    }
    return true;
  }

  /** What this person thinks of an answer that came from a prompt. Raises Failure. */
  async rate(message, rating) {
    await post(withId(this.#urls.rate, message.run.id), { rating });
    this.store.dispatch({ type: "rated", id: message.id, rating });
  }

  /** How probable each word of an answer was. Raises Failure. */
  readCertainty(message) {
    return get(withId(this.#urls.certainty, message.id));
  }

  /** @returns the conversation as saved. Raises Failure. */
  async save(changes) {
    const { conversation } = await post(this.#urls.settings, changes);
    this.store.dispatch({ type: "conversation", changes: conversation });
    return conversation;
  }

  /** The model of the next answers; what is wrong with it is told. */
  answerBy(model) {
    return this.#tell(() => this.save({ model }));
  }

  /** Reads again what can be chosen: somebody may have been given access meanwhile. Quiet where that fails. */
  async readModels() {
    const found = await get(this.#urls.models).catch(() => null);
    if (found) this.store.dispatch({ type: "models", models: found.models });
  }

  async mark(action) {
    return this.#tell(async () => {
      const { conversation } = await post(this.#urls[action]);
      this.store.dispatch({ type: "conversation", changes: conversation });
    });
  }

  /** For another answer of the model. */
  async #ask(url, data) {
    const answer = await post(url, data);
    this.store.dispatch({ type: "sent", ...answer });
    tellWarnings(answer.warnings);
  }

  async #exclusive(run) {
    return this.#alone(() => this.#tell(run));
  }

  /** Unless something else is under way. What fails is the caller's. */
  async #alone(run) {
    if (this.store.state.busy) return undefined;
    this.store.dispatch({ type: "busy", on: true });
    try {
      return await run();
    } finally {
      this.store.dispatch({ type: "busy", on: false });
    }
  }

  async #tell(run) {
    try {
      await run();
      return true;
    } catch (failure) {
      toast({ kind: "error", text: failure.message });
      return false;
    }
  }
}
