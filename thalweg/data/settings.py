"""What a user can say of the data: the target, kinds and roles of fields, how rows are split, and what to do with bad files."""

from collections.abc import Sequence
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from thalweg.core.settings import Settings

OnBadFile = Literal["skip", "refuse"]
"""What a file that cannot be decoded leads to, while few are so."""


Caching = Literal["auto", "always", "never"]
"""Whether encoded values lie in memory or in a file."""


class Fractions(Settings):
    """Share of the rows that each part takes; parts that came with the data are kept as they are.

    Given as a mapping, or as four numbers in this order ("0.6,0.1,0.1,0.2").
    """

    train: float = Field(default=0.6, gt=0, lt=1)
    validation: float = Field(default=0.1, gt=0, lt=1)
    calibration: float = Field(default=0.1, gt=0, lt=1)
    test: float = Field(default=0.2, gt=0, lt=1)

    @model_validator(mode="before")
    @classmethod
    def _from_four(cls, given: Any) -> Any:
        if isinstance(given, str):
            given = given.replace("/", ",").split(",")
        if not isinstance(given, Sequence):
            return given
        if len(given) != len(cls.model_fields):
            raise ValueError("split takes four fractions: train,validation,calibration,test")
        return dict(zip(cls.model_fields, given, strict=True))

    @model_validator(mode="after")
    def _whole(self) -> Self:
        total = self.train + self.validation + self.calibration + self.test
        if abs(total - 1) > 1e-6:
            raise ValueError(f"fractions must sum to 1, these sum to {total:g}")
        return self


class DataSettings(Settings):
    """How examples are read, typed and split.

    Attributes:
        target: the field to predict; None looks for one.
        fields: field name to the kind ("number", "image") or role ("group", "ignored", "weight") that it has.
        ignore: fields to leave out.
        keep: fields that are inputs whatever the check of the data says of them.
        keep_duplicates: copies of a row may stand in several parts.
        group: field whose equal values stay in one part.
        time: field by which parts are cut: the past trains, the future tests.
        stratified: each class stands in each part in its share.
        image_size: side of the pictures in pixels; None chooses one.
        image_crop: share of the shorter side that a square cut from the middle keeps; None: the whole picture, resized.
        image_channels: 1 grey, 3 coloured; None: as the pictures are.
        image_pixels: pixels that a picture may have; None: 50 million.
        image_mean, image_deviation: of each channel, pixels from 0 to 1; None: those of the training pictures.
        text_length: words of a text that are read; None: 400.
        text_case: whether words that differ in case are one word.
        drop_missing_target: leave out rows whose target is missing, instead of refusing.
        on_bad_file: what a file that cannot be decoded leads to, while few are so.
        on_bad_row: what a row that cannot be read leads to.
        header: the first line of a table holds names; None looks.
        delimiter: what separates values in a text table; None looks.
        decimal: the decimal mark in a text table; None looks.
        encoding: the character encoding of text files; None looks.
        sheet: the sheet of a workbook.
        missing: further words (or numbers, -999) that stand for a missing value.
        date_order: "day" or "month", which comes first in dates where nothing else tells; None looks.
        parse_numbers: numbers of the target may be written with currencies, per cent and signs between thousands.
        download: the network may be used to fetch catalogued data.
        cache: encoded values lie in files of the user's cache folder and are read from there: auto where they would take more
            than half of the free memory. They are the same values.
    """

    target: str | None = None
    fields: dict[str, str] = Field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    keep: tuple[str, ...] = ()
    keep_duplicates: bool = False
    group: str | None = None
    time: str | None = None
    split: Fractions = Field(default_factory=Fractions)
    stratified: bool = True
    image_size: int | None = Field(default=None, ge=4, le=4096)
    image_crop: float | None = Field(default=None, gt=0, le=1)
    image_channels: Literal[1, 3] | None = None
    image_pixels: int | None = Field(default=None, ge=1, le=178_956_970)
    image_mean: tuple[float, ...] | None = None
    image_deviation: tuple[float, ...] | None = None
    text_length: int | None = Field(default=None, ge=1, le=1 << 20)
    text_case: Literal["fold", "keep"] = "fold"
    drop_missing_target: bool = False
    on_bad_file: OnBadFile = "skip"
    on_bad_row: Literal["skip", "refuse"] = "refuse"
    header: bool | None = None
    delimiter: str | None = None
    decimal: Literal[".", ","] | None = None
    encoding: str | None = None
    sheet: str | None = None
    missing: tuple[str, ...] = ()
    date_order: Literal["day", "month"] | None = None
    parse_numbers: bool = False
    download: bool = False
    cache: Caching = "auto"

    def reading(self) -> dict[str, Any]:
        """What was said of how files are read, which goes with a model: its data are read alike."""
        text = {"header", "delimiter", "decimal", "encoding", "sheet", "missing", "date_order", "parse_numbers"}
        return self.model_dump(include={"fields", *text}, exclude_defaults=True)

    @field_validator("ignore", "missing", mode="before")
    @classmethod
    def _one_or_many(cls, given: Any) -> Any:
        return tuple(part.strip() for part in given.split(",")) if isinstance(given, str) else given
