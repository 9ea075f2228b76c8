/** `@` in what is written: where it stands, and which models it means. Pure. */

const AT_CARET = /(?:^|\s)@([^\s@]{0,60})$/;

/** What follows an `@` at the start of a word, up to the caret; undefined where there is none. */
export const mentioned = (text, caret) => AT_CARET.exec(text.slice(0, caret))?.[1];

/** The text without the word that was asked with, and where the caret then is. */
export function withoutMention(text, caret) {
  const word = mentioned(text, caret);
  if (word === undefined) return { text, caret };
  const start = caret - word.length - 1;
  return { text: text.slice(0, start) + text.slice(caret), caret: start };
}

/** Those of the models that may be used here whose name has the word: first those in which one begins with it. */
export function modelsFor(models, word) {
  const wanted = word.toLowerCase();
  const rank = ({ id, name }) => {
    const told = `${name} ${id}`.toLowerCase();
    return told.split(/[\s/_-]+/).some((part) => part.startsWith(wanted)) ? 0 : told.includes(wanted) ? 1 : 2;
  };
  const ranked = models.filter((each) => each.allowed).map((model) => ({ model, rank: rank(model) }));
  return ranked.filter((each) => each.rank < 2).sort((one, other) => one.rank - other.rank).map((each) => each.model);
}
