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
