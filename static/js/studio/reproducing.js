/** Make a picture again, and say here how far it is and whether the same came out; also of one that was asked for before. */
import { get, postForm, withId } from "../chat/api.js";
import { el } from "../dom.js";
import { showMaking } from "../generations/making.js";

export function watchReproduction(root) {
  const form = root.querySelector("[data-reproduce]");
  const told = root.querySelector("[data-verdict]");
  const box = root.querySelector("[data-making]");
  const button = form?.querySelector("button");
  if (!told) return;
  const addresses = { ...box.dataset };
  const addressOf = (name, job) => withId(decodeURIComponent(addresses[name]), job);

  function follow(job, receipt) {
    Object.assign(box.dataset, { events: addressOf("events", job), cancel: addressOf("cancel", job) });
    box.hidden = false;
    const say = (sentence) => told.replaceChildren(sentence, " ", el("a", { href: receipt }, "Its receipt"));
    const ended = async (finish) => {
      const found = finish.state === "succeeded" ? await get(addressOf("receipt", job)).catch(() => null) : finish;
      box.hidden = true;
      if (button) button.disabled = false;
      say(found?.reproduction?.words ?? endOf(found));
    };
    say("Being made again…");
    showMaking(box, { announce: say, ended, stoppable: "stoppable" in told.dataset });
  }

  if (told.dataset.job) follow(told.dataset.job, told.querySelector("a").getAttribute("href"));
  form?.addEventListener("submit", async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      const { job, receipt } = await postForm(form.action, {});
      follow(job, receipt);
    } catch (failure) {
      told.textContent = failure.message;
      button.disabled = false;
    }
  });
}

function endOf(found) {
  if (!found) return "It was made again.";
  return found.state === "cancelled" ? "It was cancelled." : `It could not be made again. ${found.error ?? ""}`.trim();
}
