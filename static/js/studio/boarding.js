/** The dialog that puts pictures on a board: one that there is, or a new one. */
import { post } from "../chat/api.js";
import { toast } from "../toasts.js";

/** @returns {(pictures: string[]) => void} opens it */
export function boardDialog({ urls, done }) {
  const dialog = document.getElementById("board");
  const form = dialog.querySelector("form");
  const problem = dialog.querySelector("[data-board-problem]");
  const fresh = dialog.querySelector("[data-board-new]");
  let chosen = [];

  const showNew = () => (fresh.hidden = form.elements.board.value !== "");
  form.elements.board.addEventListener("change", showNew);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    problem.hidden = true;
    const id = form.elements.board.value;
    try {
      const { board } = id ? await post(urls.board_put, { board: id, pictures: chosen, on: true }) : await post(urls.board_new, { name: form.elements.name.value, pictures: chosen });
      if (!id) remember(form.elements.board, board);
      dialog.close();
      toast({ text: `On the board “${board.name}”.` });
      done(board);
    } catch (failure) {
      problem.textContent = failure.message;
      problem.hidden = false;
    }
  });

  return (pictures) => {
    chosen = pictures;
    problem.hidden = true;
    showNew();
    dialog.showModal();
  };
}

/** A board that was made just now can be chosen next time. */
function remember(select, { id, name }) {
  select.add(new Option(name, id), 0);
  select.value = id;
  select.closest(".field").hidden = false;
  select.form.elements.name.value = "";
}
