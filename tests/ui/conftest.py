"""The pages run without a browser: the map's inside is opaque, everything around it is not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import pingan_geo.ui

RUN = Path(pingan_geo.ui.__file__).parent / "entry" / "run.py"
LONG_S = 60


def draw_page(name: str) -> None:
    """Run one page as the app does; this text is what the test run executes."""
    from pingan_geo.ui import cache, state
    from pingan_geo.ui.components import layout

    town = cache.current_town()
    t = state.visitor_language(town.settings.language)
    layout.show_language_switch(t)
    visit = cache.begin_visit(town, t)
    __import__(f"pingan_geo.ui.pages.{name}", fromlist=["show"]).show(visit)
    layout.show_footer(visit)


@pytest.fixture
def open_page(monkeypatch):
    """Opens a page of a town at an address, as a visitor of its own."""
    from streamlit.testing.v1 import AppTest

    def start(town, name="map", **address):
        monkeypatch.setenv("PINGAN_TOWN", str(getattr(town, "folder", town)))
        app = AppTest.from_function(draw_page, args=(name,), default_timeout=LONG_S)
        for parameter, value in address.items():
            app.query_params[parameter] = value
        return app.run()

    return start


@pytest.fixture
def own_town(tiny_town, tmp_path):
    """A copy of the tiny town that a test may change."""
    from pingan_geo.storage.database import backup_to

    folder = tmp_path / "town"
    shutil.copytree(tiny_town.folder, folder, ignore=shutil.ignore_patterns("town.sqlite*"))
    backup_to(tiny_town.store, folder / "town.sqlite")
    return folder


@pytest.fixture
def open_app(monkeypatch):
    """Opens the whole app, with its navigation."""
    from streamlit.testing.v1 import AppTest

    def start(folder, **address):
        monkeypatch.setenv("PINGAN_TOWN", str(folder))
        app = AppTest.from_file(str(RUN), default_timeout=LONG_S)
        for parameter, value in address.items():
            app.query_params[parameter] = value
        return app.run()

    return start


@pytest.fixture
def words_of():
    """All that a page says in words."""

    def said_by(app) -> str:
        said = [getattr(one, "value", "") or "" for one in (*app.markdown, *app.caption)]
        boxes = [one.value for kind in (app.info, app.warning, app.error, app.success) for one in kind]
        html = [body for one in app.get("html") if not (body := one.proto.body).startswith("<style>")]
        labels = [
            one.label
            for kind in (app.selectbox, app.multiselect, app.button, app.number_input, app.text_input)
            for one in kind
        ]
        return "\n".join(str(text) for text in (*said, *boxes, *html, *labels))

    return said_by
