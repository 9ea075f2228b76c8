/** Editing a prompt where it stands: the changed one becomes a new branch, Escape leaves all as it was. */
import { el } from "../../dom.js";

export function openEditor(view, message) {
  if (view.root.querySelector(".msg-editor")) return;
  const field = el("textarea", { class: "input", value: message.text, rows: 3, "aria-label": "Edit your message" });
  const close = () => {
    form.remove();
    view.body.hidden = !message.text;
    view.foot.hidden = false;
    view.root.focus({ preventScroll: true });
  };
  const form = el(
    "form",
    {
      class: "msg-editor",
      onsubmit: (event) => {
        event.preventDefault();
        const { pictures = [] } = message;
        if ((!field.value.trim() && !pictures.length) || field.value === message.text) return close();
        close();
        view.context.outbox.send(field.value, message.parent, { pictures });
      },
      onkeydown: (event) => {
        if (event.isComposing) return;
        if (event.key === "Escape") {
          event.preventDefault();
          event.stopPropagation();
          close();
        } else if (event.key === "Enter" && !event.shiftKey) {
          event.preventDefault();
          form.requestSubmit();
        }
      },
    },
    field,
    el(
      "div",
      { class: "row" },
      el("button", { class: "btn btn-primary btn-small" }, "Send"),
      el("button", { class: "btn btn-quiet btn-small", type: "button", onclick: close }, "Cancel"),
      el("span", { class: "muted small" }, "The old version stays; switch between them below the message."),
    ),
  );
  view.body.hidden = view.foot.hidden = true;
  view.body.after(form);
  field.focus();
  field.setSelectionRange(field.value.length, field.value.length);
}
