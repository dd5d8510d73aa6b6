"""A server on this machine that offers files, and misbehaves on request.

A misbehavior is a function that gets the request's handler and the bytes of the file asked for, and
answers in its own way.
"""

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

Misbehavior = Callable[["Handler", bytes], None]


class Handler(BaseHTTPRequestHandler):
    server: "Server"

    def do_GET(self) -> None:
        name = self.path.rpartition("/")[2]
        self.server.requested.append(name)
        path = self.server.folder / name
        if not path.is_file():
            self.send_error(404)
            return
        misbehave = self.server.misbehave
        if misbehave is None or (self.server.only and self.server.only not in name):
            self.whole(path.read_bytes())
        else:
            misbehave(self, path.read_bytes())

    def head(self, length: int | None, kind: str = "application/x-gzip", code: int = 200) -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def whole(self, content: bytes) -> None:
        self.head(len(content))
        self.wfile.write(content)

    def hang_up(self) -> None:
        """Close with a reset, as a firewall or a dying host does."""
        self.wfile.flush()
        time.sleep(0.05)  # a reset overtakes what was just sent
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.wfile = self.rfile  # nothing is left to flush

    def log_message(self, format: str, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    """The server; set `misbehave`, and `only` to a part of the names that it concerns."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.folder = folder
        self.requested: list[str] = []
        self.misbehave: Misbehavior | None = None
        self.only = ""
        self.released = threading.Event()
        self.address = f"http://127.0.0.1:{self.server_port}/"
        self.host = f"127.0.0.1:{self.server_port}"

    def behave(self) -> None:
        self.misbehave = None
        self.requested.clear()

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # a client that went away


@contextmanager
def serve(folder: Path) -> Iterator[Server]:
    """Serve the files of a folder."""
    with Server(folder) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.released.set()
            server.shutdown()
            thread.join()


def status(code: int) -> Misbehavior:
    return lambda handler, content: handler.send_error(code)


def web_page(handler: Handler, content: bytes) -> None:
    page = b"<!doctype html><title>Welcome to the wireless network of this hotel</title>"
    handler.head(len(page), "text/html; charset=utf-8")
    handler.wfile.write(page)


def web_page_in_disguise(handler: Handler, content: bytes) -> None:
    page = b"<!doctype html><title>Welcome</title>"
    handler.head(len(page))
    handler.wfile.write(page)


def reset_halfway(handler: Handler, content: bytes) -> None:
    handler.head(len(content))
    handler.wfile.write(content[: len(content) // 2])
    handler.hang_up()


def reset_at_once(handler: Handler, content: bytes) -> None:
    handler.hang_up()


def end_halfway(handler: Handler, content: bytes) -> None:
    handler.head(len(content))
    handler.wfile.write(content[: len(content) // 2])


def end_halfway_without_length(handler: Handler, content: bytes) -> None:
    handler.head(None)
    handler.wfile.write(content[: len(content) // 2])


def stall_halfway(handler: Handler, content: bytes) -> None:
    handler.head(len(content))
    handler.wfile.write(content[: len(content) // 2])
    handler.wfile.flush()
    handler.server.released.wait(20)


def stall_at_once(handler: Handler, content: bytes) -> None:
    handler.server.released.wait(20)


def drip(handler: Handler, content: bytes) -> None:
    """Send a byte now and then: each wait is short, the whole would take for ever."""
    handler.head(len(content))
    for place in range(len(content)):
        handler.wfile.write(content[place : place + 1])
        handler.wfile.flush()
        if handler.server.released.wait(0.05):
            return


def truncated(handler: Handler, content: bytes) -> None:
    handler.whole(content[:-20])


def flipped_byte(handler: Handler, content: bytes) -> None:
    changed = bytearray(content)
    changed[len(content) // 2] ^= 0xFF
    handler.whole(bytes(changed))


def too_much(handler: Handler, content: bytes) -> None:
    handler.head(None)
    while not handler.server.released.is_set():
        handler.wfile.write(bytes(2**16))


def no_http(handler: Handler, content: bytes) -> None:
    handler.wfile.write(b"220 this is a mail server\r\n\r\n")


def redirect_in_circles(handler: Handler, content: bytes) -> None:
    handler.send_response(302)
    handler.send_header("Location", handler.path)
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def slowly(handler: Handler, content: bytes) -> None:
    """No misbehavior: twenty pieces with a pause after each."""
    handler.head(len(content))
    step = len(content) // 20 + 1
    for place in range(0, len(content), step):
        handler.wfile.write(content[place : place + step])
        handler.wfile.flush()
        time.sleep(0.005)


def once(misbehavior: Misbehavior) -> Misbehavior:
    """Misbehave at the first request only."""
    asked = []

    def answer(handler: Handler, content: bytes) -> None:
        asked.append(handler.path)
        if len(asked) == 1:
            misbehavior(handler, content)
        else:
            handler.whole(content)

    return answer
