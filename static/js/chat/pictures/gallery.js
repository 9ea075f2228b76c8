/** Choose one of the project's own pictures instead of a file: a grid with a search, by pointer or by keyboard. */
import { el } from "../../dom.js";
import { get } from "../api.js";

const WAIT = 250; // milliseconds after the last key

export class Gallery {
  /** @param choose is told of a picture `{id, words, thumbnail}` */
  constructor({ store, choose, closed }) {
    Object.assign(this, { store, choose });
    this.dialog = document.getElementById("gallery");
    const find = (name) => this.dialog.querySelector(`[data-gallery-${name}]`);
    [this.search, this.list, this.note, this.more] = ["search", "list", "note", "more"].map(find);
    this.asked = 0;
    this.search.addEventListener("input", () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.#read(), WAIT);
    });
    this.search.addEventListener("keydown", (event) => event.key === "ArrowDown" && this.#to(0, event));
    this.list.addEventListener("keydown", (event) => this.#key(event));
    this.more.addEventListener("click", () => this.#read(this.after));
    find("close").addEventListener("click", () => this.dialog.close());
    this.dialog.addEventListener("close", closed);
  }

  open() {
    this.search.value = "";
    this.list.replaceChildren();
    this.dialog.showModal();
    this.search.focus();
    this.#read();
  }

  /** What follows `after` is put behind what is there; without it all is new. */
  async #read(after = "") {
    const asked = (this.asked += 1);
    const query = new URLSearchParams({ q: this.search.value.trim(), after });
    try {
      const found = await get(`${this.store.state.urls.gallery}?${query}`);
      if (asked === this.asked) this.#show(found, after);
    } catch (failure) {
      if (asked === this.asked) this.note.textContent = failure.message;
    }
  }

  #show({ pictures, after }, behind) {
    const items = pictures.map((picture) => this.#item(picture));
    if (behind) this.list.append(...items);
    else this.list.replaceChildren(...items);
    this.after = after;
    this.more.hidden = !after;
    const none = this.search.value.trim() ? "No picture was made with these words." : "There are no pictures in this project’s studio yet.";
    this.note.textContent = this.list.childElementCount ? "" : none;
    if (behind) items[0]?.firstChild.focus();
  }

  #item(picture) {
    const take = () => {
      this.dialog.close();
      this.choose(picture);
    };
    return el("li", {}, el("button", { type: "button", class: "gallery-choice", title: picture.words, onclick: take }, el("img", { src: picture.thumbnail, alt: picture.words, loading: "lazy" })));
  }

  #key(event) {
    const buttons = this.#buttons();
    const at = buttons.indexOf(document.activeElement);
    const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.#columns(), ArrowUp: -this.#columns() }[event.key];
    if (at < 0 || !step) return;
    if (at + step < 0 && event.key === "ArrowUp") {
      event.preventDefault();
      this.search.focus();
    } else this.#to(at + step, event);
  }

  #to(place, event) {
    const button = this.#buttons()[place];
    if (!button) return;
    event.preventDefault();
    button.focus();
  }

  #buttons() {
    return [...this.list.querySelectorAll("button")];
  }

  #columns() {
    const buttons = this.#buttons();
    const second = buttons.findIndex((each) => each.offsetTop > buttons[0].offsetTop);
    return second < 0 ? buttons.length : second;
  }
}
