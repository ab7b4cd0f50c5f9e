"""What import-linter cannot see: own parents, sizes, doors named in CONTRIBUTING."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "pingan_geo"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "migrations/versions" not in path.as_posix())


def _name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.mark.parametrize("path", MODULES, ids=_name)
def test_no_module_imports_its_own_parent_package(path: Path) -> None:
    """``from pingan_geo.stats import x`` inside ``stats`` works only by the order of imports.

    The root package is no room of its own: it holds the version and imports nothing.
    """
    parent = _name(path).rpartition(".")[0]
    if path.name == "__init__.py" or parent == PACKAGE.name:
        return
    modules = {found.stem for found in path.parent.iterdir()}
    names = {
        alias.name
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and node.module == parent
        for alias in node.names
    }
    assert names <= modules
    assert parent not in {
        alias.name
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Import)
        for alias in node.names
    }


def test_pages_are_short() -> None:
    """A page is access, filters, one cached workflow call, show, downloads."""
    pages = [p for p in (PACKAGE / "ui" / "pages").glob("*.py") if p.name != "__init__.py"]
    assert pages
    lengths = {page.name: len(page.read_text(encoding="utf-8").splitlines()) for page in pages}
    assert {name: length for name, length in lengths.items() if length > 80} == {}


def test_app_is_only_a_door() -> None:
    assert len((ROOT / "app.py").read_text(encoding="utf-8").splitlines()) <= 60


def test_the_package_works_without_streamlit() -> None:
    """Notebooks and the command line need no Streamlit, which is an extra."""
    code = (
        "import sys\n"
        "class Refuse:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in {'streamlit', 'streamlit_folium', 'uvicorn', 'starlette'}:\n"
        "            raise ImportError(name)\n"
        "sys.meta_path.insert(0, Refuse())\n"
        "import pingan_geo, pingan_geo.workflow as w\n"
        "import pingan_geo.cli\n"
        "[getattr(w, name) for name in w.__all__]\n"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
