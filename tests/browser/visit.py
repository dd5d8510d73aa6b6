"""A page, opened by a reader who was never there, with an eye on what it says and asks for."""

import time
from typing import Any

from built import ADDRESS
from playwright.sync_api import Browser, ConsoleMessage, Page, Request

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# Adds up how far things moved that the reader had not touched.
SHIFTS = """
window.layoutShift = 0;
window.shifted = [];
new PerformanceObserver(list => {
  for (const entry of list.getEntries()) {
    if (entry.hadRecentInput) continue;
    window.layoutShift += entry.value;
    window.shifted.push(...entry.sources.map(({node}) => node?.outerHTML?.slice(0, 120)));
  }
}).observe({type: "layout-shift", buffered: true});
"""

PICTURES_CAME = """() => [...document.images].every(
  image => !image.checkVisibility() || image.complete && image.naturalWidth)"""

TOO_WIDE = """() => {
  const {scrollWidth, clientWidth} = document.documentElement;
  return scrollWidth > clientWidth + 1 ? [scrollWidth] : [];
}"""
# What is wider than its place, and cannot be scrolled there.
CUT_OFF = """() => [...document.querySelectorAll("article :is(table, caption, pre, math, img, dl, p)")]
  .filter(element => element.checkVisibility())
  .filter(element => {
    if (element.getBoundingClientRect().right <= innerWidth + 1) return false;
    if (element.localName === "caption") return true;  // not even where its table is scrolled
    for (let place = element.parentElement; place.tagName !== "ARTICLE"; place = place.parentElement) {
      if (/auto|scroll/.test(getComputedStyle(place).overflowX)) return false;
    }
    return true;
  }).map(element => element.outerHTML.slice(0, 160))"""

# The red, green, blue and opacity of a canvas's pixels. A copy is read: reading slows a canvas down.
PIXELS = """canvas => {
  const copy = document.createElement("canvas");
  [copy.width, copy.height] = [canvas.width, canvas.height];
  const context = copy.getContext("2d", {willReadFrequently: true});
  context.drawImage(canvas, 0, 0);
  return Array.from(context.getImageData(0, 0, copy.width, copy.height).data);
}"""


class Visit:
    """One page in a browser window of its own.

    Parameters
    ----------
    browser : Browser
        The running browser.
    page : str
        A page of the site, or a whole address.
    width, height : int
        The window's size.
    theme : str
        What the reader's system prefers: ``"light"`` or ``"dark"``.
    **options
        More of Playwright's options for a context.
    """

    def __init__(
        self,
        browser: Browser,
        page: str,
        *,
        width: int = 1280,
        height: int = 900,
        theme: str = "light",
        **options: Any,
    ) -> None:
        self.complaints: list[str] = []
        self.foreign: list[str] = []
        self.context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=theme, **options
        )
        self.context.add_init_script(SHIFTS)
        self.context.on("console", self._on_console)
        self.context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        self.context.on("request", self._on_request)
        self.page = self.context.new_page()
        self.page.goto(page if "://" in page else ADDRESS + page)

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.complaints.append(f"{message.type}: {message.text}")

    def _on_request(self, request: Request) -> None:
        if not request.url.startswith((ADDRESS, "file:", "data:", "blob:", "about:")):
            self.foreign.append(request.url)

    def read_to_the_end(self) -> None:
        """Scroll down in steps, so that pictures come that wait until they are near."""
        self.page.evaluate(
            """async () => {
              const pause = () => new Promise(done => setTimeout(done, 30));
              for (let y = 0; y < document.body.scrollHeight; y += 1500) {
                window.scrollTo(0, y);
                await pause();
              }
              window.scrollTo(0, document.body.scrollHeight);
              await pause();
              // A slow machine may have left out some on the way.
              for (const image of document.images) image.loading = "eager";
            }"""
        )
        wait_until(self.page, PICTURES_CAME)

    def close(self) -> None:
        """Close the window, and forget what it kept."""
        self.context.close()


def wait_until(page: Page, expression: str, argument: object = None) -> None:
    """Wait until an expression of JavaScript is true; for an argument, it is a function.

    Playwright's ``wait_for_function`` needs ``eval``, which the policy of the pages forbids.
    """
    end = time.monotonic() + 10
    while not page.evaluate(expression, argument):
        assert time.monotonic() < end, f"never true: {expression}"
        page.wait_for_timeout(20)
