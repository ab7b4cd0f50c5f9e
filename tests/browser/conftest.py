"""The real app in headless Chromium, with every outside address blocked and written down."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import expect

ROOT = Path(__file__).resolve().parents[2]
SHOTS = Path(__file__).parent / "shots"
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
HERE = {"localhost", "127.0.0.1", "::1"}
START_S = 90

#: Two browsers and two servers share two cores: what is awaited may take its time, and is awaited all the same.
expect.set_options(timeout=20_000)


@dataclass
class Record:
    """What the browser did that it should not do."""

    outside: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def _is_outside(address):
    parts = urlsplit(address)
    return parts.scheme in {"http", "https", "ws", "wss"} and parts.hostname not in HERE


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Skips where Chromium is absent; fails there when PINGAN_REQUIRE_BROWSER=1."""
    found = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    if found is None:
        say = "Chromium is not installed: the browser tests did not run"
        if os.environ.get("PINGAN_REQUIRE_BROWSER") == "1":
            pytest.fail(say)
        pytest.skip(say)
    return found


@pytest.fixture(scope="session")
def browser(chromium_path):
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium_path, args=CHROMIUM_FLAGS)
        yield launched
        launched.close()


@pytest.fixture
def record() -> Record:
    return Record()


@pytest.fixture
def new_page(browser, record) -> Iterator[Callable]:
    """A page of a given size; all pages of a test share one record."""
    contexts = []

    def make(width: int = 1440, height: int = 900, **options):
        context = browser.new_context(
            viewport={"width": width, "height": height},
            service_workers="block",
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            **options,
        )
        contexts.append(context)

        def answer(route):
            if _is_outside(route.request.url):
                record.outside.append(route.request.url)
                route.abort()
            else:
                route.continue_()

        context.route("**/*", answer)
        page = context.new_page()
        page.on("console", lambda said: record.errors.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: record.errors.append(str(error)))
        page.on("websocket", lambda line: record.outside.append(line.url) if _is_outside(line.url) else None)
        page.set_default_timeout(30_000)
        return page

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def page(new_page):
    """A Chromium page 1440 wide."""
    return new_page()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(url: str, process: subprocess.Popen, log: Path) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        if process.poll() is not None:
            pytest.fail(f"The app stopped by itself: {log.read_text(errors='replace')[-2000:]}")
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    pytest.fail(f"The app did not answer in {START_S} s: {log.read_text(errors='replace')[-2000:]}")


@pytest.fixture(scope="session")
def start_app(tmp_path_factory) -> Iterator[Callable[..., str]]:
    """Starts apps in processes of their own and stops them at the end; gives the address.

    With a town folder it is the whole app as ``pingan serve`` runs it; with a script it is that script under
    the same routes and rules.
    """
    processes = []

    def start(town: Path, script: Path | None = None) -> str:
        port = free_port()
        log = tmp_path_factory.mktemp("app") / "log.txt"
        command = "from pathlib import Path; from pingan_geo.ui import main; "
        if script is not None:
            command += f"main.SCRIPT = Path({str(script)!r}); "
        command += f"main.serve(Path({str(town)!r}), {port})"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-c", command], cwd=ROOT, stdout=out, stderr=subprocess.STDOUT
            )
        processes.append(process)
        wait_for(f"http://localhost:{port}/healthz", process, log)
        return f"http://localhost:{port}"

    yield start
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def town_folder(tmp_path_factory) -> Path:
    """The demo town, as `pingan demo` makes it, with fewer reports."""
    from pingan_geo.workflow.make_demo import make_demo

    folder = tmp_path_factory.mktemp("towns") / "demo"
    made = make_demo(folder, reports=3_000)
    made.store.close()
    return folder


@pytest.fixture(scope="session")
def app_url(start_app, town_folder, chromium_path) -> str:
    """The running app on :func:`town_folder`."""
    return start_app(town_folder)


@pytest.fixture
def own_town(tmp_path, town_folder) -> Path:
    """A copy of the demo town that a test may change."""
    from pingan_geo.storage.database import backup_to
    from pingan_geo.workflow.towns import open_town

    folder = tmp_path / "town"
    shutil.copytree(town_folder, folder, ignore=shutil.ignore_patterns("town.sqlite*"))
    town = open_town(town_folder)
    backup_to(town.store, folder / "town.sqlite")
    town.close()
    return folder
