"""Offline: the build makes no request, and no page it writes loads anything from another host.

While a build runs, an audit hook refuses connections and name look-ups that would leave this
machine. After an HTML build, `foreign_addresses` looks through every page and style sheet.
"""

from __future__ import annotations

import ipaddress
import socket
import sys
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakSet

from foreign_addresses import foreign_addresses
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.typing import ExtensionMetadata

# Weak, so that an app whose start failed (no build-finished then) does not leave the hook armed.
_guarded: WeakSet[Sphinx] = WeakSet()
_hook_installed = False
_worker = False  # whether this process executes chapters for a build in another one


def _is_local(host: object) -> bool:
    name = host.decode("ascii", "replace") if isinstance(host, bytes) else host
    if not isinstance(name, str) or name in ("", "localhost"):
        return True  # None and "" mean this machine
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _contacted_host(event: str, args: tuple[Any, ...]) -> object:
    """Return the host that an audit event is about to contact, or None for none."""
    if event == "socket.getaddrinfo":
        return args[0]
    if event == "urllib.Request":  # seen here because a proxy on this machine would hide it below
        return urlsplit(args[0]).hostname
    if event in ("socket.connect", "socket.sendto") and args[0].family in (
        socket.AF_INET,
        socket.AF_INET6,
    ):
        return args[1][0]
    return None


def _refuse_foreign_hosts(event: str, args: tuple[Any, ...]) -> None:
    if not event.startswith(("socket.", "urllib.")) or not (_guarded or _worker):
        return
    host = _contacted_host(event, args)
    if not _is_local(host):
        raise RuntimeError(
            f"the build tried to contact {host!r} ({event}), but it must work without a network: "
            "use files that come with the project, or set offline_allow_network in conf.py"
        )


def _install_hook() -> None:
    global _hook_installed
    if not _hook_installed:  # an audit hook cannot be removed again, so there is one for all apps
        sys.addaudithook(_refuse_foreign_hosts)
        _hook_installed = True


def _arm(app: Sphinx, _config: object) -> None:
    if not app.config.offline_allow_network:
        _install_hook()
        _guarded.add(app)


def guard_worker(gallery_conf: dict[str, Any], fname: object, when: str) -> None:
    """Guard a process that executes chapters for a build: list it in ``reset_modules``.

    Such a process has no Sphinx application, and never ends the guard. In the process that builds,
    there is one, and nothing is to be done.
    """
    global _worker
    if not _hook_installed:
        _install_hook()
        _worker = True


def _finish(app: Sphinx, exception: Exception | None) -> None:
    _guarded.discard(app)
    if exception is None and app.builder.format == "html":
        found = [f"  {path.as_posix()}: {url}" for path, url in foreign_addresses(app.outdir)]
        if found:
            raise ExtensionError("\n".join(["pages load from other hosts:", *found]))


def setup(app: Sphinx) -> ExtensionMetadata:
    """Guard the build, check the site, and register ``offline_allow_network``."""
    app.add_config_value("offline_allow_network", False, "", types=frozenset({bool}))
    app.connect("config-inited", _arm)
    app.connect("build-finished", _finish, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
