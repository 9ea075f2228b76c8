/** Select mode: several pictures, and what can be done to them at once. */
import { post } from "../chat/api.js";
import { el } from "../dom.js";
import { toast } from "../toasts.js";
import { boardDialog } from "./boarding.js";

export class Selecting {
  constructor(root, { gallery, state }) {
    Object.assign(this, { root, gallery, urls: state.urls, limits: state.limits });
    this.bar = document.querySelector("[data-chosen]");
    this.button = root.querySelector("[data-select]");
    this.download = document.getElementById("download");
    this.board = boardDialog({ urls: this.urls, done: () => this.set(false) });
    this.on = false;
    this.#listen();
  }

  get chosen() {
    return [...this.gallery.root.querySelectorAll("[data-pick]:checked")].map((box) => box.value);
  }

  set(on) {
    this.on = on;
    this.gallery.root.classList.toggle("selecting", on);
    this.button?.setAttribute("aria-pressed", String(on));
    if (!on) for (const box of this.gallery.root.querySelectorAll("[data-pick]:checked")) box.checked = false;
    this.#show();
  }

  #listen() {
    this.button?.addEventListener("click", () => this.set(!this.on));
    this.gallery.root.addEventListener("change", (event) => event.target.matches("[data-pick]") && this.#picked(event.target));
    this.gallery.root.addEventListener("click", (event) => this.#clicked(event));
    const does = {
      none: () => this.set(false),
      like: () => this.#like(),
      compare: () => this.#compare(),
      download: () => this.#askDownload(),
      board: () => this.board(this.chosen),
      off: (button) => this.#off(button.dataset.chosenOff),
      delete: () => this.#delete(),
    };
    for (const [name, run] of Object.entries(does)) {
      const button = this.bar.querySelector(`[data-chosen-${name}]`);
      button?.addEventListener("click", () => run(button));
    }
    this.download.querySelector("form").addEventListener("submit", () => {
      this.download.close();
      this.set(false);
    });
  }

  /** In select mode a click on the picture chooses it, with Shift all from the last one. */
  #clicked(event) {
    const link = event.target.closest(".tile-link");
    if (!link || !this.on || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    const tiles = this.gallery.tiles;
    const at = tiles.indexOf(link.closest("[data-picture]"));
    const box = (tile) => tile.querySelector("[data-pick]");
    if (event.shiftKey && this.last !== undefined) {
      for (const tile of tiles.slice(Math.min(at, this.last), Math.max(at, this.last) + 1)) box(tile).checked = true;
    } else {
      box(tiles[at]).checked = !box(tiles[at]).checked;
    }
    this.last = at;
    this.#show();
  }

  #picked(box) {
    if (!this.on && box.checked) this.set(true);
    this.last = this.gallery.tiles.indexOf(box.closest("[data-picture]"));
    this.#show();
  }

  #show() {
    const number = this.chosen.length;
    this.bar.hidden = !this.on;
    this.bar.querySelector("[data-chosen-count]").textContent = number ? `${number} selected` : "Select pictures";
    for (const button of this.bar.querySelectorAll("button:not([data-chosen-none])")) button.disabled = !number || number > this.limits.chosen;
    if (number > this.limits.chosen) this.bar.querySelector("[data-chosen-count]").textContent = `${number} selected: at most ${this.limits.chosen} at once`;
    this.bar.querySelector("[data-chosen-compare]").hidden = number !== 2;
  }

  async #like() {
    const chosen = this.chosen;
    await this.#tell(async () => {
      await post(this.urls.favourite, { pictures: chosen, on: true });
      for (const tile of this.gallery.tiles) if (chosen.includes(tile.dataset.picture)) tile.querySelector("[data-like]").setAttribute("aria-pressed", "true");
      toast({ text: chosen.length === 1 ? "Marked as a favourite." : `${chosen.length} marked as favourites.` });
      this.set(false);
    });
  }

  #compare() {
    const [one, other] = this.chosen;
    location.assign(`${this.urls.picture.replace("{id}", one)}?with=${other}`);
  }

  #askDownload() {
    const ids = this.chosen.map((id) => el("input", { type: "hidden", name: "pictures", value: id }));
    this.download.querySelector("[data-download-ids]").replaceChildren(...ids);
    this.download.showModal();
  }

  async #off(board) {
    const chosen = this.chosen;
    await this.#tell(async () => {
      await post(this.urls.board_put, { board, pictures: chosen, on: false });
      this.gallery.remove(chosen);
      toast({ text: `${chosen.length} taken off the board.` });
      this.set(false);
    });
  }

  async #delete() {
    const chosen = this.chosen;
    await this.#tell(async () => {
      await post(this.urls.delete, { pictures: chosen });
      this.gallery.remove(chosen);
      this.set(false);
      const undo = () => this.#tell(async () => this.gallery.arrive((await post(this.urls.restore, { pictures: chosen })).pictures));
      toast({ text: chosen.length === 1 ? "The picture was deleted." : `${chosen.length} pictures were deleted.`, action: { label: "Undo", run: undo } });
    });
  }

  async #tell(run) {
    try {
      await run();
    } catch (failure) {
      toast({ kind: "error", text: failure.message });
    }
  }
}
