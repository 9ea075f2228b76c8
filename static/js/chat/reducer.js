/** The state of the chat page and every way it changes. Pure: no DOM, no network, no clock of its own. */
import { heard } from "../governance/readiness.js";
import { applyEvent, newLive } from "./jobs.js";

const OVER = new Set(["succeeded", "failed", "cancelled"]);
export const isOver = (job) => !job || OVER.has(job.state);

/** @param page the server's state document */
export function initialState(page) {
  return withLive({
    ...page,
    present: [],
    connection: "connecting", // connecting | open | waiting | closed
    closed: "", // the sentence of a socket that will not come back
    live: {}, // job id → what jobs.js keeps
    gaps: 0, // grows when a follower has to start again
    pending: null, // {client_id, text, parent, from, pictures, state: sending|waiting}
    busy: false, // another request that changes the path is under way
    compared: null, // alternatives that stand beside each other: [message], oldest first
  });
}

const HANDLERS = {
  connection: (state, { value, closed = "" }) => ({ ...state, connection: value, closed }),
  present: (state, { present }) => ({ ...state, present }),
  role: (state, { role }) => ({ ...state, role }),
  conversation: (state, { changes }) => ({ ...state, conversation: { ...state.conversation, ...changes } }),
  models: (state, { models }) => ({ ...state, models }),
  busy: (state, { on }) => ({ ...state, busy: on }),
  path: (state, { messages, leaf }) => withLive({ ...state, messages: keepKnown(state, messages), leaf }),
  compared: (state, { messages }) => withLive({ ...state, compared: messages && keepKnown(state, messages) }),
  pending: (state, { pending }) => ({ ...state, pending }),
  sent: (state, { messages }) => sent(state, messages),
  message: (state, { message }) => arrived(state, message),
  rated: (state, { id, rating }) => changed(state, (each) => each.id === id, (each) => ({ ...each, run: { ...each.run, rating } })),
  job: (state, { frame, now }) => jobEvent(state, frame, now),
};

export function reduce(state, action) {
  const handler = HANDLERS[action.type];
  if (!handler) throw new Error(`No such action: ${action.type}`);
  return handler(state, action);
}

/** The answer of a send or a regenerate: the page goes to that branch. */
function sent(state, messages) {
  const parent = messages[0].parent;
  const at = parent ? state.messages.findIndex((each) => each.id === parent) : -1;
  if (parent && at < 0) return { ...state, pending: null };
  const kept = state.messages.slice(0, at + 1);
  return withLive({ ...state, messages: [...kept, ...keepKnown(state, messages)], leaf: messages.at(-1).id, pending: null });
}

/** Everything that is shown: the path, and what is compared; a message may be in both. */
const known = ({ messages, compared }) => [...messages, ...(compared ?? [])];

/** The state with the messages that `which` tells replaced by what `how` makes of each, wherever they are shown. */
function changed(state, which, how) {
  const renew = (messages) => messages && messages.map((each) => (which(each) ? how(each) : each));
  return { ...state, messages: renew(state.messages), compared: renew(state.compared) };
}

/** A message that the socket told of. */
function arrived(state, message) {
  return joined(onPath(state, message), message);
}

/** Among those that are compared, where it is one of them. */
function joined(state, message) {
  const { compared } = state;
  if (!compared || compared[0]?.parent !== message.parent || compared.some((each) => each.id === message.id)) return state;
  return withLive({ ...state, compared: [...compared, message] });
}

/** Alternatives elsewhere in the tree only change the counts of the switchers. */
function onPath(state, message) {
  if (state.messages.some((each) => each.id === message.id) || isOwnPending(state, message)) return state;
  if (message.parent === state.leaf || (!message.parent && !state.messages.length)) {
    return withLive({ ...state, messages: [...state.messages, message], leaf: message.id });
  }
  const beside = new Set(message.siblings);
  return changed(state, (each) => beside.has(each.id), (each) => ({ ...each, siblings: message.siblings }));
}

/** Our own prompt on its way back before the answer to the POST: that answer will bring it. */
function isOwnPending({ pending, user }, message) {
  return Boolean(pending) && message.user?.id === user.id && message.parent === pending.parent;
}

function jobEvent(state, frame, now) {
  const live = state.live[frame.job];
  if (!live) return state;
  const result = applyEvent(live, frame, now);
  if (result.gap) return { ...state, gaps: state.gaps + 1 };
  if (result.finish) return finished(state, frame.job, result);
  const model = known(state).find((each) => each.job?.id === frame.job)?.job.model;
  return { ...state, models: heard(state.models, model, result.live), live: { ...state.live, [frame.job]: result.live } };
}

function finished(state, id, { live, finish }) {
  const { [id]: _, ...rest } = state.live;
  const { state: end, finish_reason, error_code, error, usage } = finish;
  const whole = finish.text !== undefined;
  const said = {
    text: whole ? finish.text : live.text,
    reasoning: whole ? (finish.reasoning ?? "") : live.reasoning,
    tool_calls: whole ? (finish.tool_calls ?? []) : live.calls,
  };
  const ended = (each) => ({ ...each, ...said, job: { ...each.job, state: end, finish_reason, error_code, error, usage } });
  return changed({ ...state, live: rest }, (each) => each.job?.id === id, ended);
}

/** A job that ended for us does not come back to life because an older answer arrives late. */
function keepKnown(state, messages) {
  const ended = new Map(known(state).filter((each) => each.job && isOver(each.job)).map((each) => [each.id, each]));
  return messages.map((each) => {
    if (isOver(each.job) || !ended.has(each.id)) return each;
    const { job, text, reasoning, tool_calls } = ended.get(each.id);
    return { ...each, job, text, reasoning, tool_calls };
  });
}

/** Every job of what is shown that is not over has an entry in `live`, and no other has. */
function withLive(state) {
  const unfinished = known(state).filter((each) => !isOver(each.job));
  const live = Object.fromEntries(unfinished.map(({ job }) => [job.id, state.live[job.id] ?? newLive(job)]));
  return { ...state, live };
}

/** The path as it is shown: with the prompt that is still on its way, and without what its branch hides. */
export function shownMessages(state) {
  const { pending, messages } = state;
  if (!pending) return messages;
  const at = pending.parent ? messages.findIndex((each) => each.id === pending.parent) : -1;
  if (pending.parent && at < 0) return messages;
  const prompt = { id: "pending", parent: pending.parent, role: "user", text: pending.text, pictures: pending.pictures ?? [], user: state.user, siblings: [], job: null, pending: pending.state };
  return [...messages.slice(0, at + 1), prompt];
}

export const mayWrite = (state) => state.role !== "viewer" && !state.frozen && !state.conversation.deleted;
export const generating = (state) => state.messages.findLast((each) => !isOver(each.job)) ?? null;
/** Whether anything that is shown is being written. */
export const writing = (state) => Object.keys(state.live).length > 0;
