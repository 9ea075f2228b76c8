/** The pictures in the making, as cards: preview, what each is doing, cancel. */
import { el, icon } from "../dom.js";
import { percent } from "./jobs.js";
import { isUnfinished, mayMake } from "./reducer.js";
import { announcement, status } from "./words.js";

export class LiveCards {
  /** @param {{store, cancel: (id: string) => void, retry: (card) => void, dismiss: (id: string) => void}} parts */
  constructor(root, parts) {
    Object.assign(this, parts);
    this.section = root.querySelector("[data-live-section]");
    this.list = root.querySelector("[data-live]");
    this.announce = root.querySelector("[data-announce]");
    this.cards = new Map();
    setInterval(() => this.#tick(), 1000);
    this.store.subscribe((state) => this.show(state));
  }

  show(state) {
    const wanted = new Set(state.jobs.map((card) => card.id));
    for (const [id, card] of this.cards) if (!wanted.has(id)) this.#remove(id, card);
    for (const card of state.jobs) {
      if (this.cards.has(card.id) && this.cards.get(card.id).state === card.state) continue;
      this.#put(card, state);
    }
    for (const card of state.jobs) if (state.live[card.id]) this.#update(card, state.live[card.id]);
    this.section.hidden = !state.jobs.length;
    this.section.querySelector("h2").textContent = state.jobs.every((card) => card.state === "failed") ? "Could not be made" : "In the making";
  }

  #put(card, state) {
    const before = this.cards.get(card.id);
    if (before && card.state === "succeeded") {
      before.state = card.state; // keeps its last preview until the picture hangs in the gallery
      before.words.textContent = "Ready";
      before.bar.value = 100;
      before.cancel.remove();
      return;
    }
    const made = isUnfinished(card) || card.state === "succeeded" ? this.#working(card, state) : this.#failed(card, state);
    if (before) before.root.replaceWith(made.root);
    else this.list.append(made.root);
    this.cards.set(card.id, made);
  }

  #remove(id, card) {
    const focused = card.root.contains(document.activeElement);
    card.root.remove();
    this.cards.delete(id);
    if (focused) (this.list.querySelector("button") ?? document.getElementById("main")).focus();
  }

  #working(card, state) {
    const image = el("img", { alt: card.params.prompt, hidden: true, decoding: "async" });
    const empty = el("span", { class: "skeleton", "aria-hidden": "true" });
    const words = el("span", {});
    const bar = el("progress", { class: "live-progress", max: 100, value: 0, "aria-label": `Progress of “${short(card.params.prompt)}”` });
    const cancel = el("button", { type: "button", class: "live-cancel", "aria-label": `Cancel “${short(card.params.prompt)}”`, title: "Cancel", hidden: !mayMake(state), onclick: () => this.cancel(card.id) }, icon("x"));
    const view = el("div", { class: "live-view" }, empty, image, cancel);
    const who = card.user && card.user.id !== state.user.id ? el("span", { class: "muted truncate" }, card.user.name) : null;
    const foot = el("div", { class: "live-foot" }, el("span", { class: "truncate" }, card.params.prompt), who, words, bar);
    const root = el("li", { class: `tile live${card.params.width < 200 ? " tile-tiny" : ""}`, dataset: { job: card.id } }, view, foot);
    return { root, image, empty, words, bar, cancel, state: card.state, shown: 0, phase: "" };
  }

  #failed(card, state) {
    const close = el("button", { type: "button", class: "live-cancel", "aria-label": "Close", onclick: () => this.dismiss(card.id) }, icon("x"));
    const reason = el("div", { class: "live-view" }, el("p", { role: "alert" }, card.error || "It could not be made."), close);
    const again = mayMake(state) ? el("button", { type: "button", class: "btn btn-small", onclick: () => this.retry(card) }, icon("rotate-ccw"), "Use its settings") : null;
    const foot = el("div", { class: "live-foot" }, el("span", { class: "truncate" }, card.params.prompt), again);
    return { root: el("li", { class: "tile live live-failed", dataset: { job: card.id } }, reason, foot), state: card.state };
  }

  #update(card, live) {
    const shown = this.cards.get(card.id);
    const { facts } = this.store.state.models.find((each) => each.id === card.model.id) ?? {};
    const words = status(live, performance.now(), facts);
    if (shown.words.textContent !== words) shown.words.textContent = words;
    if (live.phase === "progress") shown.bar.value = percent(live);
    else shown.bar.value = live.step ? percent(live) : 0;
    if (live.preview > shown.shown) this.#preview(card, live, shown);
    if (shown.phase !== live.phase && card.user?.id === this.store.state.user.id) {
      shown.phase = live.phase;
      this.announce.textContent = `${short(card.params.prompt)}: ${announcement(live, performance.now())}`;
    }
  }

  /** The next one is asked for when the one before has come: a slow line sees fewer, never late ones. */
  #preview(card, live, shown) {
    if (shown.loading) return;
    shown.shown = live.preview;
    shown.loading = new Image();
    shown.loading.addEventListener("load", () => {
      shown.image.src = shown.loading.src;
      shown.image.hidden = false;
      shown.empty.remove();
      this.#loaded(card, shown);
    });
    shown.loading.addEventListener("error", () => this.#loaded(card, shown));
    shown.loading.src = `${this.store.state.urls.preview.replace("{id}", card.id)}?v=${live.preview}`;
  }

  #loaded(card, shown) {
    shown.loading = null;
    const live = this.store.state.live[card.id];
    if (live && live.preview > shown.shown) this.#preview(card, live, shown);
  }

  #tick() {
    const { state } = this.store;
    for (const card of state.jobs) if (state.live[card.id]?.phase === "loading") this.#update(card, state.live[card.id]);
  }
}

const short = (text) => (text.length > 60 ? `${text.slice(0, 57)}…` : text);
