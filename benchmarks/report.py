"""What every benchmark prints: ours beside a peer, in one run, on this machine, as a Markdown table."""

from __future__ import annotations

import os
import platform
import sys
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

# `python benchmarks/x.py` works in a clone whether or not the package is installed
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

#: One core is promised where nothing else is said; set before the libraries start their threads.
ONE_CORE = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "RAYON_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
)

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Parameters
    ----------
    what
        The task.
    ours_s
        Seconds.
    peer
        What it stands beside; ``""`` when nothing.
    peer_s
        Seconds; ``None`` when nothing.
    note
        What the reader must know: memory, rows, equality of the answers.
    """

    what: str
    ours_s: float
    peer: str = ""
    peer_s: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """How many times faster ours is."""
        return None if self.peer_s is None else self.peer_s / self.ours_s


@dataclass(frozen=True)
class Measured:
    """Seconds of the best run, and how far memory rose above what was held before it."""

    seconds: float
    peak_mb: float


def one_core() -> None:
    """Keep every library to one thread; to be called before they are imported."""
    for name in ONE_CORE:
        os.environ[name] = "1"


def measure(task: Callable[[], Answer], *, runs: int = 1) -> tuple[Answer, Measured]:
    """Run a task and return its answer, the best time, and the rise of resident memory in the first run."""
    best, peak = float("inf"), 0.0
    answer: Any = None
    for run in range(runs):
        answer = None  # the last answer is not memory of this run
        watch = _Watch() if run == 0 else None
        start = time.perf_counter()
        answer = task()
        best = min(best, time.perf_counter() - start)
        if watch is not None:
            peak = watch.stop()
    return answer, Measured(best, peak)


def machine() -> str:
    """Return processor, cores, memory and versions in one line."""
    memory = "?"
    if hasattr(os, "sysconf") and "SC_PHYS_PAGES" in os.sysconf_names:
        memory = f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GB"
    cores, python = os.cpu_count(), platform.python_version()
    return f"{platform.machine()}, {cores} cores, {memory}, {platform.system()}, Python {python}"


def markdown(title: str, rows: Iterable[Row]) -> str:
    """Return a section with a table."""
    lines = [
        f"## {title}",
        "",
        f"{machine()}; {datetime.now(UTC):%Y-%m-%d}",
        "",
        "| what | ours, s | beside | its, s | times faster | note |",
        "| --- | ---: | --- | ---: | ---: | --- |",
    ]
    for row in rows:
        theirs = "" if row.peer_s is None else _seconds(row.peer_s)
        ratio = "" if row.ratio is None else f"{row.ratio:.1f}"
        lines.append(
            f"| {row.what} | {_seconds(row.ours_s)} | {row.peer} | {theirs} | {ratio} | {row.note} |"
        )
    return "\n".join(lines) + "\n"


def print_table(title: str, rows: Iterable[Row]) -> None:
    """Print a section with a table."""
    print(markdown(title, rows), flush=True)


def columns(headings: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table whose first column is words and whose others are figures."""
    headings = list(headings)
    lines = [headings, ["---", *["---:"] * (len(headings) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def _seconds(value: float) -> str:
    return f"{value:.2f}" if value >= 0.1 else f"{value:.4f}"


class _Watch:
    """Looks at the resident memory every few milliseconds while a task runs."""

    def __init__(self) -> None:
        import psutil

        self._resident = psutil.Process().memory_info
        self._before = self._peak = self._resident().rss
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)
        self._thread.start()

    def _look(self) -> None:
        while not self._done.wait(0.005):
            self._peak = max(self._peak, self._resident().rss)

    def stop(self) -> float:
        self._done.set()
        self._thread.join()
        return max(self._peak, self._resident().rss) / 2**20 - self._before / 2**20
