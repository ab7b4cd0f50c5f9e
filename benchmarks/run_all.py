"""Run every benchmark that needs no argument and write what they print to ``benchmarks/results.md``."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
SCRIPTS = (
    "place.py",
    "import_csv.py",
    "datum.py",
    "geocode.py",
    "duplicates.py",
    "density.py",
    "gi_star.py",
    "scan.py",
    "near_repeat.py",
    "exposure.py",
    "forecast.py",
    "roads.py",
    "maps.py",
)


def main() -> int:
    """Run them one after the other, so that none disturbs another; stop at the first that fails."""
    parts = [
        "# Benchmarks\n\nWritten by `make bench`: ours beside a peer in the same run. Trust the ratios.\n"
    ]
    for script in SCRIPTS:
        print(f"{script} …", file=sys.stderr)
        run = subprocess.run([sys.executable, HERE / script], stdout=subprocess.PIPE, text=True, check=False)
        if run.returncode:
            return run.returncode
        parts.append(run.stdout)
    (HERE / "results.md").write_text("\n".join(parts), encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
