/** A receipt whose job is still at work looks again until it has ended; Reproduce says why where it can't. */

const LOOK_MS = 1500;
const OPEN = new Set(["queued", "running"]);
const receipt = document.querySelector("[data-receipt]");
const problem = receipt.querySelector("[data-problem]");

async function look() {
  try {
    const answer = await fetch(receipt.dataset.receipt, { headers: { Accept: "application/json" } });
    if (answer.ok && !OPEN.has((await answer.json()).state)) return location.reload();
  } catch {
    // Away for a moment: it looks again.
  }
  setTimeout(look, LOOK_MS);
}

document.querySelector("[data-reproduce]")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form), headers: { Accept: "application/json" } });
    const told = await answer.json();
    if (answer.ok) return location.assign(told.receipt);
    problem.textContent = told.error.message;
  } catch {
    problem.textContent = "The server can't be reached. Try again in a moment.";
  }
  problem.hidden = false;
  button.disabled = false;
});

if (OPEN.has(receipt.dataset.state)) setTimeout(look, LOOK_MS);
