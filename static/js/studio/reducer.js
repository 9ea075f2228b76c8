/** The state of the studio's page and every way it changes. Pure: no DOM, no network, no clock of its own. */
import { heard } from "../governance/readiness.js";
import { applyEvent, newLive } from "./jobs.js";

const UNFINISHED = new Set(["queued", "running"]);
const FOLLOWED = 12; // until the server says how many
export const isUnfinished = (card) => UNFINISHED.has(card.state);

/** @param page the server's state document  @param {string[]} hidden ids of failures that this person has closed */
export function initialState(page, hidden = []) {
  return withLive({
    ...page,
    jobs: page.jobs.filter((card) => !hidden.includes(card.id)),
    hidden,
    live: {}, // job id → what jobs.js keeps
    over: [], // ids of those that have ended, as the greeting knew nothing of them; how is not known yet
    follow: FOLLOWED,
    connection: "connecting", // connecting | open | waiting | closed
    closed: "", // the sentence of a socket that will not come back
  });
}

const HANDLERS = {
  connection: (state, { value, closed = "" }) => ({ ...state, connection: value, closed }),
  hello: (state, { role, jobs, follow }) => added({ ...state, role, follow, over: missingIn(jobs, state) }, jobs),
  jobs: (state, { jobs }) => added(state, jobs),
  job: (state, { frame, now }) => jobEvent(state, frame, now),
  placed: (state, { ids }) => without(state, ids),
  dismissed: (state, { id }) => ({ ...without(state, [id]), hidden: [...state.hidden, id].slice(-100) }),
  models: (state, { models }) => ({ ...state, models }),
};

export function reduce(state, action) {
  const handler = HANDLERS[action.type];
  if (!handler) throw new Error(`No such action: ${action.type}`);
  return handler(state, action);
}

/** Those that are new here; what we know of the others came from their events, which are newer. */
function added(state, jobs) {
  const known = new Set([...state.jobs.map((card) => card.id), ...state.hidden]);
  const fresh = jobs.filter((card) => !known.has(card.id));
  return fresh.length ? withLive({ ...state, jobs: [...state.jobs, ...fresh] }) : state;
}

const missingIn = (jobs, state) => state.jobs.filter((card) => isUnfinished(card) && !jobs.some(({ id }) => id === card.id)).map(({ id }) => id);

const without = (state, ids) => withLive({ ...state, jobs: state.jobs.filter((card) => !ids.includes(card.id)) });

function jobEvent(state, frame, now) {
  const live = state.live[frame.job];
  if (!live) return state;
  const result = applyEvent(live, frame, now);
  if (result.finish) return finished(state, frame.job, result.finish);
  const model = state.jobs.find((card) => card.id === frame.job)?.model?.id;
  return { ...state, models: heard(state.models, model, result.live), live: { ...state.live, [frame.job]: result.live } };
}

/** A picture that is ready stays as a card until it hangs in the gallery; a failure until it is closed. */
function finished(state, id, { state: end, error, artifact }) {
  const preview = state.live[id].preview;
  if (end === "cancelled" || (end === "succeeded" && !artifact)) return without(state, [id]);
  const jobs = state.jobs.map((card) => (card.id === id ? { ...card, state: end, error: error ?? "", artifact: artifact?.id ?? null, preview } : card));
  return withLive({ ...state, jobs });
}

/** Every card that is not over has an entry in `live`, and no other has. */
function withLive(state) {
  const unfinished = state.jobs.filter(isUnfinished);
  return { ...state, live: Object.fromEntries(unfinished.map((card) => [card.id, state.live[card.id] ?? newLive(card)])) };
}

/** Cursors of the jobs to follow: those whose end wasn't told, those that are being made, then the oldest ones. */
export function cursors(state) {
  const unfinished = state.jobs.filter(isUnfinished);
  const rank = ({ id }) => (state.over.includes(id) ? 0 : state.live[id].phase !== "queued" ? 1 : 2);
  const chosen = [...unfinished].sort((one, other) => rank(one) - rank(other)).slice(0, state.follow);
  return Object.fromEntries(chosen.map(({ id }) => [id, { attempt: state.live[id].attempt, seq: state.live[id].seq }]));
}

export const arrived = (state) => state.jobs.filter((card) => card.state === "succeeded");
export const mayMake = (state) => state.role !== "viewer" && !state.frozen;
