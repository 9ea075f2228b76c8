/** Title, place in the list, connection. */
import { el, icon } from "../../dom.js";
import { toast } from "../../toasts.js";
import { deleteAndLeave } from "../../undo.js";
import { mayWrite } from "../reducer.js";

const CONNECTION = { waiting: "Reconnecting…", connecting: "" };

export function showHeader(root, { store, commands }) {
  const title = root.querySelector("[data-title]");
  const line = root.querySelector("[data-connection]");
  const rename = root.querySelector("[data-rename]");
  const menu = root.querySelector("[data-menu]");
  const { conversation } = store.state;

  rename.addEventListener("click", () => editTitle(title, rename, store, commands));
  for (const button of root.querySelectorAll("[data-mark]")) {
    button.addEventListener("click", () => mark(button, store, commands));
  }

  store.subscribe((state) => {
    const { title: name, is_pinned: pinned, archived } = state.conversation;
    title.textContent = name;
    document.title = document.title.replace(/^.* · /, `${name} · `);
    for (const link of document.querySelectorAll(`[data-conversation-link="${conversation.id}"] .truncate`)) link.textContent = name;
    line.textContent = troubleOf(state);
    line.hidden = !line.textContent;
    rename.hidden = !mayWrite(state);
    menu.hidden = Boolean(state.conversation.deleted);
    for (const part of menu.querySelectorAll("[data-mark], hr")) part.hidden = !mayWrite(state);
    for (const link of menu.querySelectorAll("[data-export]")) link.search = state.leaf ? `?leaf=${state.leaf}` : ""; // the branch on show
    setMark(root, "pin", pinned, "Unpin", "Pin");
    setMark(root, "archive", archived, "Take out of the archive", "Archive");
    root.querySelector("[data-archived]").hidden = !archived;
  });
}

function troubleOf({ conversation, connection, closed }) {
  if (conversation.deleted) return "Deleted; it can be restored from the list.";
  return connection === "closed" ? closed : (CONNECTION[connection] ?? "");
}

function setMark(root, name, on, onLabel, offLabel) {
  const button = root.querySelector(`[data-mark="${name}"]`);
  if (button.dataset.on === String(on)) return;
  button.dataset.on = String(on);
  const off = { pin: "pin-off", archive: "archive-restore" }[name];
  button.replaceChildren(icon(on ? off : name), on ? onLabel : offLabel);
}

async function mark(button, store, commands) {
  const action = button.dataset.mark;
  if (action === "delete") return remove(store);
  const undo = { pin: "unpin", archive: "unarchive" }[action];
  const on = button.dataset.on === "true";
  const said = { pin: ["Pinned.", "Unpinned."], archive: ["Archived.", "Taken out of the archive."] }[action];
  if (!(await commands.mark(on ? undo : action))) return;
  toast({ text: said[on ? 1 : 0], action: { label: "Undo", run: () => commands.mark(on ? action : undo) } });
}

/** To the list, which offers the way back. */
function remove(store) {
  const { urls, conversation } = store.state;
  return deleteAndLeave({ title: conversation.title, remove: urls.delete, restore: urls.restore, list: urls.list });
}

function editTitle(title, button, store, commands) {
  const before = store.state.conversation.title;
  const field = el("input", { class: "input chat-title-input", value: before, maxLength: 120, "aria-label": "Name of the conversation" });
  let over = false;
  const close = async (keep) => {
    if (over) return;
    over = true;
    field.remove();
    title.hidden = button.hidden = false;
    button.focus();
    const name = field.value.trim();
    if (!keep || !name || name === before) return;
    await commands.save({ title: name }).catch((failure) => toast({ kind: "error", text: failure.message }));
  };
  field.addEventListener("keydown", (event) => {
    if (event.isComposing || !["Enter", "Escape"].includes(event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    close(event.key === "Enter");
  });
  field.addEventListener("blur", () => close(true));
  title.hidden = button.hidden = true;
  title.after(field);
  field.select();
}
