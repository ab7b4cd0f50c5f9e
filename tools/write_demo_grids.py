"""Write ``data/grids/``: the polygons of the demo town of seed 1, and where they come from."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

from pingan_geo.settings import LAYER_FILES
from pingan_geo.workflow.make_demo import make_demo

GRIDS = Path(__file__).resolve().parents[1] / "data" / "grids"
POLYGON_LAYERS = ("area", "villages", "grids", "beats", "estates")
HEAD = """\
# Where the polygons in this folder come from. All of them are SYNTHETIC (合成示意数据): borders of the real
# 新塍镇, its villages and its 网格 are not published, and these must not be taken for them.
# Made anew by: .venv/bin/python tools/write_demo_grids.py
"""
LAYER = """
[layers.{layer}]
file = "{file}"
synthetic = true
source = "pingan_geo.demo, seed 1{real}"
licence = "Apache-2.0"
date = 2026-09-01
datum = "WGS-84 (EPSG:4326)"
id_column = "code"
name_column = "name"
parent_column = "parent"
shapes = {shapes}
sha256 = "{sha256}"
"""
REAL = {
    "villages": "; names and 12-digit codes are the public statistics codes of 2016, borders are made up",
    "grids": "; the first 12 digits of a code are the village's, the last 3 and the borders are made up",
}


def main() -> None:
    """Make the town without reports and copy its polygons."""
    GRIDS.mkdir(parents=True, exist_ok=True)
    text = HEAD
    with tempfile.TemporaryDirectory() as folder:
        town = make_demo(Path(folder) / "demo", seed=1, reports=0)
        for layer in POLYGON_LAYERS:
            content = town.settings.layer_path(layer).read_bytes()
            (GRIDS / LAYER_FILES[layer]).write_bytes(content)
            text += LAYER.format(
                layer=layer,
                file=LAYER_FILES[layer],
                real=REAL.get(layer, ""),
                shapes=len(town.layer(layer)),
                sha256=hashlib.sha256(content).hexdigest(),
            )
        town.close()
    (GRIDS / "sources.toml").write_text(text, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
