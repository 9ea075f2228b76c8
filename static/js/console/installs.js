/** Installs as they go on: their rows are asked for again every second while one of them is unfinished. */

const EVERY = 1000; // milliseconds
const AFTER_FAILURE = 5000;
const place = document.querySelector("[data-live]");
const announce = document.querySelector("[data-announce]");

const rowsIn = (root) => new Map([...root.querySelectorAll("[data-install]")].map((row) => [row.id, row]));
const name = (row) => row.querySelector("strong").textContent;

/** Keeps what has the focus: of a row in the same state only its figures and its bar change. */
function update(fresh) {
  const before = rowsIn(place);
  const after = rowsIn(fresh);
  if (before.size !== after.size || [...after.keys()].some((id) => !before.has(id))) {
    place.replaceChildren(...fresh.childNodes);
    return;
  }
  for (const [id, row] of after) {
    const old = before.get(id);
    if (old.dataset.install === row.dataset.install) {
      old.querySelector("[data-figures]").textContent = row.querySelector("[data-figures]").textContent;
      const bar = old.querySelector("progress");
      if (bar) bar.value = row.querySelector("progress").value;
    } else {
      const held = old.contains(document.activeElement);
      announce.textContent = `${name(row)}: ${row.querySelector(".badge").textContent}`;
      old.replaceWith(row);
      if (held) row.querySelector("button, a")?.focus();
    }
  }
}

async function read() {
  let wait = EVERY;
  if (!document.hidden && !document.getElementById("confirm")?.open) {
    try {
      const answer = await fetch(place.dataset.live, { headers: { Accept: "text/html" } });
      if (answer.redirected || answer.status === 403 || answer.status === 404) return location.reload();
      if (!answer.ok) throw new Error(answer.statusText);
      update(new DOMParser().parseFromString(await answer.text(), "text/html").body);
    } catch {
      wait = AFTER_FAILURE; // the site may be away for a moment; what is shown stays
    }
  }
  if (place.querySelector("[data-unfinished]")) setTimeout(read, wait);
}

if (place?.querySelector("[data-unfinished]")) setTimeout(read, EVERY);
