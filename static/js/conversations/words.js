/** What a conversation of a file is, in words. Pure. */

const many = (number, one, more) => `${number.toLocaleString()} ${number === 1 ? one : more}`;

/** "24 messages, 3 branches · gpt-4o · 3 May 2024 · ChatGPT" */
export function about({ messages, branches, model, at, form }) {
  const size = [many(messages, "message", "messages"), branches > 1 && many(branches, "branch", "branches")].filter(Boolean).join(", ");
  const day = at && new Date(at).toLocaleDateString([], { dateStyle: "medium" });
  return [size, model, day, form].filter(Boolean).join(" · ");
}

/** "10 of 12 chosen, 2 can't be imported" */
export function counted(chosen, conversations) {
  const wrong = conversations.filter((each) => each.problem).length;
  const told = `${chosen.toLocaleString()} of ${conversations.length.toLocaleString()} chosen`;
  return wrong ? `${told}, ${wrong.toLocaleString()} can’t be imported` : told;
}
