/** The gallery: older pictures as one scrolls, new ones as they arrive, favourites, and what disappeared. */
import { post } from "../chat/api.js";
import { el } from "../dom.js";
import { toast } from "../toasts.js";

export class Gallery {
  constructor(root, { urls }) {
    this.root = root.querySelector("[data-gallery]");
    this.urls = urls;
    this.query = this.root.dataset.query;
    this.root.addEventListener("click", (event) => this.#clicked(event));
    this.watcher = new IntersectionObserver((seen) => seen.some((each) => each.isIntersecting) && this.#older(), { rootMargin: "600px" });
    this.#watch();
  }

  get list() {
    return this.root.querySelector("[data-tiles]");
  }

  get tiles() {
    return [...this.root.querySelectorAll("[data-picture]")];
  }

  /** Puts finished pictures in front, those that the filters let in. @returns {Promise<boolean>} whether it could ask */
  async arrive(ids) {
    const hangs = (id) => this.tiles.some((tile) => tile.dataset.picture === id);
    const wanted = ids.filter((id) => !hangs(id));
    const found = wanted.length ? await this.#read(`ids=${wanted.join(",")}`) : null;
    if (wanted.length && !found) return false;
    const tiles = found ? [...found.querySelectorAll("[data-picture]")] : [];
    for (const tile of tiles) if (!hangs(tile.dataset.picture)) this.#hang(tile); // it may have come another way meanwhile
    return true;
  }

  remove(ids) {
    for (const tile of this.tiles) if (ids.includes(tile.dataset.picture)) tile.remove();
  }

  /** In its place: the newest first. One that is older than all that hang here comes with the older ones. */
  #hang(tile) {
    tile.classList.add("tile-new");
    const after = this.tiles.find((other) => other.dataset.at < tile.dataset.at);
    if (after) after.before(tile);
    else if (!this.tiles.length) this.#listToFill().append(tile);
    else if (!this.root.querySelector("[data-more]")) this.list.append(tile);
  }

  #listToFill() {
    if (!this.list) this.root.replaceChildren(el("ul", { class: "tiles", dataset: { tiles: "" } }));
    document.querySelector("[data-select]").hidden = false;
    return this.list;
  }

  async #older() {
    const more = this.root.querySelector("[data-more]");
    if (!more || this.reading) return;
    this.reading = true;
    const found = await this.#read(`after=${encodeURIComponent(more.dataset.more)}`);
    this.reading = false;
    if (!found) return; // the link stays, to try again
    this.list.append(...found.querySelectorAll("[data-picture]"));
    const next = found.querySelector(".studio-more");
    if (next) more.parentElement.replaceWith(next);
    else more.parentElement.remove();
    this.#watch();
  }

  #watch() {
    this.watcher.disconnect();
    const more = this.root.querySelector("[data-more]");
    if (more) this.watcher.observe(more);
  }

  /** A piece of the page, as the server writes it. */
  async #read(query) {
    const address = `${this.urls.tiles}?${[this.query, query].filter(Boolean).join("&")}`;
    const answer = await fetch(address, { credentials: "same-origin" }).catch(() => null);
    if (!answer?.ok || answer.redirected) return null;
    return document.importNode(new DOMParser().parseFromString(await answer.text(), "text/html").body, true);
  }

  #clicked(event) {
    const like = event.target.closest("[data-like]");
    if (like) return this.#like(like);
    const more = event.target.closest("[data-more]");
    if (more && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      this.#older();
    }
  }

  async #like(button) {
    const on = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(on));
    try {
      await post(this.urls.favourite, { pictures: [button.closest("[data-picture]").dataset.picture], on });
    } catch (failure) {
      button.setAttribute("aria-pressed", String(!on));
      toast({ kind: "error", text: failure.message });
    }
  }
}
