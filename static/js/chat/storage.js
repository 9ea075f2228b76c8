/** What this device keeps: drafts and prompts on their way. A browser that forbids storage only forgets them. */

export function keep(key, value) {
  try {
    if (value === null || value === "") localStorage.removeItem(key);
    else localStorage.setItem(key, JSON.stringify(value));
  } catch {
    /* full or forbidden: the page goes on without */
  }
}

export function recall(key) {
  try {
    return JSON.parse(localStorage.getItem(key) ?? "null");
  } catch {
    return null;
  }
}
