"""A web server on the loopback."""

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Handler(SimpleHTTPRequestHandler):
    def log_message(self, *args):
        self.server.requests.append(self.path)


@pytest.fixture
def serve(monkeypatch):
    """Return a function that serves a folder; its server lists its `requests`."""
    running = []

    def serve(folder):
        server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=folder))
        server.requests = []
        server.folder = folder
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        running.append((server, thread))
        return server

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield serve
    for server, thread in running:
        server.shutdown()
        server.server_close()
        thread.join()
