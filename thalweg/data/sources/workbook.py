"""A sheet of a workbook (.xlsx, .xlsm): its first row names the columns; nothing in it is run."""

from thalweg.core.registry import source
from thalweg.data._dialect import Dialect
from thalweg.data._picture_paths import with_paths
from thalweg.data._source import Asked
from thalweg.data._text_table import named_columns, no_rows
from thalweg.data._workbook import read_sheet
from thalweg.data.dataset import Examples


@source("workbook", suffixes=(".xlsx", ".xlsm"), content=("an Excel workbook or another Office document", "zip"), table=True)
def workbook(asked: Asked) -> Examples:
    """The columns of the sheet that is asked for, or the only one, as text; kinds are inferred from all of it.

    Raises:
        DataRefusal: there are several sheets, the file is damaged, or columns are not named apart.
    """
    path, said = asked.given, asked.data
    sheet = read_sheet(path, said.sheet)
    header = said.header is not False
    names = named_columns(path, sheet.rows[0], Dialect(",", header=header))[0] if sheet.rows else []
    rows = sheet.rows[header:]
    if not rows:
        raise no_rows(path, names if header else [])
    columns = {name: [row[place].strip() for row in rows] for place, name in enumerate(names)}
    return Examples(path.stem, with_paths(columns, path.parent), notes=sheet.notes, facts={"separated": ","})
