/** The sidebar as a drawer on narrow screens: the rest is inert while it is open, Escape closes it. */

const sidebar = document.getElementById("sidebar");
const behind = document.querySelector(".main");
const opener = document.querySelector("[data-drawer-open]");

const isOpen = () => document.body.classList.contains("drawer-open");

function set(open) {
  document.body.classList.toggle("drawer-open", open);
  behind.inert = open;
  opener?.setAttribute("aria-expanded", String(open));
  if (open) sidebar.querySelector("a, button")?.focus();
  else opener?.focus();
}

if (sidebar && behind) {
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-drawer-open]")) set(true);
    else if (isOpen() && event.target.closest("[data-drawer-close]")) set(false);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && isOpen() && !event.defaultPrevented) {
      event.preventDefault();
      set(false);
    }
  });
  matchMedia("(width > 860px)").addEventListener("change", () => isOpen() && set(false));
}
