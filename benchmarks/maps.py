"""From a click on a filter to the map drawn anew, in Chromium: our cell layer beside folium's GeoJson.

The same 500,000 reports, 20,000 cells, colours and local files for all; only the way of drawing differs.
"""

from __future__ import annotations

import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from report import Row, print_table

HERE = Path(__file__).resolve().parent
PAGES = HERE / "maps_pages"
#: Page to how many clicks are measured.
WAYS = {"compact": 9, "geojson": 3, "geojson_group": 3}
PEERS = {
    "geojson": "st_folium with folium.GeoJson",
    "geojson_group": "the same by feature_group_to_add",
}
CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
#: Clicks radio button ``number`` and answers with the milliseconds until the new shapes were painted.
CLICK = """
(number) => new Promise((done, failed) => {
  const frames = () => [...document.querySelectorAll("iframe")].map((one) => one.contentWindow);
  const frame = () => frames().find((one) => one && one.map);
  const shapes = (one) => one.document.querySelectorAll("path.leaflet-interactive");
  const before = frame(), drawn = before.pingan_drawn || 0, first = shapes(before)[0];
  const start = performance.now();
  document.querySelectorAll('input[type="radio"]')[number].click();
  const look = () => {
    const now = frame();
    let fresh = false;
    try {
      fresh = now && now.pingan_drawn !== undefined ? now.pingan_drawn > drawn
        : now && shapes(now).length > 1000 && shapes(now)[0] !== first;
    } catch (error) { fresh = false; }
    if (fresh) {
      requestAnimationFrame(() => requestAnimationFrame(() => done(performance.now() - start)));
    } else if (performance.now() - start > 120000) {
      failed(new Error("not drawn in two minutes"));
    } else {
      requestAnimationFrame(look);
    }
  };
  requestAnimationFrame(look);
})
"""
READY = """
() => [...document.querySelectorAll("iframe")].map((one) => one.contentWindow).some((one) => one && one.map &&
  (one.pingan_drawn || one.document.querySelectorAll("path.leaflet-interactive").length > 1000))
"""


def main() -> int:
    """Measure one after the other and print."""
    chromium = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if chromium is None:
        print("Chromium is not installed: the maps were not measured.", file=sys.stderr)
        return 1
    from playwright.sync_api import sync_playwright

    measured = {}
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "town.toml").write_text('[town]\nname = "benchmark"\n', encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        for page, clicks in WAYS.items():
            with _app(page, Path(folder)) as address:
                measured[page] = _measure(browser, address, clicks)
        browser.close()
    ours, ours_mb, worst = measured["compact"]
    print_table(
        "A filter changed to the map redrawn in Chromium: 20,000 cells, 500,000 reports",
        [
            Row(
                "median of clicks",
                ours,
                peer,
                measured[page][0],
                f"sent {ours_mb:.2f} MB and {measured[page][1]:.2f} MB; our slowest {worst:.2f} s",
            )
            for page, peer in PEERS.items()
        ],
    )
    return 0


def _measure(browser, address: str, clicks: int) -> tuple[float, float, float]:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(180_000)
    received = []

    def listen(line) -> None:
        line.on("framereceived", lambda payload: received.append(len(payload)))

    def settle() -> None:
        """Wait until nothing more comes: stock st_folium runs the page once more after it has drawn."""
        known = -1
        while known != len(received) or page.locator('[data-testid="stStatusWidget"]').count():
            known = len(received)
            page.wait_for_timeout(2_000)

    page.on("websocket", listen)
    page.goto(address)
    page.wait_for_function(READY)
    settle()
    seconds, sizes = [], []
    for number in range(1, clicks + 2):  # the first click only warms up
        received.clear()
        took = page.evaluate(CLICK, number % 4) / 1000
        settle()
        if number > 1:
            seconds.append(took)
            sizes.append(sum(received) / 1e6)
    page.close()
    return statistics.median(seconds), statistics.median(sizes), max(seconds)


@contextmanager
def _app(page: str, town: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = (
        "from pathlib import Path; from pingan_geo.ui import main; "
        f"main.SCRIPT = Path({str(PAGES / (page + '.py'))!r}); main.serve(Path({str(town)!r}), {port})"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", command], cwd=PAGES, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address = f"http://localhost:{port}"
    try:
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                urllib.request.urlopen(f"{address}/healthz", timeout=2).close()
                break
            except (urllib.error.URLError, OSError):
                time.sleep(0.1)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=20)


if __name__ == "__main__":
    raise SystemExit(main())
