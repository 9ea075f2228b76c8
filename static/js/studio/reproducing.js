/** Make a picture again, and say here whether the same came out. */
import { get, postForm } from "../chat/api.js";
import { el } from "../dom.js";

const LOOK_EVERY = 1500; // milliseconds
const UNFINISHED = new Set(["queued", "running"]);

export function watchReproduction(root) {
  const form = root.querySelector("[data-reproduce]");
  const told = root.querySelector("[data-verdict]");
  form?.addEventListener("submit", async (event) => {
    event.preventDefault();
    const button = form.querySelector("button");
    button.disabled = true;
    try {
      const { job, receipt } = await postForm(form.action, {});
      told.replaceChildren("Being made again… ", link(receipt));
      const found = await ended(decodeURIComponent(form.dataset.reproduce).replace("{id}", job));
      told.replaceChildren(found.reproduction?.words ?? `It ${found.state === "cancelled" ? "was cancelled" : "could not be made again"}.`, " ", link(receipt));
    } catch (failure) {
      told.textContent = failure.message;
    }
    button.disabled = false;
  });
}

async function ended(address) {
  for (;;) {
    const found = await get(address).catch((failure) => {
      if (!failure.retry) throw failure;
      return { state: "running" };
    });
    if (!UNFINISHED.has(found.state)) return found;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY));
  }
}

const link = (receipt) => el("a", { href: receipt }, "Its receipt");
