/** Exact times on hover in the reader's own time zone and language. */

for (const time of document.querySelectorAll("time[datetime]")) {
  const at = new Date(time.dateTime);
  if (!Number.isNaN(at.valueOf())) time.title = at.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" });
}
