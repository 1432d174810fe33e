"""What commands import when they need it; imported by the process that they are forked from.

What starts threads when it is imported, as OpenVINO does, does not belong here.
"""

import xarray as xr

xr.Dataset({"name": ("place", [1.0])}, {"place": ["here"]})  # the first imports dask, for one
