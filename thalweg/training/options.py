"""What `tw.train` takes beyond the parts; the command line has a flag for each."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from thalweg.core.talk import Talk


class TrainOptions(TypedDict, total=False):
    """What `train` takes beyond the parts: by the names that flags of the command line have.

    Attributes:
        target: the field to predict; looked for where it is not named.
        epochs: times through the training part.
        steps: steps instead of epochs.
        batch_size: rows of a batch; "auto": those that learn fastest.
        lr: learning rate at its peak; "auto": as a range test suggests.
        find_lr, find_batch_size: only say what "auto" would take.
        seed: of everything random; 0 by default.
        preset: how much effort: "fast", "good" (the default) or "best".
        time_limit: time from reading the data to the package, instead of epochs: 90, "90s", "2m", "1h30m".
        patience: evaluations without gain before stopping.
        augment: names of augmentations; none at all where it is empty.
        device, precision, threads, speed: on what it runs, and how.
        deterministic: refuse operations that have no deterministic form; they are told in any case.
        profile: say where the time of a step goes.
        split: shares of train, validation, calibration and test.
        field: name of a field to its kind or role.
        ignore: fields to leave out.
        group, time: fields by which parts are cut.
        image_size: side of pictures in pixels.
        image_pixels: pixels that a picture may have; 50 million unless said.
        drop_missing_target: leave out rows without a target.
        on_bad_file, on_bad_row: "skip" or "refuse".
        header, delimiter, decimal, encoding, sheet: how a table is written.
        missing, date_order, parse_numbers: what its values mean; see `thalweg train --help`.
        weights: published weights to begin with: a name of `thalweg weights list`, or a file.
        freeze: what stays as it is while the rest learns: "trunk" for all but the head, or names of layers.
        download: the network may be used to fetch catalogued data.
        keep: fields that are inputs whatever the check of the data says of them.
        keep_duplicates: copies of a row may stand in several parts.
        check: look at the data for defects first; true by default.
        compare: fit the baselines too; true by default.
        margin: difference that counts as none: 0.02, or "2%".
        resume: True goes on with the unfinished run in `out` as it was asked for, whatever is left unsaid now; False with none.
            None, the default: the same call repeated goes on with the unfinished run in `out`, or where no `out` is given with
            the newest of its name that nobody else trains; one that asks for anything else is refused, or begins anew.
        force: replace the run in `out`.
        talk: hears what the run says.
    """

    target: str | None
    epochs: int | None
    steps: int | None
    batch_size: int | str | None
    lr: float | str | None
    find_lr: bool | None
    find_batch_size: bool | None
    seed: int | None
    preset: str | None
    time_limit: float | str | None
    patience: int | None
    augment: str | Sequence[str | Mapping[str, Any]] | None
    device: str | None
    precision: str | None
    threads: int | None
    speed: str | None
    deterministic: bool | None
    profile: bool | None
    split: str | Sequence[float] | Mapping[str, float] | None
    field: Mapping[str, str] | None
    ignore: str | Sequence[str] | None
    group: str | None
    time: str | None
    image_size: int | None
    image_pixels: int | None
    drop_missing_target: bool | None
    on_bad_file: str | None
    on_bad_row: str | None
    header: bool | None
    delimiter: str | None
    decimal: str | None
    encoding: str | None
    sheet: str | None
    missing: str | Sequence[str] | None
    date_order: str | None
    parse_numbers: bool | None
    weights: str | None
    freeze: str | Sequence[str] | None
    download: bool | None
    keep: str | Sequence[str] | None
    keep_duplicates: bool | None
    check: bool | None
    compare: bool | None
    margin: float | str | None
    resume: bool | None
    force: bool
    talk: Talk | None
