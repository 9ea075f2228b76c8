/** Colours for code, by vendored highlight.js with the languages that people ask models for. */
import hljs from "../vendor/highlight/core.js";
import bash from "../vendor/highlight/languages/bash.js";
import c from "../vendor/highlight/languages/c.js";
import cpp from "../vendor/highlight/languages/cpp.js";
import csharp from "../vendor/highlight/languages/csharp.js";
import css from "../vendor/highlight/languages/css.js";
import diff from "../vendor/highlight/languages/diff.js";
import dockerfile from "../vendor/highlight/languages/dockerfile.js";
import go from "../vendor/highlight/languages/go.js";
import ini from "../vendor/highlight/languages/ini.js";
import java from "../vendor/highlight/languages/java.js";
import javascript from "../vendor/highlight/languages/javascript.js";
import json from "../vendor/highlight/languages/json.js";
import kotlin from "../vendor/highlight/languages/kotlin.js";
import lua from "../vendor/highlight/languages/lua.js";
import makefile from "../vendor/highlight/languages/makefile.js";
import markdown from "../vendor/highlight/languages/markdown.js";
import php from "../vendor/highlight/languages/php.js";
import powershell from "../vendor/highlight/languages/powershell.js";
import python from "../vendor/highlight/languages/python.js";
import r from "../vendor/highlight/languages/r.js";
import ruby from "../vendor/highlight/languages/ruby.js";
import rust from "../vendor/highlight/languages/rust.js";
import scala from "../vendor/highlight/languages/scala.js";
import sql from "../vendor/highlight/languages/sql.js";
import swift from "../vendor/highlight/languages/swift.js";
import typescript from "../vendor/highlight/languages/typescript.js";
import xml from "../vendor/highlight/languages/xml.js";
import yaml from "../vendor/highlight/languages/yaml.js";

const LANGUAGES = { bash, c, cpp, csharp, css, diff, dockerfile, go, ini, java, javascript, json, kotlin, lua, makefile };
Object.assign(LANGUAGES, { markdown, php, powershell, python, r, ruby, rust, scala, sql, swift, typescript, xml, yaml });
for (const [name, language] of Object.entries(LANGUAGES)) hljs.registerLanguage(name, language);

const MAX_CHARS = 30_000;
const CLASS = /^(?:hljs-[\w-]+|[a-z]+_)( (?:hljs-[\w-]+|[a-z]+_))*$/;

/** How a language is called on its label: "Python", or what the author wrote, or "Code". */
export function languageLabel(name) {
  return hljs.getLanguage(name)?.name?.split(",")[0] || name || "Code";
}

/** Puts `code` into `target` as text with coloured spans; plain where the language is unknown or the code very long. */
export function highlightInto(target, code, language) {
  if (!hljs.getLanguage(language) || code.length > MAX_CHARS) {
    target.textContent = code;
    return;
  }
  const { value } = hljs.highlight(code, { language, ignoreIllegals: true });
  const parsed = new DOMParser().parseFromString(value, "text/html"); // inert: nothing in it runs or loads
  target.replaceChildren(...copied(parsed.body.childNodes));
}

/** Only text and spans with highlight.js's own classes, whatever was parsed. */
function copied(nodes) {
  return [...nodes].map((node) => {
    if (node.nodeType === Node.TEXT_NODE) return document.createTextNode(node.data);
    const span = document.createElement("span");
    if (CLASS.test(node.className)) span.className = node.className;
    span.append(...copied(node.childNodes));
    return span;
  });
}
