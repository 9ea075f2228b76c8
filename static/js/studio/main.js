/** The studio's page: state in the middle; the form, the socket and the gallery around it. */
import { get, post } from "../chat/api.js";
import { Socket } from "../chat/socket.js";
import { keep, recall } from "../chat/storage.js";
import { createStore } from "../chat/store.js";
import { tellWarnings } from "../chat/warnings.js";
import { whenLookedAt } from "../governance/readiness.js";
import { toast } from "../toasts.js";
import { offerUndo } from "../undo.js";
import { Dropping } from "./dropping.js";
import { StudioForm } from "./form.js";
import { Gallery } from "./gallery.js";
import { LiveCards } from "./live.js";
import { QuoteLine } from "./quote.js";
import { arrived, cursors, initialState, isUnfinished, mayMake, reduce } from "./reducer.js";
import { Selecting } from "./selecting.js";
import { SendId } from "./sending.js";
import { listenForShortcuts } from "./shortcuts.js";

const AGAIN = 3000; // milliseconds until a picture that couldn't be fetched is asked for once more
const root = document.querySelector("[data-studio]");
const page = JSON.parse(document.getElementById("state").textContent);
const closedKey = `atrium.studio.closed.${page.project.id}`;
const store = createStore(reduce, initialState(page, recall(closedKey) ?? []));
const gallery = new Gallery(root, page);
const selecting = new Selecting(root, { gallery, state: page });
const sendId = new SendId();

const FRAMES = {
  hello: (frame) => store.dispatch(frame),
  jobs: (frame) => store.dispatch(frame),
  job: (frame) => store.dispatch({ type: "job", frame, now: performance.now() }),
  gone: (frame) => gallery.remove(frame.pictures),
  back: (frame) => gallery.arrive(frame.pictures),
  error: (frame) => toast({ kind: "error", text: frame.message }),
  pong: () => {},
};

const socket = new Socket(page.urls.socket, {
  gone: "This project is no longer there for you.",
  onFrame: (frame) => FRAMES[frame.type]?.(frame),
  onState: (value, closed) => store.dispatch({ type: "connection", value, closed }),
  onDown: () => {},
});

const element = root.querySelector("[data-form]");
const quote = element && new QuoteLine(element, { url: page.urls.quote, form: () => form });
const form = element && new StudioForm(element, { state: page, onChange: () => quote.soon(), onSubmit: make });

async function make() {
  const go = element.querySelector("[data-go]");
  if (go.disabled) return;
  go.disabled = true;
  form.complain({});
  const { values } = form;
  try {
    const { jobs, warnings } = await post(page.urls.submit, { ...values, client_id: sendId.of(values) });
    sendId.done();
    store.dispatch({ type: "jobs", jobs: jobs.filter(isUnfinished) });
    tellWarnings(warnings);
    form.open(false);
    root.querySelector("[data-live-section]").scrollIntoView({ block: "nearest" });
    quote.soon();
  } catch (failure) {
    form.complain(failure.retry ? { message: `${failure.message} Press again: nothing is made twice.` } : failure);
  } finally {
    go.disabled = false;
  }
}

async function cancel(id) {
  if (socket.send({ type: "cancel", job: id })) return;
  await post(page.urls.cancel.replace("{id}", id)).catch((failure) => toast({ kind: "error", text: failure.message }));
}

function retry(card) {
  form?.take({ model: card.model.id, model_name: card.model.name, params: card.params }, "The form has its settings now.");
  form?.focus();
}

function dismiss(id) {
  store.dispatch({ type: "dismissed", id });
  keep(closedKey, store.state.hidden);
}

new LiveCards(root, { store, cancel, retry, dismiss });
if (form) {
  new Dropping(root, { url: page.urls.read, form: () => form, limits: page.limits });
  element.querySelector("[data-models-refused]").addEventListener("toggle", readModels, true);
  whenLookedAt([form.model, form.root.elements.prompt], readModels);
}
listenForShortcuts(root, { form, selecting });

/** Somebody may have been given access meanwhile, or a model been loaded. Quiet where that fails. */
async function readModels() {
  const found = await get(page.urls.models).catch(() => null);
  if (found) store.dispatch({ type: "models", models: found.models });
}

let hanging = false;

/** Finished pictures go from their cards into the gallery. */
async function hang(state) {
  const ready = arrived(state);
  if (!ready.length || hanging) return;
  hanging = true;
  const went = await gallery.arrive(ready.map((card) => card.artifact));
  hanging = false;
  if (went) store.dispatch({ type: "placed", ids: ready.map((card) => card.id) });
  else setTimeout(() => hang(store.state), AGAIN);
}

function showConnection({ connection, closed }) {
  const chip = root.querySelector("[data-connection]");
  chip.hidden = connection !== "waiting" && connection !== "closed";
  chip.querySelector("span").textContent = closed || "Reconnecting…";
}

store.subscribe((state) => {
  socket.follow(cursors(state));
  showConnection(state);
  hang(state);
  if (form && form.models !== state.models) form.setModels(state.models);
  if (element) element.hidden = !mayMake(state);
});

root.addEventListener("click", (event) => {
  const example = event.target.closest("[data-example]");
  if (!example || !form) return;
  form.take({ params: { prompt: example.dataset.example } }, "The example is in the place of what you had written.");
  make();
});
offerUndo();
if (page.recalled || new URLSearchParams(location.search).has("use")) history.replaceState(null, "", page.urls.studio);
