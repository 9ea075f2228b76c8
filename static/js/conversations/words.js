/** What a conversation of a file is, in words. Pure. */

const many = (number, one, more) => `${number.toLocaleString()} ${number === 1 ? one : more}`;

/** "24 messages, 3 branches · gpt-4o · 3 May 2024 · ChatGPT" */
export function about({ messages, branches, model, at, form }) {
  const size = [many(messages, "message", "messages"), branches > 1 && many(branches, "branch", "branches")].filter(Boolean).join(", ");
  const day = at && new Date(at).toLocaleDateString([], { dateStyle: "medium" });
  return [size, model, day, form].filter(Boolean).join(" · ");
}

/** Whether as much of it is here already; what grew since is new. */
export const isHere = (each) => Boolean(each.here?.is_same);

/** "9 of 12 chosen, 1 already here, 2 can't be imported" */
export function counted(chosen, conversations) {
  const here = conversations.filter(isHere).length;
  const wrong = conversations.filter((each) => each.problem).length;
  const told = `${chosen.toLocaleString()} of ${conversations.length.toLocaleString()} chosen`;
  return [told, here && `${here.toLocaleString()} already here`, wrong && `${wrong.toLocaleString()} can’t be imported`].filter(Boolean).join(", ");
}
