/** What every page has: the drawer, menus, tabs, colours, toasts and small form manners. */
import "./drawer.js";
import "./menus.js";
import "./theme.js";
import "./confirm.js";
import "./copy.js";
import "./localtime.js";
import "./tabs.js";
import { adopt } from "./toasts.js";

adopt(document);
// Where one is may be further down in a long sidebar than a low window shows.
document.querySelector(".sidebar-scroll [aria-current]")?.scrollIntoView({ block: "nearest" });
