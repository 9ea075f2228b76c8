/** <details class="menu">: one open at a time; a click outside, a choice or Escape closes it; arrows move inside. */

const openMenus = () => document.querySelectorAll("details.menu[open]");

function closeMenus(except = null) {
  for (const menu of openMenus()) if (!menu.contains(except)) menu.open = false;
}

function move(menu, step) {
  const items = [...menu.querySelectorAll(".menu-items :is(a, button):not(:disabled)")];
  const at = items.indexOf(document.activeElement);
  items.at((at + step + items.length) % items.length)?.focus();
}

document.addEventListener("click", (event) => {
  closeMenus(event.target);
  const chosen = event.target.closest(".menu-items > button, .menu-items > a");
  if (chosen) chosen.closest("details").open = false;
});

document.addEventListener("keydown", (event) => {
  const menu = event.target.closest?.("details.menu") ?? openMenus()[0];
  if (!menu?.open) return;
  if (event.key === "Escape") {
    event.preventDefault();
    menu.open = false;
    menu.querySelector("summary").focus();
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    move(menu, event.key === "ArrowDown" ? 1 : -1);
  }
});
