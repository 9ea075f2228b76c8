/** The conversation page: state in the middle, the socket and the person on both sides of it. */
import { toast } from "../toasts.js";
import { Commands } from "./commands.js";
import { comparing } from "./compare.js";
import { Composer } from "./composer.js";
import { offeredModels } from "./offered_models.js";
import { Outbox } from "./outbox.js";
import { Picker } from "./picker.js";
import { listenForBrought } from "./pictures/bringing.js";
import { PromptForm } from "./prompts/form.js";
import { offeredPrompts } from "./prompts/offered.js";
import { saveDialog } from "./prompts/save.js";
import { initialState, mayWrite, reduce, writing } from "./reducer.js";
import { showSettings } from "./settings.js";
import { offerSharing } from "./share.js";
import { listenForShortcuts } from "./shortcuts.js";
import { Socket } from "./socket.js";
import { createStore } from "./store.js";
import { showHeader } from "./view/header.js";
import { showPresence } from "./view/presence.js";
import { Transcript } from "./view/transcript.js";

const root = document.getElementById("chat");
const page = JSON.parse(document.getElementById("state").textContent);
const store = createStore(reduce, initialState({ ...page, frozen: root.dataset.frozen === "yes" }));
const cursors = () => Object.fromEntries(Object.entries(store.state.live).map(([job, { attempt, seq }]) => [job, { attempt, seq }]));

const FRAMES = {
  hello: (frame) => {
    store.dispatch({ type: "role", role: frame.role });
    store.dispatch({ type: "present", present: frame.present });
    outbox.hurry();
    commands.refresh();
    socket.follow(cursors());
  },
  presence: (frame) => store.dispatch({ type: "present", present: frame.present }),
  message: (frame) => store.dispatch({ type: "message", message: frame.message }),
  conversation: (frame) => store.dispatch({ type: "conversation", changes: frame.changes }),
  job: (frame) => store.dispatch({ type: "job", frame, now: performance.now() }),
  error: (frame) => {
    toast({ kind: "error", text: frame.message });
    if (frame.code === "degraded") commands.readAlong();
  },
  pong: () => {},
};

const socket = new Socket(page.urls.socket, {
  gone: "This conversation is no longer there for you.",
  onFrame: (frame) => FRAMES[frame.type]?.(frame),
  onState: (value, closed) => store.dispatch({ type: "connection", value, closed }),
  onDown: () => writing(store.state) && commands.refresh(), // HTTP may still work where the socket does not
});
const commands = new Commands(store, socket);
const outbox = new Outbox(store, (failure, prompt) => composer?.refuse(failure, prompt));

const modelName = (id) => store.state.models.find((each) => each.id === id)?.name ?? id ?? "The model";
const writable = () => mayWrite(store.state);
const context = { store, commands, outbox, modelName, writable, savePrompt: saveDialog({ store }) };
const transcript = new Transcript(root, { ...context, compare: comparing(context) });
const form = root.querySelector("[data-composer]");
const chooseModel = () => root.querySelector("[data-model-open]").click();
const composer = form && new Composer(form, { store, outbox, commands, socket, transcript, chooseModel });

if (composer) listenForBrought({ page: root, field: composer.field, attachments: composer.attachments, texts: composer.texts, store });
if (composer) offerLists();

function offerLists() {
  const prompts = offeredPrompts({ store, form: new PromptForm({ store, composer, commands }) });
  const picker = new Picker(form, { composer, sources: [prompts, offeredModels({ store, composer, commands })] });
  form.querySelector("[data-prompts]").addEventListener("click", () => picker.ask(prompts, "/"));
}

showHeader(root, { store, commands });
showPresence(root, store);
offerSharing(root, { store, modelName });
showSettings(root, { store, commands });
listenForShortcuts({ commands, composer });

let gaps = 0;
let refollowing = null;

/** Not at once for each of a burst of events behind a gap. */
function refollow() {
  refollowing ??= setTimeout(() => {
    refollowing = null;
    socket.refollow(cursors());
  }, 200);
}

store.subscribe((state) => {
  transcript.show(state);
  if (state.gaps !== gaps) refollow();
  else socket.follow(cursors());
  gaps = state.gaps;
  if (form) form.hidden = !mayWrite(state);
  root.querySelector("[data-read-only]").hidden = mayWrite(state) || Boolean(state.conversation.deleted);
});

/** To the message in the address: the branch that has it is opened. */
async function goToAddressed() {
  const id = location.hash.match(/^#message-([\w-]+)$/)?.[1];
  if (!id) return;
  if (!store.state.messages.some((each) => each.id === id)) await commands.switchTo(id);
  transcript.goTo(id);
}

transcript.follow();
goToAddressed();
addEventListener("hashchange", goToAddressed);
root.classList.add("ready");
if (composer && !location.hash && matchMedia("(pointer: fine)").matches) composer.focus();
