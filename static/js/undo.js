/** What is deleted on its own page: the list that comes next offers the way back. */
import { post } from "./chat/api.js";
import { toast } from "./toasts.js";

const KEY = "atrium.deleted";

/** @param {{title: string, remove: string, restore: string, list: string}} thing  the last three are addresses */
export async function deleteAndLeave({ title, remove, restore, list }) {
  try {
    await post(remove);
  } catch (failure) {
    toast({ kind: "error", text: failure.message });
    return;
  }
  sessionStorage.setItem(KEY, JSON.stringify({ title, restore }));
  location.assign(list);
}

/** On the list: once for each deletion. */
export function offerUndo() {
  const deleted = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
  if (!deleted) return;
  sessionStorage.removeItem(KEY);
  const undo = () => post(deleted.restore).then(() => location.reload(), (failure) => toast({ kind: "error", text: failure.message }));
  toast({ text: `“${deleted.title}” was deleted.`, action: { label: "Undo", run: undo } });
}
