/**
 * What this device keeps: drafts and prompts on their way. Each person has their own: whoever signs in next at this
 * browser finds none of it. A browser that forbids storage only forgets them.
 */
const own = (key) => `${key}.${document.documentElement.dataset.person}`;

export function keep(key, value) {
  try {
    if (value === null || value === "") localStorage.removeItem(own(key));
    else localStorage.setItem(own(key), JSON.stringify(value));
  } catch {
    /* full or forbidden: the page goes on without */
  }
}

export function recall(key) {
  try {
    return JSON.parse(localStorage.getItem(own(key)) ?? "null");
  } catch {
    return null;
  }
}
