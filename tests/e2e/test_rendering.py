"""Hostile and unfinished model output in a real browser: shown as text, run by nobody, loaded from nowhere."""

from __future__ import annotations

import functools
import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request, Route

pytestmark = pytest.mark.e2e

STATIC = Path(__file__).parents[2] / "static"
POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'"
PAGE = (
    '<!DOCTYPE html><html lang="en" data-icons="/img/icons.svg"><title>x</title>'
    '<div id="toasts"></div><div id="out"></div>'
)

RENDER = """async ([text, steps]) => {
  const { Prose } = await import("/js/prose.js");
  const root = document.getElementById("out");
  root.replaceChildren();
  const prose = new Prose(root);
  for (let at = 1; at <= steps; at += 1) prose.update(text.slice(0, Math.ceil(text.length * at / steps)), at < steps);
  return root.innerHTML;
}"""

FORBIDDEN = "script, img, iframe, svg:not(.icon), style, link, form, input, object, embed, math, video, audio, base"
HOSTILE = {
    "script": "<script>window.hacked = 1</script>",
    "script in a paragraph": "hello <script src=https://evil.example/x.js></script> world",
    "onerror": '<img src=x onerror="window.hacked = 1">',
    "svg": "<svg onload=window.hacked=1><script>window.hacked=1</script></svg>",
    "math mutation": '<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=x=1&gt;">',
    "iframe": '<iframe srcdoc="<script>parent.hacked=1</script>"></iframe>',
    "style": "<style>body{display:none}</style><link rel=stylesheet href=https://evil.example/x.css>",
    "form": '<form action="https://evil.example"><input autofocus onfocus=window.hacked=1><button>Go</button></form>',
    "javascript link": "[click](javascript:window.hacked=1)",
    "javascript link in entities": "[a](&#106;avascript&colon;window.hacked=1) [b](java&#10;script:window.hacked=1)",
    "data link": "[click](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==) [v](vbscript:x)",
    "autolink": "<javascript:window.hacked=1>",
    "attribute breakout": '[x](https://a.example/"onmouseover="hacked=1) ![y](https://a.example/"onerror="hacked=1)',
    "title breakout": '[x](https://a.example "t\\" onclick=window.hacked=1 x=\\"")',
    "language breakout": '```"><img src=x onerror=hacked=1>\nc\n```\n\n- a\n\n  ```x" onclick="hacked=1\n  c\n  ```',
    "code": "```html\n<img src=x onerror=window.hacked=1></code></pre><script>window.hacked=1</script>\n```",
    "remote image": "![tracker](https://evil.example/pixel.png) ![p](//evil.example/p.png) ![r](/accounts/logout/)",
    "reference image": "![t][r]\n\n[r]: https://evil.example/pixel.png",
    "clobbering": '<a id="toasts">x</a><img name=getElementById><form id=document></form>',
    "css class": '<span class="dialog toast">x</span>',
    "deep nesting": "> " * 200 + "deep\n" + "- " * 200 + "x",
}  # fmt: skip


class Quiet(http.server.SimpleHTTPRequestHandler):
    """The static files, and one page under the site's own Content-Security-Policy."""

    extensions_map = {**http.server.SimpleHTTPRequestHandler.extensions_map, ".js": "text/javascript"}

    def do_GET(self) -> None:
        if self.path != "/":
            super().do_GET()
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Security-Policy", POLICY)
        self.end_headers()
        self.wfile.write(PAGE.encode())

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(STATIC)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


class Sheet:
    """A page that renders, and remembers every request and every complaint since it was cleared."""

    def __init__(self, page: Page, address: str) -> None:
        self.page, self.address = page, address
        self.asked: list[str] = []
        self.complaints: list[str] = []
        page.on("request", self._note)
        page.on("console", lambda message: self.complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append(dialog.message))
        page.route("**/*evil.example*/**", lambda route: self._refuse(route))
        page.goto(address)

    def clear(self) -> None:
        """As if it had just been opened, but for the modules, which are there already."""
        self.page.evaluate("() => { delete window.hacked; document.getElementById('out').replaceChildren(); }")
        self.asked.clear()
        self.complaints.clear()

    def _note(self, request: Request) -> None:
        self.asked.append(request.url)

    def _refuse(self, route: Route) -> None:
        route.abort()

    def render(self, text: str, *, steps: int = 1) -> str:
        return str(self.page.evaluate(RENDER, [text, steps]))

    def count(self, selector: str) -> int:
        return self.page.locator(f"#out {selector}").count()


@pytest.fixture(scope="module")
def only_sheet(browser: Browser, address: str) -> Iterator[Sheet]:
    """One for all tests: each page of its own would be a process of its own, which loads the modules again."""
    context = browser.new_context()
    yield Sheet(context.new_page(), address)
    context.close()


@pytest.fixture
def sheet(only_sheet: Sheet) -> Sheet:
    only_sheet.clear()
    return only_sheet


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("steps", [1, 17])
def test_hostile_output_is_inert(sheet: Sheet, name: str, steps: int) -> None:
    sheet.render(HOSTILE[name], steps=steps)
    sheet.page.mouse.move(10, 10)
    sheet.page.wait_for_timeout(30)
    assert sheet.page.evaluate("window.hacked") is None
    assert sheet.count(f":is({FORBIDDEN})") == 0
    attributes = sheet.page.evaluate(
        """() => [...document.querySelectorAll("#out *")].flatMap((node) => [...node.attributes])
            .map(({ name }) => name).filter((name) => /^on|^style$|^src|^srcdoc$|^action$|^id$|^name$/.test(name))"""
    )
    assert attributes == []
    links = sheet.page.evaluate("[...document.querySelectorAll('#out a[href]')].map((each) => each.href)")
    assert all(link.startswith(("https://", "http://", "mailto:")) for link in links), links
    assert all(url.startswith(sheet.address) for url in sheet.asked)
    assert sheet.complaints == []


def test_what_was_html_is_shown_as_text(sheet: Sheet) -> None:
    sheet.render("Use <b>bold</b> and <script>x</script> tags.")
    assert sheet.page.locator("#out").inner_text() == "Use <b>bold</b> and <script>x</script> tags."


def test_links_tell_nobody_where_they_were_followed(sheet: Sheet) -> None:
    sheet.render(
        "[docs](https://example.org/a) <https://example.org/b> [here](/accounts/logout/) [mail](mailto:a@b.example)"
    )
    links = sheet.page.locator("#out a")
    assert links.nth(0).get_attribute("rel") == "noopener noreferrer nofollow"
    assert links.nth(0).get_attribute("target") == "_blank"
    assert links.nth(2).get_attribute("href") is None
    assert links.nth(3).get_attribute("href") == "mailto:a@b.example"


def test_an_image_becomes_a_link(sheet: Sheet) -> None:
    sheet.render("![a chart](https://example.org/chart.png)")
    assert sheet.page.locator("#out a").inner_text() == "Image: a chart"


def test_code_is_coloured_copied_and_labelled(sheet: Sheet) -> None:
    sheet.render('```python\nprint("<b>")  # hi\n```')
    assert sheet.page.locator("#out .code-head span").first.inner_text() == "Python"
    assert sheet.page.locator("#out code").text_content() == 'print("<b>")  # hi'
    assert sheet.count(".hljs-string") == 1


def test_an_unfinished_fence_is_already_code(sheet: Sheet) -> None:
    sheet.page.evaluate(
        """async () => {
          const { Prose } = await import("/js/prose.js");
          window.prose = new Prose(document.getElementById("out"));
          prose.update("Look:\\n\\n```py\\nx = 1\\ny", true);
        }"""
    )
    assert sheet.page.locator("#out pre code").text_content() == "x = 1\ny"


def test_finished_blocks_are_not_touched(sheet: Sheet) -> None:
    kept = sheet.page.evaluate(
        """async () => {
          const { Prose } = await import("/js/prose.js");
          const prose = new Prose(document.getElementById("out"));
          prose.update("First.\\n\\n```py\\na", true);
          const [first, code] = prose.root.children;
          prose.update("First.\\n\\n```py\\na = 1\\n```\\n\\nLast **wor", true);
          const inside = code.querySelector("code").textContent;
          return [first.isConnected, code.isConnected, inside, prose.root.children.length];
        }"""
    )
    assert kept == [True, True, "a = 1", 3]


@pytest.mark.parametrize(
    ("part", "shown"),
    [
        ("a **bold", "a bold"),
        ("a **bold** and `co", "a bold and co"),
        ("Points:\n-", "Points:"),
        ("Title\n==", "Title"),
        ("Points:\n1.", "Points:"),
    ],
)
def test_what_is_half_written_does_not_flicker(sheet: Sheet, part: str, shown: str) -> None:
    text = sheet.page.evaluate(
        """async (part) => {
          const { Prose } = await import("/js/prose.js");
          const prose = new Prose(document.getElementById("out"));
          prose.update(part, true);
          return prose.root.textContent.trim();
        }""",
        part,
    )
    assert text == shown
    assert sheet.count(":is(h3, h4, ul, ol)") == 0


MATHS = (
    "So $x^2$ costs $5 and $6, \\(\\textcolor{red}{y}\\).\n\n"
    "$$\n\\begin{pmatrix} a & b \\\\ \\hline c & d \\end{pmatrix}\n$$\n\n"
    "\\["
    + " + ".join(["\\frac{\\sqrt{a}}{b}"] * 60)
    + "\\]\n\nBroken: $\\frac{a$, $\\pmb{x}$, \\(\\href{javascript:window.hacked=1}{x}\\)"
)


def test_formulas_are_drawn_within_the_policy_and_scroll_by_themselves(sheet: Sheet) -> None:
    sheet.page.set_viewport_size({"width": 360, "height": 700})
    sheet.page.add_style_tag(url="/css/prose.css")
    assert sheet.render(MATHS, steps=len(MATHS))
    sheet.page.wait_for_selector("#out math")
    assert sheet.page.locator("#out > p").first.inner_text().startswith("So ")
    assert "costs $5 and $6" in sheet.page.locator("#out > p").first.inner_text()
    assert sheet.count("math") == 5
    assert sheet.count("a") == 0
    assert sheet.page.locator("#out .maths > code").all_inner_texts() == [
        "$\\frac{a$",
        "\\(\\href{javascript:window.hacked=1}{x}\\)",
    ]
    assert (
        sheet.page.evaluate("getComputedStyle(document.querySelector('#out [style*=color]')).color") == "rgb(255, 0, 0)"
    )
    wide = "({ scrollWidth, clientWidth }) => scrollWidth > clientWidth"
    assert sheet.page.locator("#out > .maths-display").last.evaluate(wide)
    assert not sheet.page.evaluate(f"({wide})(document.documentElement)")
    assert sheet.complaints == []


def test_a_formula_that_is_being_written_is_its_source(sheet: Sheet) -> None:
    shown = sheet.page.evaluate(
        """async (text) => {
          const { Prose } = await import("/js/prose.js");
          const prose = new Prose(document.getElementById("out"));
          const seen = [];
          for (let at = 1; at <= text.length; at += 1) {
            prose.update(text.slice(0, at), true);
            seen.push(prose.root.querySelectorAll("em, strong, h3, li").length);
            seen.push(prose.root.textContent.includes("\\uE000") ? 1 : 0);
          }
          return [Math.max(...seen), prose.root.querySelector("code").textContent];
        }""",
        "So:\n\n$$\na_1 * b_2 * c_3\n= **d\n- e",
    )
    assert shown == [0, "$$\na_1 * b_2 * c_3\n= **d\n- e"]


def test_growing_step_by_step_ends_like_all_at_once(sheet: Sheet) -> None:
    text = (
        "# Title\n\nSome *text* with `code` and a [link][r].\n\n- one\n- two\n\n  more\n\n"
        "| a | b |\n|---|---|\n| 1 | 2 |\n\n```js\nlet x = 1;\n```\n\n> quote\n\n[r]: https://example.org\n\nEnd 👩‍🚀."
    )
    assert sheet.render(text, steps=len(text)) == sheet.render(text)
