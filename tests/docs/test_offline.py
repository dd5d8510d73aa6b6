"""Offline: a build that leaves this machine fails, and so does a page that loads from elsewhere."""

import socket
import time
import urllib.request
from pathlib import Path

import offline
import pytest
from foreign_addresses import foreign_addresses
from mini_site import MiniSite

GALLERY = """
sphinx_gallery_conf = {
    "examples_dirs": "tutorials", "gallery_dirs": "course", "filename_pattern": ".py",
    "write_computation_times": False, "reset_modules": (),
}
"""


@pytest.fixture
def site(tmp_path: Path) -> MiniSite:
    return MiniSite(tmp_path / "site", "offline")


def chapter_that_runs(code: str, root: Path, conf: str = "") -> MiniSite:
    site = MiniSite(root, "sphinx_gallery.gen_gallery", "offline", conf=GALLERY + conf)
    site.write("index.rst", "Site\n====\n\n.. toctree::\n\n   course/index\n")
    site.write("tutorials/GALLERY_HEADER.rst", "Chapters\n========\n")
    site.write("tutorials/a.py", f'"""\nChapter\n=======\n"""\n\n{code}\n')
    return site


@pytest.mark.parametrize(
    ("call", "host"),
    [
        ('import urllib.request\nurllib.request.urlopen("http://example.com")', "example.com"),
        ('import socket\nsocket.getaddrinfo("example.com", 80)', "example.com"),
        ('import socket\nsocket.create_connection(("192.0.2.1", 80), 0.1)', "192.0.2.1"),
        (
            'import socket\nwith socket.socket(type=2) as s:\n    s.sendto(b"", ("192.0.2.1", 9))',
            "192.0.2.1",
        ),
    ],
    ids=["urlopen", "look-up", "connect", "sendto"],
)
def test_chapter_that_leaves_this_machine_fails(call: str, host: str, tmp_path: Path) -> None:
    status, output = chapter_that_runs(call, tmp_path / "site").build()
    assert status != 0
    assert f"RuntimeError: the build tried to contact '{host}'" in output


def test_proxy_on_this_machine_does_not_hide_a_request(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("urllib.request.getproxies", lambda: {"http": "http://127.0.0.1:9"})
    monkeypatch.setattr("urllib.request.proxy_bypass", lambda host: False)
    monkeypatch.setattr("urllib.request._opener", None)  # made at the first call, and then kept
    call = 'import urllib.request\nurllib.request.urlopen("http://example.com")'
    output = chapter_that_runs(call, tmp_path / "site").build()[1]
    assert "the build tried to contact 'example.com'" in output


def test_this_machine_may_be_contacted(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        call = f'import socket\nsocket.create_connection(("localhost", {port})).close()'
        unix = "\nleft, right = socket.socketpair()\nleft.close(), right.close()"
        status, output = chapter_that_runs(call + unix, tmp_path / "site").build()
    assert status == 0, output


def test_network_can_be_allowed(tmp_path: Path) -> None:
    # 192.0.2.1 is reserved for documentation: nothing answers, so the error is the system's.
    call = (
        'import socket\ntry:\n    socket.create_connection(("192.0.2.1", 80), 0.01)\n'
        'except OSError:\n    print("left to the system")'
    )
    allowed = "offline_allow_network = True"
    status, output = chapter_that_runs(call, tmp_path / "site", allowed).build()
    assert status == 0, output


def test_guard_ends_with_the_build(site: MiniSite) -> None:
    assert site.build()[0] == 0
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen("http://127.0.0.1:9/")
    offline._refuse_foreign_hosts("socket.getaddrinfo", ("example.com", 80))


def test_clean_site_passes(site: MiniSite) -> None:
    site.write(
        "index.rst",
        "Site\n====\n\nA `link <https://example.com>`__.\n\n.. raw:: html\n\n"
        '   <link rel="canonical" href="https://example.com/page.html">\n'
        '   <img src="data:image/gif;base64,R0lGODlhAQABAAAAACw=" alt="">\n'
        '   <p style="background: url(picture.png)"><a href="//example.com">other</a></p>\n',
    )
    status, output = site.build()
    assert status == 0, output


@pytest.mark.parametrize(
    "html",
    [
        '<script src="https://cdn.example/x.js"></script>',
        '<link rel="stylesheet" href="https://cdn.example/x.css">',
        '<link rel="preconnect" href="https://cdn.example/">',
        '<img src="//cdn.example/x.png" alt="">',
        '<img src="x.png" srcset="x.png 1x, https://cdn.example/x2.png 2x" alt="">',
        '<iframe src="https://cdn.example/frame"></iframe>',
        '<video poster="https://cdn.example/x.png"></video>',
        '<object data="https://cdn.example/x.svg"></object>',
        '<svg><use xlink:href="https://cdn.example/x.svg#a"></use></svg>',
        '<p style="background: url(https://cdn.example/x.png)"></p>',
        '<style>@import "https://cdn.example/x.css";</style>',
    ],
)
def test_page_that_loads_from_elsewhere_fails(html: str, site: MiniSite) -> None:
    site.write("index.rst", f"Site\n====\n\n.. raw:: html\n\n   {html}\n")
    status, output = site.build()
    assert status != 0
    assert "pages load from other hosts" in output
    assert "index.html: " in output
    assert "//cdn.example/" in output


def test_comments_and_code_load_nothing(tmp_path: Path) -> None:
    page = '<!-- <img src="https://x.example/a"> --><pre>&lt;img src="//x.example/b"></pre>'
    (tmp_path / "index.html").write_text(page, encoding="utf-8")
    assert list(foreign_addresses(tmp_path)) == []


def test_style_sheet_that_loads_from_elsewhere_is_found(tmp_path: Path) -> None:
    css = """
    /* url(https://comment.example/) */
    @import url("https://one.example/x.css");
    a { background: url('data:image/svg+xml,<svg xmlns="http://www.w3.org/2000/svg"/>') }
    b { background: url( //two.example/x.png ) }
    """
    (tmp_path / "theme.css").write_text(css, encoding="utf-8")
    assert list(foreign_addresses(tmp_path)) == [
        (Path("theme.css"), "https://one.example/x.css"),
        (Path("theme.css"), "//two.example/x.png"),
    ]


def test_other_builders_are_not_checked(site: MiniSite) -> None:
    site.write("index.rst", 'Site\n====\n\n.. raw:: html\n\n   <img src="//cdn.example/x">\n')
    assert site.build("-b", "text")[0] == 0


def test_hundred_pages_take_about_a_second(tmp_path: Path) -> None:
    page = "<p class='x'>A <span class='n'>word</span> and <a href='https://x.example'>y</a></p>\n"
    for i in range(100):
        (tmp_path / f"{i}.html").write_text(page * 600, encoding="utf-8")  # 50 kB
    start = time.process_time()
    assert list(foreign_addresses(tmp_path)) == []
    assert time.process_time() - start < 1
