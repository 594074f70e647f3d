"""Products of matrices are the same up to rounding by whatever library, for whatever lies in memory however."""

import pytest
import torch

from thalweg.engine import _multiplied
from thalweg.engine._multiplied import by_either, by_onednn, multiplication

onednn = pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="torch was built without oneDNN")


@onednn
@pytest.mark.parametrize("sizes", [(1, 1, 1), (5, 3, 7), (64, 33, 66)], ids=str)
@pytest.mark.parametrize("turned", ["neither", "first", "second", "both"])
@pytest.mark.parametrize("multiply", [by_onednn, by_either])
def test_products_by_onednn_are_products(sizes, turned, multiply, monkeypatch):
    monkeypatch.setattr(_multiplied, "LEAST", 100)
    rows, inner, columns = sizes
    torch.manual_seed(0)
    x = torch.randn(inner, rows).t() if turned in ("first", "both") else torch.randn(rows, inner)
    y = torch.randn(columns, inner).t() if turned in ("second", "both") else torch.randn(inner, columns)
    expected, out = x.double() @ y.double(), torch.full((rows, columns), torch.nan)
    assert multiply(x, y, out=out) is out
    for product in (multiply(x, y), out):
        assert product.dtype == torch.float32
        torch.testing.assert_close(product.double(), expected, rtol=1e-5, atol=1e-5)


@onednn
def test_onednn_adds_a_bias():
    torch.manual_seed(0)
    x, y, bias = torch.randn(5, 3), torch.randn(3, 7), torch.randn(7)
    torch.testing.assert_close(by_onednn(x, y, bias=bias), torch.addmm(bias, x, y), rtol=1e-5, atol=1e-5)


def test_one_machine_multiplies_one_type_in_one_way():
    each = [multiplication(torch.zeros(1, dtype=dtype)) for dtype in (torch.float64, torch.bfloat16)]
    assert each == [torch.mm, torch.mm]
    assert multiplication(torch.zeros(1)) is multiplication(torch.ones(3, 3))
