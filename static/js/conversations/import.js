/** Import conversations: a file is read, one chooses, and the same file is sent once more with what was chosen. */
import { postFile } from "../chat/api.js";
import { el } from "../dom.js";
import { listenForFiles } from "../file_drop.js";
import { about, counted } from "./words.js";

const root = document.querySelector("[data-import]");
const part = (name) => root.querySelector(`[data-import-${name}]`);
const [input, problem, status, found, all, list, go] = ["file", "problem", "status", "found", "all", "list", "go"].map(part);
let file = null;
let conversations = [];
let asked = null;

const boxes = () => [...list.querySelectorAll("input")];
const chosen = () => boxes().filter((box) => box.checked);

function complain(sentence) {
  problem.textContent = sentence;
  problem.hidden = !sentence;
}

async function read(taken) {
  if (!taken) return;
  file = taken;
  const own = (asked = {});
  complain("");
  found.hidden = true;
  status.textContent = `Reading ${file.name}…`;
  try {
    ({ conversations } = await postFile(root.dataset.preview, { file }));
    if (own === asked) show();
  } catch (failure) {
    if (own === asked) complain(failure.message);
  }
  if (own === asked) status.textContent = "";
}

function show() {
  const possible = conversations.filter((each) => !each.problem);
  list.replaceChildren(...conversations.map(line));
  found.hidden = false;
  all.checked = possible.length > 0;
  all.disabled = !possible.length;
  count();
  document.getElementById("import-found-title").focus();
}

function line(each) {
  const id = `import-${each.number}`;
  const told = el("span", { class: "import-told" }, el("strong", {}, each.title || `Number ${each.number}`), el("span", { class: each.problem ? "errors" : "muted" }, each.problem || about(each)));
  if (each.problem) return el("li", {}, el("span", { class: "import-box" }), told);
  return el("li", {}, el("input", { type: "checkbox", id, class: "import-box", checked: true, value: String(each.number) }), el("label", { for: id }, told));
}

function count() {
  const { length } = chosen();
  part("count").textContent = counted(length, conversations);
  part("words").textContent = length === 1 ? "Import one conversation" : `Import ${length.toLocaleString()} conversations`;
  go.disabled = !length;
  all.indeterminate = length > 0 && length < boxes().length;
  if (!all.indeterminate) all.checked = length > 0;
}

async function send() {
  go.disabled = true;
  complain("");
  status.textContent = "Importing…";
  try {
    const numbers = chosen().map((box) => box.value).join(",");
    location.assign((await postFile(root.dataset.chosen, { file, numbers })).url);
  } catch (failure) {
    complain(failure.message);
    status.textContent = "";
    go.disabled = false;
    problem.scrollIntoView({ block: "nearest" });
  }
}

input.addEventListener("change", () => read(input.files[0]));
all.addEventListener("change", () => {
  for (const box of boxes()) box.checked = all.checked;
  count();
});
list.addEventListener("change", count);
go.addEventListener("click", send);
listenForFiles({ shade: document.querySelector("[data-drop]"), take: (dropped) => read(dropped.files[0]) });
