"""What one picture costs a network: multiplications and additions."""

import copy

import torch
from torch.utils.flop_counter import FlopCounterMode

from gambol.nn.model import PoseNet


def flops(net: PoseNet, height: int, width: int) -> int:
    """Count the operations of one picture: a multiplication and an addition are two.

    Only convolutions and matrix products count, as is usual.

    Args:
        net: the network; it stays as it is.
        height: of the picture, network pixels, a multiple of the network's.
        width: likewise.
    """
    # sizes without numbers, where attention is counted too, which on a CPU it is not
    probe = copy.deepcopy(net).to("meta").eval()
    picture = torch.zeros(1, net.spec.channels, height, width, dtype=torch.uint8, device="meta")
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        probe(picture)
    return int(counter.get_total_flops())
