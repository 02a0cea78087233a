"""Networks, pictures, losses and gradients are those that agreed with the official fixture, which may be absent."""

import numpy as np
import pytest
import torch
from torch import Tensor

from golden import own_parity
from tolerances import OWN_GRADIENT, OWN_RELATIVE

with np.load(own_parity.FILE, allow_pickle=False) as file:
    EXPECTED = {name: torch.from_numpy(file[name]) for name in file.files}


@pytest.fixture(scope="module")
def computed() -> dict[str, Tensor]:
    return own_parity.compute()


def test_the_file_holds_what_is_compared(computed: dict[str, Tensor]) -> None:
    assert set(EXPECTED) == set(computed)
    assert own_parity.FILE.stat().st_size < 200_000


@pytest.mark.parametrize("name", EXPECTED)
def test_results_are_the_frozen_ones(name: str, computed: dict[str, Tensor]) -> None:
    expected = EXPECTED[name]
    bound = OWN_GRADIENT if name.startswith("gradient_") else OWN_RELATIVE
    atol = bound * expected.abs().max().item()
    torch.testing.assert_close(computed[name], expected, rtol=0, atol=atol)
