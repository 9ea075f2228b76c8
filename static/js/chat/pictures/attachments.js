/**
 * The pictures that go with the next message: chosen, pasted or dropped. Each is sent to the site at once, where it
 * waits for its message; until then it can be taken back, and a reload keeps it.
 */
import { el, icon } from "../../dom.js";
import { Failure, post, postPicture, withId } from "../api.js";
import { keep, recall } from "../storage.js";
import { Gallery } from "./gallery.js";
import { whyBlind } from "./sight.js";

const MEGABYTE = 1_000_000;
const PASTED = "Pasted picture";

export class Attachments {
  /** @param {{store, say: (sentence: string) => void, changed: () => void, focus: () => void}} composer */
  constructor(root, { store, say, changed, focus }) {
    Object.assign(this, { store, say, changed, focus });
    this.list = root.querySelector("[data-attached]");
    this.status = root.querySelector("[data-attached-said]");
    this.file = root.querySelector("[data-attach-file]");
    this.key = `atrium.draft.pictures.${store.state.conversation.id}`;
    this.items = (recall(this.key) ?? []).map((picture) => ({ picture, name: picture.name, shown: picture.thumbnail }));
    root.querySelector("[data-attach]").addEventListener("click", () => this.#mayAttach() && this.file.click());
    this.file.addEventListener("change", () => this.#chosen());
    this.gallery = new Gallery({ store, choose: (picture) => this.#take(picture), closed: focus });
    root.querySelector("[data-attach-gallery]").addEventListener("click", () => this.#mayAttach() && this.gallery.open());
    this.#welcome(store.state.attach);
    this.#draw();
  }

  /** Those that the site has, in their order. */
  get ready() {
    return this.items.filter((each) => each.picture).map((each) => each.picture);
  }

  get any() {
    return this.items.length > 0;
  }

  /** One is still on its way, or didn't arrive. */
  get waiting() {
    return this.items.some((each) => !each.picture);
  }

  /** They were sent. */
  clear() {
    for (const item of this.items) this.#drop(item);
    this.#changed();
  }

  /** They come back: the message could not be sent. */
  restore(pictures) {
    const here = new Set(this.ready.map((each) => each.id));
    const back = pictures.filter((each) => !here.has(each.id));
    this.items.unshift(...back.map((picture) => ({ picture, name: picture.name, shown: picture.thumbnail })));
    this.#changed();
  }

  /** @param {File[]} files  those beyond what one message takes are left, in words */
  add(files) {
    if (!files.length || !this.#mayAttach()) return;
    const most = this.store.state.limits.pictures;
    const taken = files.slice(0, Math.max(0, most - this.items.length));
    const items = taken.map((file) => ({ file, name: file.name, shown: URL.createObjectURL(file), picture: null, failed: false }));
    this.items.push(...items);
    this.say(files.length > taken.length ? `A message takes up to ${most} pictures. Send the others with the next one.` : "");
    this.#changed();
    for (const item of items) this.#upload(item);
  }

  /** One that was attached on the picture's own page. */
  #welcome(picture) {
    if (!picture) return;
    if (!this.ready.some((each) => each.id === picture.id)) this.items.push({ picture, name: picture.name, shown: picture.thumbnail });
    keep(this.key, this.ready);
    history.replaceState(history.state, "", location.pathname);
  }

  /** A picture from the studio. */
  #take({ id, words, thumbnail }) {
    const most = this.store.state.limits.pictures;
    if (this.items.length >= most) return this.say(`A message takes up to ${most} pictures. Send this one with the next.`);
    const item = { from: id, name: words, shown: thumbnail, picture: null, failed: false };
    this.items.push(item);
    this.say("");
    this.#upload(item);
  }

  #chosen() {
    const files = [...this.file.files];
    this.file.value = "";
    this.add(files);
  }

  #mayAttach() {
    const why = whyBlind(this.store.state);
    if (why) this.say(why);
    return !why;
  }

  async #upload(item) {
    item.failed = false;
    this.#changed();
    try {
      const { picture } = await (item.from ? this.#copy(item) : this.#send(item));
      if (!this.items.includes(item)) return this.#forget(picture); // taken back meanwhile
      item.picture = picture;
      this.status.textContent = `${item.name} is attached.`;
    } catch (failure) {
      if (failure.retry) item.failed = true;
      else this.#drop(item);
      this.say(`${item.name}: ${failure.message}`);
    }
    this.#changed();
  }

  #send({ file }) {
    const { urls, limits } = this.store.state;
    if (file.size > limits.upload_mb * MEGABYTE) throw new Failure(`The file is larger than ${limits.upload_mb} MB. Save it smaller.`); // the site would hang up
    return postPicture(urls.attach, file);
  }

  #copy({ from }) {
    const { urls, conversation } = this.store.state;
    return post(withId(urls.attach_copy, from), { conversation: conversation.id });
  }

  #remove(item) {
    const at = this.items.indexOf(item);
    this.#drop(item);
    if (item.picture) this.#forget(item.picture);
    this.status.textContent = `${item.name} is removed.`;
    this.#changed();
    const buttons = this.list.querySelectorAll("[data-remove]");
    if (buttons.length) buttons[Math.min(at, buttons.length - 1)].focus();
    else this.focus();
  }

  #drop(item) {
    this.items = this.items.filter((each) => each !== item);
    if (item.file) URL.revokeObjectURL(item.shown);
  }

  /** What was never sent is erased; where that fails the site forgets it by itself. */
  #forget({ id }) {
    post(withId(this.store.state.urls.remove_picture, id)).catch(() => {});
  }

  #changed() {
    keep(this.key, this.ready.length ? this.ready : null);
    this.#draw();
    this.changed();
  }

  #draw() {
    this.list.replaceChildren(...this.items.map((item) => this.#card(item)));
    this.list.hidden = !this.items.length;
  }

  #card(item) {
    item.image ??= el("img", { src: item.shown, alt: "" });
    const again = item.failed && el("button", { type: "button", class: "attached-again", onclick: () => this.#upload(item), "aria-label": `Send ${item.name} again`, title: "Try again" }, icon("refresh-cw"));
    const remove = el("button", { type: "button", class: "attached-remove", dataset: { remove: "" }, onclick: () => this.#remove(item), "aria-label": `Remove ${item.name}`, title: "Remove" }, icon("x"));
    const card = el("li", { class: "attached", title: item.name }, item.image, el("span", { class: "attached-name truncate" }, item.name), again, remove);
    if (!item.picture && !item.failed) card.setAttribute("aria-busy", "true");
    return card;
  }
}

/** The pictures among what is pasted: one from the clipboard has no name of its own. */
export function pastedPictures(transfer) {
  const pictures = [...(transfer?.files ?? [])].filter((each) => each.type.startsWith("image/"));
  return pictures.map((each) => new File([each], PASTED, { type: each.type }));
}
