/** Import conversations: a file is read, one chooses, and the same file is sent once more with what was chosen. */
import { postFile } from "../chat/api.js";
import { el } from "../dom.js";
import { listenForFiles } from "../file_drop.js";
import { about, counted, isHere } from "./words.js";

const root = document.querySelector("[data-import]");
const part = (name) => root.querySelector(`[data-import-${name}]`);
const [input, problem, status, found, all, list, go] = ["file", "problem", "status", "found", "all", "list", "go"].map(part);
let file = null;
let conversations = [];
let asked = null;

const boxes = () => [...list.querySelectorAll("input")];
/** What is here already is chosen one by one only. */
const fresh = () => boxes().filter((box) => !("here" in box.dataset));
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
  list.replaceChildren(...conversations.map(line));
  found.hidden = false;
  all.disabled = !fresh().length;
  count();
  document.getElementById("import-found-title").focus();
}

function line(each) {
  const id = `import-${each.number}`;
  const told = el("span", { class: "import-told" }, el("strong", {}, each.title || `Number ${each.number}`), el("span", { class: each.problem ? "errors" : "muted" }, each.problem || about(each)));
  if (each.problem) return el("li", {}, el("span", { class: "import-box" }), told);
  const box = el("input", { type: "checkbox", id, class: "import-box", checked: !isHere(each), value: String(each.number) });
  if (isHere(each)) box.dataset.here = "";
  return el("li", {}, box, el("label", { for: id }, told), each.here && where(each));
}

/** The way to what is here of it. */
function where({ title, number, here }) {
  const words = here.is_same ? "Already here" : "An earlier state is here";
  return el("a", { href: here.url, target: "_blank", class: "import-here", "aria-label": `${words}: open ${title || `number ${number}`} in a new tab` }, words);
}

function count() {
  const { length } = chosen();
  part("count").textContent = counted(length, conversations);
  part("words").textContent = length === 1 ? "Import one conversation" : `Import ${length.toLocaleString()} conversations`;
  go.disabled = !length;
  all.checked = length > 0 && fresh().every((box) => box.checked);
  all.indeterminate = length > 0 && !all.checked;
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
  for (const box of all.checked ? fresh() : boxes()) box.checked = all.checked;
  count();
});
list.addEventListener("change", count);
go.addEventListener("click", send);
listenForFiles({ shade: document.querySelector("[data-drop]"), take: (dropped) => read(dropped.files[0]) });
