"""Every tier; importing this package registers them."""

from gambol.multiview.tiers import auto as auto
from gambol.multiview.tiers import constrained as constrained
from gambol.multiview.tiers import distance as distance
from gambol.multiview.tiers import dlt as dlt
from gambol.multiview.tiers import gimbal as gimbal
from gambol.multiview.tiers import median as median
from gambol.multiview.tiers import msac as msac
from gambol.multiview.tiers import refine as refine
from gambol.multiview.tiers import robust as robust
from gambol.multiview.tiers import smooth as smooth
