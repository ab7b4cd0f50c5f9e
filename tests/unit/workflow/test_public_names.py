"""``pingan_geo.workflow`` gives its functions late, and the same whatever was imported before."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pingan_geo import workflow


def test_a_name_that_is_not_public_is_refused():
    with pytest.raises(AttributeError, match="find_everything"):
        workflow.find_everything  # noqa: B018


def test_every_public_name_is_there_and_listed():
    assert set(workflow.__all__) == set(workflow._MODULES) <= set(dir(workflow))
    for name in workflow.__all__:
        found = getattr(workflow, name)
        assert found.__name__ == name
        assert found.__module__ == f"pingan_geo.workflow.{workflow._MODULES[name]}"
        assert found.__doc__


@pytest.mark.parametrize(
    "first", ["import pingan_geo.workflow.explore", "from pingan_geo.workflow import hotspots"]
)
def test_a_function_wins_over_the_module_of_its_name(first):
    code = (
        f"{first}\n"
        "from pingan_geo.workflow import explore, import_reports, make_demo\n"
        "from pingan_geo.workflow.explore import load_reports\n"
        "assert callable(explore) and callable(import_reports) and callable(make_demo) and callable(load_reports)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_importing_the_package_imports_nothing_heavy():
    code = "import sys, pingan_geo.workflow; print('pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "False"
