import pytest
import torch


@pytest.fixture(autouse=True, scope="session")
def _one_thread():
    """Small networks are slower on two threads than on one."""
    torch.set_num_threads(1)
