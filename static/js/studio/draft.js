/** What stands in the form when something else fills it: what would be lost, and which model that needs. Pure. */

const SIZE = ["width", "height"]; // there always, and seldom typed

/** @returns {boolean} whether somebody might miss something of `before` in `after` */
export const loses = (before, after) => Object.entries(before.params).some(([name, value]) => !SIZE.includes(name) && `${value ?? ""}`.trim() && after.params[name] !== value);

/**
 * @param {{model?, model_name?, source_model?, params?}} given  `model_name` says what it was made with, `source_model`
 *   which model made the picture to start from
 * @param {object[]} models that the page knows  @param {string} current the id of the one that is chosen
 * @returns {{id: string, told: string[]}} the one to choose, and sentences about what can't be as it was
 */
export function modelFor({ model, model_name: name, source_model: own, params = {} }, models, current) {
  const usable = models.filter((each) => each.allowed);
  const called = (id) => usable.find((each) => each.id === id);
  const told = name && !called(model) ? [`Its model, ${name}, is not available here: yours stays chosen.`] : [];
  let chosen = called(model) ?? models.find((each) => each.id === current);
  if (params.source && chosen && !chosen.facts.takes_source) {
    const instead = called(own)?.facts.takes_source ? called(own) : null;
    told.push(instead ? `${chosen.name} can't start from a picture, so ${instead.name} is chosen, which made it.` : withoutSource(chosen, usable));
    chosen = instead ?? chosen;
  }
  if (params.mask && chosen?.facts.takes_source && !chosen.facts.takes_mask) told.push(`${chosen.name} takes no mask: all of the picture may change.`);
  return { id: chosen?.id ?? current, told };
}

function withoutSource(chosen, usable) {
  const names = usable.filter((each) => each.facts.takes_source).map((each) => each.name);
  const way = names.length ? `Choose one that can (${names.join(", ")}), and the picture is used.` : "No model that you may use here can.";
  return `${chosen.name} can't start from a picture. ${way}`;
}
