/** The library: what was deleted a moment ago can come back. */
import { offerUndo } from "../undo.js";

offerUndo();
