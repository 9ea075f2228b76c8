/** Whether the chosen model sees pictures, and in words why they can't be shown to it. Pure. */

const listed = new Intl.ListFormat("en", { type: "disjunction" });

export const chosenModel = ({ models, conversation }) => models.find((each) => each.id === conversation.model);

/** Where no model sees, nothing is offered. */
export const someSee = ({ models }) => models.some((each) => each.sees);

export const holdsPictures = ({ messages }) => messages.some((each) => each.pictures?.length);

/** @returns {string} "" where the chosen model sees */
export function whyBlind(state) {
  const model = chosenModel(state);
  if (model?.sees) return "";
  const seeing = state.models.filter((each) => each.sees && each.allowed).map((each) => each.name);
  const way = seeing.length ? `To ask about pictures, choose ${listed.format(seeing)}.` : "No model that you may use here sees pictures.";
  return `${model ? `${model.name} reads text only.` : "No model is chosen."} ${way}`;
}
