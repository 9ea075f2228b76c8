/** A receipt whose job is still at work follows it to the verdict; Reproduce says why where it can't. */
import { showMaking } from "./making.js";

const AGAIN = 2000; // milliseconds
const main = document.getElementById("main");
const problem = main.querySelector("[data-problem]");
const told = main.querySelector("[data-announce]");
const announce = (sentence) => (told.textContent = sentence);

/** All of the page anew, as it is now that the job has ended; who was at its Stop is at the verdict. */
async function showEnd() {
  const page = await fetch(location.href).then((answer) => (answer.ok ? answer.text() : null)).catch(() => null);
  const fresh = page && new DOMParser().parseFromString(page, "text/html").getElementById("main");
  if (!fresh) return setTimeout(showEnd, AGAIN);
  const wasHere = main.querySelector("[data-making]")?.contains(document.activeElement);
  for (const place of ["[data-receipt]", ".page-actions"]) {
    const now = fresh.querySelector(place);
    if (now) main.querySelector(place)?.replaceWith(document.importNode(now, true));
  }
  announce(main.querySelector("[data-verdict]")?.textContent.trim().replace(/\s+/g, " ") ?? "It has ended.");
  if (wasHere) document.getElementById("verdict")?.focus();
}

main.addEventListener("submit", async (event) => {
  const form = event.target;
  if (form.dataset.reproduce === undefined) return;
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { Accept: "application/json" } });
    const started = await answer.json();
    if (answer.ok) return location.assign(started.receipt);
    problem.textContent = started.error.message;
  } catch {
    problem.textContent = "The server can't be reached. Try again in a moment.";
  }
  problem.hidden = false;
  button.disabled = false;
});

const making = main.querySelector("[data-making]");
if (making) showMaking(making, { announce, ended: showEnd, stoppable: Boolean(making.querySelector("form")) });
