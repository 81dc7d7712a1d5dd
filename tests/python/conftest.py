# SPDX-License-Identifier: Apache-2.0
"""What the tests of the program share: the program itself, a folder of photos, an index of it.

LATENT_BIN names the program (default build/release/latent), LATENT_MODEL a model other than the
built-in one, LT_LONG=1 asks for the long versions. What is missing is said when tests are skipped.
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
STAMPS = pathlib.Path("/usr/share/tuxpaint/stamps")
LONG = os.environ.get("LT_LONG") == "1"

# A shell's background job ignores Ctrl-C, and so would the programs that are started here.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def word(argument):
    """A word of a command line: bytes stay as they are."""
    return os.fsdecode(argument) if isinstance(argument, bytes) else str(argument)


class Latent:
    """Runs the program against one data directory, with nothing of the user's environment."""

    def __init__(self, binary, data, home):
        self.binary = str(binary)
        self.data = pathlib.Path(data)
        keep = ("PATH", "LD_LIBRARY_PATH", "LATENT_MODEL", "ASAN_OPTIONS", "UBSAN_OPTIONS",
                "LSAN_OPTIONS", "TSAN_OPTIONS", "TBB_ENABLE_SANITIZERS")
        self.env = {k: os.environ[k] for k in keep if k in os.environ}
        self.env.update(HOME=str(home), LATENT_DATA=str(self.data), LANG="C.UTF-8",
                        XDG_CACHE_HOME=os.environ.get("LT_TEST_CACHE", str(home / ".cache")))

    def __call__(self, *args, code=0, stdin="", env=None, cwd=None, timeout=120, **more):
        """Runs to the end, holds the exit code against `code`, returns the finished process."""
        result = subprocess.run(
            [self.binary, *map(word, args)], input=stdin.encode(), capture_output=True,
            timeout=timeout, env={**self.env, **(env or {})}, cwd=cwd, **more)
        result.out = result.stdout.decode(errors="surrogateescape")
        result.err = result.stderr.decode(errors="surrogateescape")
        assert result.returncode == code, (
            f"exit code {result.returncode}, not {code}\n{result.out}\n{result.err}")
        return result

    def json(self, *args, **more):
        """Runs a command with --json and returns the objects it printed."""
        out = self(args[0], "--json", *args[1:], **more).stdout
        return [json.loads(line) for line in out.splitlines()]

    def start(self, *args, **more):
        """Starts the program without waiting for it. Its output is not buffered here, so that
        reading lines and then communicate() lose nothing."""
        return subprocess.Popen([self.binary, *map(word, args)], stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, bufsize=0,
                                env={**self.env, **more.pop("env", {})}, **more)

    def names(self, *query):
        """The file names that a search finds, best first."""
        return [hit["filename"] for hit in self.json("search", *query)]

    def points(self):
        """The file names of all that is in the index."""
        got = self.json("search", "anything", "-k", "1000000")
        return {hit["filename"] for hit in got}


@pytest.fixture(scope="session")
def binary():
    path = pathlib.Path(os.environ.get("LATENT_BIN", ROOT / "build" / "release" / "latent"))
    if not path.exists():
        pytest.skip(f"{path} is not built")
    return path


@pytest.fixture(scope="session")
def home(tmp_path_factory):
    return tmp_path_factory.mktemp("home")


@pytest.fixture
def latent(binary, home, tmp_path):
    """The program with an empty data directory."""
    return Latent(binary, tmp_path / "data", home)


@pytest.fixture(scope="session")
def stamps():
    if not STAMPS.is_dir():
        pytest.skip(f"{STAMPS} is not there (Debian's tuxpaint-stamps-default)")
    return STAMPS


@pytest.fixture(scope="session")
def photos(stamps, tmp_path_factory):
    """Two dozen photos in two folders, copies that tests of reading share. Do not change it."""
    folder = tmp_path_factory.mktemp("photos")
    for source, name in (("animals/mammals", "animals"), ("food/fruit", "fruit")):
        (folder / name).mkdir()
        for path in sorted((stamps / source).glob("*.png"))[:12]:
            shutil.copy2(path, folder / name / path.name)
    assert sum(1 for _ in folder.rglob("*.png")) >= 20
    return folder


@pytest.fixture(scope="session")
def indexed(binary, home, photos, tmp_path_factory):
    """The program with `photos` indexed. Do not write to its index."""
    program = Latent(binary, tmp_path_factory.mktemp("indexed"), home)
    program("index", photos)
    return program
