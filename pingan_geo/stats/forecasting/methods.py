"""Every way to forecast, by its name.

What none of them says: why something is reported, nor that anything will happen. They expect reports, and
reports follow where and when people look.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pingan_geo.errors import BadChoiceError
from pingan_geo.stats.forecasting.counts import all_counts, gi_star_counts, lee_o_eck, recent_counts
from pingan_geo.stats.forecasting.history import Forecaster
from pingan_geo.stats.forecasting.kernels import adaptive_kernel, kernel, promap, space_time_kernel
from pingan_geo.stats.forecasting.learning import boosting, ensemble, glm, mixture
from pingan_geo.stats.forecasting.self_exciting import self_exciting

#: Names and forecasters. What each does not say stands in its own docstring.
METHODS: Final[Mapping[str, Forecaster]] = MappingProxyType(
    {
        "count_28": recent_counts(28.0),
        "count_90": recent_counts(90.0),
        "count_365": recent_counts(365.0),
        "count_all": all_counts,
        "gi_star": gi_star_counts,
        "lee_o_eck": lee_o_eck,
        "kernel": kernel,
        "kernel_adaptive": adaptive_kernel,
        "space_time_kernel": space_time_kernel,
        "promap": promap,
        "self_exciting": self_exciting,
        "mixture": mixture,
        "glm": glm,
        "boosting": boosting,
        "ensemble": ensemble,
    }
)


def forecaster(name: str) -> Forecaster:
    """Return the forecaster of a name.

    Raises
    ------
    BadChoiceError
        If there is none of this name.
    """
    if name not in METHODS:
        raise BadChoiceError(name="method", value=name, expected=", ".join(METHODS))
    return METHODS[name]
