"""Series in tables: a row a series and a column a step, or a row a step under the id of its series, become one field.

What was found is told, and goes with a model (`facts["reading"]`), so that its data are read alike; who says otherwise of such
fields (`--field t=number`, `--group id`) is heeded.
"""

from thalweg.data._long_tables import long_table
from thalweg.data._wide_tables import wide_table
from thalweg.data.dataset import Examples
from thalweg.data.settings import DataSettings


def gathered(examples: Examples, settings: DataSettings) -> Examples:
    """The examples of a table, each of its series in one field; the same where it holds none.

    Raises:
        DataRefusal: the user says that there are series, but steps cannot be told apart or values are no numbers.
    """
    return wide_table(long_table(examples, settings) or examples, settings)
