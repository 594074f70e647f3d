"""A single NumPy array (.npy): inputs without a target, or a table with named columns (a structured array)."""

from thalweg.core.disk import digest_of
from thalweg.core.errors import DataRefusal
from thalweg.core.registry import source
from thalweg.data._npy import read_npy
from thalweg.data._shapes import examples_of
from thalweg.data._source import Asked
from thalweg.data.dataset import Examples


@source("npy", suffixes=(".npy",), content=("npy",))
def npy(asked: Asked) -> Examples:
    """The array of an .npy file as columns.

    Raises:
        DataRefusal: Python objects, or damage.
    """
    path = asked.given
    array = read_npy(path)
    columns = {name: array[name] for name in array.dtype.names} if array.dtype.names else {"x": array}
    target = asked.data.target if asked.data.target in columns else None
    examples = examples_of(path.stem, columns, target=target, sequences=False, fields=asked.data.fields)
    examples.facts["digest"] = f"sha256:{digest_of(path.resolve(), limit=path.stat().st_size, refusal=DataRefusal)[1]}"
    return examples
