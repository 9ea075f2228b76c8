/** How an answer ended: its numbers, why it stopped, what to do about it. */
import { el, icon } from "../../dom.js";
import { asksForJson } from "../../formats.js";
import { isJson } from "../../json.js";
import { figures } from "./figures.js";

const button = (label, name, run) => el("button", { type: "button", class: "btn btn-small", onclick: run }, icon(name), label);

/** @returns {Node[]} the line under a finished answer */
export function outcome(message, context) {
  const { job } = message;
  if (!job) return message.role === "assistant" && !message.text ? [unanswered(message, context)] : [];
  if (job.state === "failed") return [failed(message, context)];
  const nodes = [];
  const more = () => context.writable() && button("Continue", "corner-down-left", () => context.outbox.send("Continue.", message.id));
  if (job.state === "cancelled" || job.finish_reason === "cancelled") nodes.push(stopped(job, job.error_code === "deadline" && more()));
  if (job.finish_reason === "length") nodes.push(note("info", "Reached the length limit.", more()));
  if (!message.text && !message.tool_calls?.length && job.state === "succeeded" && job.finish_reason !== "length") nodes.push(note("info", silence(job)));
  if (message.text && asksForJson(job.format) && job.finish_reason === "stop" && !isJson(message.text)) nodes.push(note("circle-alert", NOT_JSON));
  const line = figuresLine(job);
  if (line) nodes.push(line);
  return nodes;
}

/** @returns {Node|null} counts and times of a job that is over, with the way to its receipt */
export function figuresLine(job) {
  const numbers = figures(job.usage ?? {});
  return numbers ? el("span", { class: "msg-figures" }, numbers, ...(job.state === "succeeded" ? [" · ", receipt(job)] : [])) : null;
}

const NOT_JSON = "This is not complete JSON: a stop string ended it, or the server of this model does not keep to formats.";

const silence = ({ usage }) => (usage?.reasoning_tokens ? "The model thought, and ended without an answer." : "The model ended at once, without a word.");

function failed(message, context) {
  const sentence = message.job.error || "This answer failed.";
  const retry = context.writable() && button("Try again", "refresh-cw", () => context.commands.regenerate(message));
  return el("div", { class: "notice notice-bad msg-failed", role: "group" }, icon("circle-alert"), el("p", {}, sentence), retry);
}

/** By a person; or because it was no longer allowed or took too long, and then with the reason. */
function stopped(job, more) {
  return job.error ? note("circle-alert", `Stopped. ${job.error}`, more) : note("square", "Stopped before the end.");
}

/** The last prompt of a shared conversation that somebody goes on with. */
function unanswered(message, context) {
  return note("info", "Not answered yet.", context.writable() && button("Answer it", "sparkles", () => context.commands.regenerate(message)));
}

function note(name, words, ...more) {
  return el("span", { class: "msg-note" }, icon(name), words, ...more);
}

const receipt = (job) => el("a", { href: `/jobs/${job.id}/receipt/`, title: "What decided this answer, and making it again" }, "Receipt");
