# SPDX-License-Identifier: Apache-2.0
"""Runs `latent serve` for tests: on a free port, with its data in a folder of its own."""
import contextlib
import functools
import http.server
import os
import pathlib
import re
import signal
import threading
import urllib.request

from conftest import ROOT, Latent

# Qdrant's description of its REST interface, where there is a copy of it.
OPENAPI = pathlib.Path(os.environ.get(
    "LT_QDRANT_OPENAPI", ROOT.parent / "shared" / "api" / "qdrant-openapi.json"))


class Server:
    """One process of `latent serve`. Its address is `url`."""

    def __init__(self, binary, home, data, *options, env=None, scheme="http"):
        # A shell's background job, as these tests may be one, ignores Ctrl-C and hands that on.
        self.process = Latent(binary, data, home).start(
            "serve", "--port", "0", *options, env=env or {},
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
        line = self.process.stdout.readline().decode()
        found = re.search(rf"{scheme}://(?:127\.0\.0\.1|localhost):(\d+)$", line.strip())
        if not found:
            self.process.kill()
            raise RuntimeError(f"no address in {line!r}: {self.process.communicate()}")
        self.port = int(found.group(1))
        self.url = f"{scheme}://127.0.0.1:{self.port}"

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=30) as answer:
            return answer.read().decode()

    def stop(self, number=signal.SIGTERM, timeout=60):
        """Ends it and holds it to a clean end: exit code 0 and nothing on standard error."""
        self.process.send_signal(number)
        _, err = self.process.communicate(timeout=timeout)
        assert self.process.returncode == 0, f"exit code {self.process.returncode}\n{err.decode()}"
        assert err == b"", err.decode()

    def memory(self):
        """Resident memory in bytes."""
        with open(f"/proc/{self.process.pid}/statm", encoding="ascii") as file:
            return int(file.read().split()[1]) * 4096


@contextlib.contextmanager
def serving(binary, home, data, *options, **more):
    server = Server(binary, home, data, *options, **more)
    try:
        yield server
        server.stop()
    finally:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait()


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@contextlib.contextmanager
def file_server(folder):
    """Offers a folder over HTTP; gives its address."""
    handler = functools.partial(Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()
