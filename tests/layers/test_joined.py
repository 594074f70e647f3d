"""Several inputs as one vector: codes as one-hot columns, in the type of the model where no input has one."""

import pytest
import torch

from thalweg.core.errors import UsageRefusal
from thalweg.fields.ports import Port
from thalweg.layers.joined import Joined

CODES = Port("colour", "categories", (2,), sizes=(3, 2))
NUMBERS = Port("size", "numbers", (1,))


def test_codes_become_columns_of_their_own_beside_the_numbers():
    rows = {"colour": torch.tensor([[2, 0], [0, 1]]), "size": torch.tensor([[0.5], [-1.0]])}
    said = Joined((NUMBERS, CODES))(rows)
    assert said.tolist() == [[0.5, 0, 0, 1, 1, 0], [-1.0, 1, 0, 0, 0, 1]]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
def test_codes_alone_are_read_in_the_type_of_the_model(dtype):
    joined = Joined((CODES,)).to(dtype)
    assert joined({"colour": torch.tensor([[2, 0]])}).dtype == dtype
    assert joined.state_dict() == {}


def test_what_varies_in_length_is_refused_with_what_leaves_it_out():
    varying, fixed = Port("words", "text", (None,)), Port("numbers", "numbers", (2,))
    with pytest.raises(UsageRefusal) as caught:
        Joined((varying, fixed))
    assert caught.value.fix.startswith("--ignore words leaves out what varies")
    with pytest.raises(UsageRefusal) as alone:
        Joined((varying,))
    assert "--ignore" not in alone.value.fix
