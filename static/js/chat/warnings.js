/** Quotas that are nearly used up: each is told once while the page is open, not with every prompt. */
import { toast } from "../toasts.js";

const told = new Set();
const withoutPercent = (text) => text.replace(/\d+ %/, "");

/** @param {string[]|undefined} warnings sentences */
export function tellWarnings(warnings) {
  for (const text of warnings ?? []) {
    if (told.has(withoutPercent(text))) continue;
    told.add(withoutPercent(text));
    toast({ kind: "info", text });
  }
}
