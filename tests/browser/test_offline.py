"""From a zip file, without a server and without a network; and what the policy of a page forbids."""

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from built import API, CHAPTER, HOME, KINDS, PAGES, SITE
from clipboard import pasted
from pages_server import PagesHandler, PagesServer
from playwright.sync_api import Page, expect
from visit import wait_until


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("name", KINDS)
def test_a_page_from_a_folder_looks_as_it_should(
    name: str, theme: str, unpacked: str, open_page: Callable[..., Page]
) -> None:
    page = open_page(unpacked + name, theme=theme)
    assert page.evaluate("() => document.documentElement.dataset.theme") == theme
    header = page.locator(".bd-header").evaluate("header => getComputedStyle(header).position")
    assert header == "sticky"  # so the style sheet came
    for figure in page.locator("main img:visible").all():
        figure.scroll_into_view_if_needed()
        wait_until(page, "image => image.complete", figure.element_handle())
        assert figure.evaluate("image => image.naturalWidth") > 0


def test_links_lead_from_page_to_page(unpacked: str, open_page: Callable[..., Page]) -> None:
    page = open_page(unpacked + HOME)
    page.get_by_role("link", name="Start with the first chapter").click()
    page.wait_for_url(re.compile("01_quickstart.html$"))
    page.locator("a.right-next").click()
    page.wait_for_url(re.compile("02_tensors.html$"))


def test_the_search_works(unpacked: str, open_page: Callable[..., Page]) -> None:
    page = open_page(unpacked + CHAPTER)
    page.keyboard.press("Control+k")
    page.keyboard.type("softmax")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"search\.html\?q=softmax$"))
    results = page.locator("#search-results ul.search > li > a")
    expect(results.first).to_be_visible()
    expect(page.locator("#search-results a[href*='03_softmax.html']").first).to_be_visible()


def test_theme_and_copy_work(unpacked: str, open_page: Callable[..., Page]) -> None:
    page = open_page(unpacked + CHAPTER, theme="light")
    page.locator(".theme-switch-button:visible").click()
    page.locator(".theme-change-button[data-mode=dark]:visible").click()
    wait_until(page, "document.documentElement.dataset.theme === 'dark'")
    code = page.locator("div.highlight-Python pre").first
    code.hover()
    page.locator("button.copybtn").first.click()
    assert pasted(page).strip() == code.inner_text().strip()


class Asked(PagesHandler):
    """A server of somebody else, which keeps in mind that it was asked."""

    asked: list[str] = []  # noqa: RUF012  # one server, one list

    def do_GET(self) -> None:
        self.asked.append(self.path)
        super().do_GET()


@pytest.fixture
def stranger(tmp_path: Path) -> Iterator[str]:
    """Return the address of a server that the site has nothing to do with."""
    Asked.asked.clear()
    (tmp_path / "404.html").write_text("nothing here", encoding="utf-8")
    server = PagesServer(tmp_path)
    server.RequestHandlerClass = lambda *args: Asked(*args, directory=str(tmp_path))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


# Each tries something in the page's own time, and answers with the directive that was violated.
ATTEMPT = """([code, address]) => new Promise(answer => {
  document.addEventListener("securitypolicyviolation", event => answer(event.effectiveDirective));
  const attempts = {
    image: () => { new Image().src = address + "image.png"; },
    script: () => {
      const script = document.createElement("script");
      script.src = address + "script.js";
      document.head.append(script);
    },
    style: () => {
      const link = document.createElement("link");
      link.rel = "stylesheet";
      link.href = address + "style.css";
      document.head.append(link);
    },
    frame: () => {
      const frame = document.createElement("iframe");
      frame.src = address;
      document.body.append(frame);
    },
    fetch: () => { fetch(address).catch(() => {}); },
    "inline script": () => {
      const script = document.createElement("script");
      script.textContent = "window.stranger = true";
      document.head.append(script);
    },
    eval: () => { try { eval("window.stranger = true"); } catch {} },
    form: () => {
      const form = document.createElement("form");
      form.action = address;
      document.body.append(form);
      form.submit();
    },
  };
  setTimeout(attempts[code], 0);
  setTimeout(() => answer("nothing"), 3000);
})"""
FORBIDDEN = {
    "image": "img-src",
    "script": "script-src-elem",
    "style": "style-src-elem",
    "frame": "frame-src",
    "fetch": "connect-src",
    "inline script": "script-src-elem",
    "eval": "script-src",
    "form": "form-action",
}


@pytest.mark.parametrize("where", ["served", "unpacked"])
@pytest.mark.parametrize("attempt", FORBIDDEN)
def test_the_policy_forbids(
    attempt: str, where: str, stranger: str, request: pytest.FixtureRequest, visit: Callable
) -> None:
    start = request.getfixturevalue("unpacked") if where == "unpacked" else ""
    page = visit(start + API).page
    assert page.evaluate(ATTEMPT, [attempt, stranger]) == FORBIDDEN[attempt]
    assert page.evaluate("() => window.stranger") is None
    assert Asked.asked == []


def test_without_the_policy_the_stranger_would_be_asked(stranger: str, visit: Callable) -> None:
    page = visit(API, bypass_csp=True).page
    assert page.evaluate(ATTEMPT, ["image", stranger]) == "nothing"
    assert Asked.asked == ["/image.png"]


@pytest.mark.parametrize("name", PAGES)
def test_every_page_has_the_policy_first(name: str) -> None:
    before_scripts = (SITE / name).read_text("utf-8").partition("<script")[0]
    assert 'http-equiv="Content-Security-Policy"' in before_scripts
