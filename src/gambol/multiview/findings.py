"""What a check of a rig finds wrong, and from where on it is called wrong."""

from typing import NamedTuple

from pydantic import PositiveFloat, PositiveInt

from gambol.core.config import Config


class Finding(NamedTuple):
    """One thing that is wrong with a rig, or looks so."""

    check: str  # which test found it
    cameras: tuple[str, ...]
    value: float
    limit: float
    sentence: str  # what, where, and what to do


class Limits(Config):
    """Where each check draws its line."""

    same_degrees: PositiveFloat = 0.1  # two cameras nearer than both are one, entered twice
    same_share: PositiveFloat = 0.001  # of the rig's extent
    f_least: PositiveFloat = 0.3  # of the image's width: 118 degrees across
    f_most: PositiveFloat = 20.0  # of the width: 3 degrees across
    f_ratio: PositiveFloat = 10.0  # to the median of the other cameras
    f_sd: PositiveFloat = 0.05  # relative
    centre_share: PositiveFloat = 0.2  # of the width, off the image's middle
    aspect: PositiveFloat = 0.02  # of f_x / f_y off 1
    shared: PositiveInt = 30  # points that join two cameras
    loop_degrees: PositiveFloat = 0.5
    rms_px: PositiveFloat = 1.0
    rms_ratio: PositiveFloat = 3.0  # to the median view
    trend_px: PositiveFloat = 0.3  # of mean residuals along the radius or time
    trend_sds: PositiveFloat = 5.0  # by which a trend must exceed chance
    covered: PositiveFloat = 0.5  # of the image
    boards: PositiveInt = 10
    working: PositiveFloat = 0.2  # of the working distance
    behind: PositiveFloat = 0.01  # of points
    length: PositiveFloat = 0.01  # of a known distance
