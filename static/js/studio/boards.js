/** The page of boards: make, rename and delete them. */
import { post } from "../chat/api.js";
import { toast } from "../toasts.js";

const root = document.querySelector("[data-boards]");
const [rename, remove] = [document.getElementById("rename"), document.getElementById("remove")];
let board = null; // the card that a dialog is about

async function send(form, run) {
  const problem = form.querySelector("[data-problem]");
  problem.hidden = true;
  try {
    await run();
  } catch (failure) {
    problem.textContent = failure.message;
    problem.hidden = false;
    form.elements.name.focus();
  }
}

root.querySelector("[data-board-new]")?.addEventListener("submit", (event) => {
  event.preventDefault();
  send(event.target, async () => {
    await post(root.dataset.new, { name: event.target.elements.name.value });
    location.reload();
  });
});

root.addEventListener("click", (event) => {
  const button = event.target.closest("[data-rename], [data-delete]");
  if (!button) return;
  board = { card: button.closest("[data-board]"), url: button.dataset.rename ?? button.dataset.delete };
  if (button.dataset.delete) {
    remove.showModal();
    return;
  }
  rename.querySelector("[name=name]").value = board.card.querySelector("[data-name]").textContent;
  rename.showModal();
});

rename.querySelector("form").addEventListener("submit", (event) => {
  event.preventDefault();
  send(event.target, async () => {
    const answer = await post(board.url, { name: event.target.elements.name.value });
    board.card.querySelector("[data-name]").textContent = answer.board.name;
    rename.close();
  });
});

remove.querySelector("[data-remove]").addEventListener("click", async () => {
  remove.close();
  try {
    await post(board.url);
    board.card.remove();
    toast({ text: "The board was deleted. Its pictures are still in the studio." });
  } catch (failure) {
    toast({ kind: "error", text: failure.message });
  }
});

for (const closer of document.querySelectorAll("dialog [data-close]")) closer.addEventListener("click", () => closer.closest("dialog").close());
