"""What a source is: a function from what was asked to examples or a dataset, declared in a file of its own.

```python
@source("sinusoids", catalogued=True, task="regression", settings=SineSettings)
def sinusoids(asked: Asked[SineSettings]) -> Examples | Dataset: ...
```

Facts on the declaration say when the source is meant; they are read without importing its file:

- `catalogued=True`: it is asked for by its name (`digits`); `asked.given` is that name.
- `scheme="gym"`: it is asked for as `gym:NAME`; `asked.given` is what follows the colon.
- `suffixes=(".npz",)`: files whose names end so; `asked.given` is a `Path` that exists and may be read. `content=("zip",)`
  names what such a file may be by its first bytes (`()`: nothing that is known by them), so that a misnamed file is refused.
  Where several sources have a suffix, `recognises(path) -> int` beside each says how sure it is of a file.
  `single=True`: such a file is one example and no dataset.
- `table=True`: plain columns, among which series may stand in many columns or rows; they are gathered (`data/_gathered.py`).
- `parts=True`: `in_parts(asked) -> Iterator[Examples]` beside the source reads a file some rows at a time (`data/_parts.py`).
- `unnamed=True`: files of lines such as tables have, whose names end in no known suffix.
- `folder=True`: folders; `recognises(path) -> int` stands beside the source in its file, 0 for no, else how sure it is.
- `objects=True`: objects in memory; `recognises(given) -> int` likewise.

Further facts are for people: `task`, `licence`, `rows`, and `model` or `rule` where a domain suggests one. Catalogued data
that are not shipped state `files` and `address` too: `thalweg/data/catalogue.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from thalweg.core.settings import Settings
from thalweg.data.settings import DataSettings

S = TypeVar("S", bound=Settings)


@dataclass(frozen=True)
class Asked(Generic[S]):
    """What a source is asked for.

    Attributes:
        given: the path, name or object.
        data: what the user said of the data.
        settings: the source's own settings, validated; those it declares, else empty ones.
        told: called while data are fetched, with the bytes that are here and those of the whole file.
    """

    given: Any
    data: DataSettings
    settings: S
    told: Callable[[int, int], None] | None = None
