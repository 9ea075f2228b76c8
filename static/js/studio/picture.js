/** The page of one picture: zoom, compare, favourite, boards, reproduce, and the keys. */
import { post } from "../chat/api.js";
import { toast } from "../toasts.js";
import { deleteAndLeave } from "../undo.js";
import { Comparing } from "./comparing.js";
import { watchReproduction } from "./reproducing.js";
import { Zoom } from "./zoom.js";

const EDITABLE = "input, textarea, select";
const root = document.querySelector("[data-picture-page]");
const id = root.dataset.id;
const zoom = new Zoom(root);
const comparing = root.querySelector("[data-compare]") ? new Comparing(root, { at: new URLSearchParams(location.search).has("with") }) : null;
const like = root.querySelector("[data-like]");

async function toggleLike() {
  const on = like.getAttribute("aria-pressed") !== "true";
  like.setAttribute("aria-pressed", String(on));
  try {
    await post(like.dataset.like, { pictures: [id], on });
  } catch (failure) {
    like.setAttribute("aria-pressed", String(!on));
    toast({ kind: "error", text: failure.message });
  }
}

like.addEventListener("click", toggleLike);

/** A picture that is no longer on a board is no longer its cover. */
function showCover(box) {
  const cover = box.closest(".picture-board").querySelector("[data-cover]");
  cover.hidden = !box.checked;
  if (!box.checked) cover.setAttribute("aria-pressed", "false");
}

root.querySelector("[data-boards]")?.addEventListener("click", async ({ target }) => {
  const cover = target.closest("[data-cover]");
  if (!cover) return;
  const on = cover.getAttribute("aria-pressed") !== "true";
  try {
    await post(cover.dataset.cover, { picture: on ? id : null });
    cover.setAttribute("aria-pressed", String(on));
  } catch (failure) {
    toast({ kind: "error", text: failure.message });
  }
});

root.querySelector("[data-boards]")?.addEventListener("change", async (event) => {
  const box = event.target;
  try {
    await post(event.currentTarget.dataset.boards, { board: box.value, pictures: [id], on: box.checked });
    showCover(box);
  } catch (failure) {
    box.checked = !box.checked;
    toast({ kind: "error", text: failure.message });
  }
});

root.querySelector("[data-delete]")?.addEventListener("click", ({ currentTarget: { dataset } }) => {
  deleteAndLeave({ title: dataset.title, remove: dataset.delete, restore: dataset.restore, list: dataset.list });
});

watchReproduction(root);

document.addEventListener("keydown", (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || event.target.closest?.(EDITABLE)) return;
  if (zoom.key(event)) return;
  const does = {
    ArrowLeft: () => root.querySelector("[data-newer]")?.click(),
    ArrowRight: () => root.querySelector("[data-older]")?.click(),
    f: toggleLike,
    c: () => comparing?.toggle(),
    Escape: () => root.querySelector(".picture-bar a").click(),
  }[event.key];
  if (!does || document.querySelector("details.menu[open], dialog[open]")) return;
  event.preventDefault();
  does();
});
