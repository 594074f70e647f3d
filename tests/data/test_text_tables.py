"""Tables in text files: how they are written is found, said, and refused where it cannot be told."""

import bz2
import gzip
import lzma
import zipfile
from pathlib import Path

import pytest

from tests.refusing import expect_refusal
from thalweg.data import _unpacked
from thalweg.data.dataset import Examples
from thalweg.data.read import read
from thalweg.data.settings import DataSettings

ROWS = "".join(f"{i},{('red', 'green')[i % 2]},{i * 1.5}\n" for i in range(30))
TABLE = f"id,colour,size\n{ROWS}"


def reading(folder: Path, content: str | bytes, name: str = "table.csv", **settings: object) -> Examples:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    examples = read(path, DataSettings(**settings))
    assert isinstance(examples, Examples)
    return examples


def packed_by_name(name: str, content: bytes) -> bytes:
    if name.endswith(".zst"):
        import pyarrow

        return pyarrow.compress(content, codec="zstd", asbytes=True)
    return {".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}[name[name.rindex(".") :]](content)


@pytest.mark.parametrize("name", ["table.csv.gz", "table.csv.bz2", "table.csv.xz", "table.csv.zst"])
def test_a_packed_table_is_read_as_the_plain_one(tmp_path: Path, name: str):
    plain = reading(tmp_path, TABLE)
    packed = reading(tmp_path, packed_by_name(name, TABLE.encode()), name)
    assert (packed.name, packed.columns) == (plain.name, plain.columns)
    assert packed.columns["colour"][:2] == ["red", "green"]


@pytest.mark.parametrize("name", ["table.csv.zip", "export.zip"])
def test_a_zip_of_one_table_is_read_without_the_junk_in_it(tmp_path: Path, name: str):
    with zipfile.ZipFile(tmp_path / name, "w") as archive:
        archive.writestr("data/table.csv", TABLE)
        archive.writestr("__MACOSX/data/._table.csv", "junk")
    examples = read(tmp_path / name)
    assert list(examples.columns) == ["id", "colour", "size"]


def test_a_zip_of_several_tables_is_refused_with_their_names(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "two.csv.zip", "w") as archive:
        archive.writestr("a.csv", TABLE)
        archive.writestr("b.csv", TABLE)
    with expect_refusal("DATA_MANY_FILES", exit_code=3) as caught:
        read(tmp_path / "two.csv.zip")
    assert "a.csv, b.csv" in caught.value.what


def test_dat_04_a_table_of_names_alone_is_refused_with_them(tmp_path: Path):
    with expect_refusal("DATA_NO_ROWS", exit_code=3) as caught:
        reading(tmp_path, "id,colour,size\n")
    assert "id, colour, size" in caught.value.where
    assert "to predict for" in caught.value.why


def test_dat_06_a_line_with_one_value_too_many_is_named_with_its_text(tmp_path: Path):
    lines = TABLE.splitlines()
    lines[20] += ",surplus"
    with expect_refusal("DATA_RAGGED_ROW", exit_code=3) as caught:
        reading(tmp_path, "\n".join(lines))
    assert "line 21 has 4" in caught.value.what
    assert "surplus" in caught.value.what
    assert "--on-bad-row skip" in caught.value.fix
    assert caught.value.details == {"lines": [21], "count": 1, "expected": 3}


def test_dat_06_ragged_rows_are_left_out_counted_and_listed_where_the_user_says_so(tmp_path: Path):
    lines = TABLE.splitlines()
    lines[20] += ",surplus"
    lines[5] = "4,red"
    examples = reading(tmp_path, "\n".join(lines), on_bad_row="skip")
    assert len(examples) == 28
    assert any("2 rows left out" in note and "lines 6, 21" in note for note in examples.notes)
    assert [one["line"] for one in examples.facts["bad_rows"]] == [6, 21]


def test_dat_07_a_quote_that_is_never_closed_is_found_where_it_opens(tmp_path: Path):
    lines = [
        "id,text",
        *(f'{i},"a ""quoted"" word\nover two lines"' for i in range(10)),
        '10,"open',
        *(f"{i},x" for i in range(500)),
    ]
    with expect_refusal("DATA_OPEN_QUOTE", exit_code=3) as caught:
        reading(tmp_path, "\n".join(lines))
    assert caught.value.details["line"] == 22
    assert "line 22" in caught.value.what


def test_dat_07_a_quote_that_the_next_one_closes_after_thousands_of_lines_is_found(tmp_path: Path):
    lines = ["id,text", '0,"open', *(f"{i},x" for i in range(3000)), '1,fine"', *(f'{i},"y"' for i in range(9))]
    with expect_refusal("DATA_OPEN_QUOTE", exit_code=3) as caught:
        reading(tmp_path, "\n".join(lines))
    assert "spans 3,001 lines" in caught.value.what


def test_dat_08_semicolons_with_commas_in_numbers_are_found_and_said(tmp_path: Path):
    rows = "".join(f"{i};{i % 7},{i % 10};{'xy'[i % 2]}\n" for i in range(30))
    examples = reading(tmp_path, f"id;size;class\n{rows}")
    assert list(examples.columns) == ["id", "size", "class"]
    assert any("semicolons" in note and "--delimiter" in note for note in examples.notes)


def test_dat_08_two_separators_that_fit_equally_are_refused_with_the_option(tmp_path: Path):
    rows = "".join(f"{i}x;{i}y|{i}z\n" for i in range(30))
    with expect_refusal("DATA_DELIMITER", exit_code=3) as caught:
        reading(tmp_path, f"a;b|c\n{rows}", "table.txt")
    assert "--delimiter" in caught.value.fix
    assert list(reading(tmp_path, f"a;b|c\n{rows}", "table.txt", delimiter=";").columns) == ["a", "b|c"]


def test_dat_09_one_byte_of_another_encoding_is_named_by_byte_and_line(tmp_path: Path):
    content = ("id,name\n" + "1,Zoë\n" * 50).encode() + b"2,Jos\xe9\n" + b"3,Ann\n" * 50
    with expect_refusal("DATA_ENCODING", exit_code=3) as caught:
        reading(tmp_path, content)
    assert caught.value.details["byte"] == content.index(b"\xe9")
    assert caught.value.details["line"] == 52
    assert "--encoding cp1252" in caught.value.fix
    assert reading(tmp_path, content, encoding="cp1252").columns["name"][50] == "José"


def test_dat_09_a_file_all_in_another_encoding_is_read_and_said(tmp_path: Path):
    examples = reading(tmp_path, ("id,name\n" + "1,Müller\n2,50 €\n" * 20).encode("cp1252"))
    assert examples.columns["name"][:2] == ["Müller", "50 €"]
    assert any("cp1252" in note and "--encoding" in note and "line 2" in note for note in examples.notes)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_dat_10_marks_of_byte_order_are_no_part_of_the_first_name(tmp_path: Path, encoding: str):
    content = TABLE.replace("red", "röd").encode(encoding)
    said = {"encoding": "utf-16-le"} if encoding == "utf-16-le" else {}
    examples = reading(tmp_path, content, **said)
    assert next(iter(examples.columns)) == "id"
    assert examples.columns["colour"][0] == "röd"


def test_dat_11_zero_bytes_are_told_by_their_place(tmp_path: Path):
    content = TABLE.encode() + b"\0" * 4096
    with expect_refusal("DATA_ZERO_BYTES", exit_code=3) as caught:
        reading(tmp_path, content)
    assert f"byte {len(TABLE):,}" in caught.value.where


def test_dat_12_a_first_line_of_numbers_is_not_taken_for_names(tmp_path: Path):
    with expect_refusal("DATA_NO_HEADER", exit_code=3) as caught:
        reading(tmp_path, ROWS)
    assert "--no-header" in caught.value.fix
    examples = reading(tmp_path, ROWS, header=False)
    assert list(examples.columns) == ["column_1", "column_2", "column_3"]
    assert len(examples) == 30


def test_a_first_line_that_recurs_below_is_a_row_and_that_is_said(tmp_path: Path):
    examples = reading(tmp_path, "".join(f"{('ham', 'spam')[i % 2]}\ttext number {i}\n" for i in range(40)), "messages.tsv")
    assert len(examples) == 40
    assert any("no line of names" in note and "--header" in note for note in examples.notes)


@pytest.mark.parametrize("name", ["new.csv", "new.txt"])
def test_a_single_column_of_sentences_is_not_cut_into_words(tmp_path: Path, name: str):
    assert reading(tmp_path, "question\nHow far is the moon ?\nWho painted it last year ?\n", name).columns == {
        "question": ["How far is the moon ?", "Who painted it last year ?"]
    }
    assert reading(tmp_path, "question\nHow far is the moon ?\n", name).columns == {"question": ["How far is the moon ?"]}


def test_names_that_are_steps_are_names(tmp_path: Path):
    rows = "".join("a," + ",".join(str(i * j) for j in range(10)) + "\n" for i in range(30))
    examples = reading(tmp_path, "label," + ",".join(map(str, range(10))) + "\n" + rows)
    assert list(examples.columns) == ["label", *map(str, range(10))]


def test_dat_13_two_columns_of_one_name_are_refused_by_their_places(tmp_path: Path):
    with expect_refusal("DATA_COLUMN_TWICE", exit_code=3) as caught:
        reading(tmp_path, "a,b,a\n1,2,3\n4,5,6\n")
    assert '"a" in columns 1, 3' in caught.value.what


def test_dat_15_a_column_without_a_name_is_refused_but_for_an_index(tmp_path: Path):
    with expect_refusal("DATA_COLUMN_NAME", exit_code=3):
        reading(tmp_path, "a,,c\n1,x,3\n4,y,6\n")
    with expect_refusal("DATA_COLUMN_NAME", exit_code=3):
        reading(tmp_path, ",b\nx,1\ny,2\nz,3\n")
    examples = reading(tmp_path, ",b,c\n" + "".join(f"{i},{i % 3},x\n" for i in range(30)))
    assert list(examples.columns) == ["b", "c"]
    assert any("no name and numbers the rows" in note for note in examples.notes)


def test_dat_31_a_line_that_does_not_end_is_refused_before_it_is_held(tmp_path: Path):
    path = tmp_path / "endless.csv.gz"
    with gzip.open(path, "wb") as file:
        file.write(b"a,b\n1,")
        for _ in range(20):
            file.write(b"x" * (1 << 20))
    with expect_refusal("DATA_LINE_TOO_LONG", exit_code=3) as caught:
        read(path)
    assert ":2" in caught.value.where


def test_dat_40_a_table_that_is_something_else_is_called_what_it_is(tmp_path: Path):
    for content, named in ((b"PAR1rest", "Parquet"), (b"<!DOCTYPE html><p>", "HTML"), (b"PK\x03\x04rest", "zip")):
        with expect_refusal("DATA_MISNAMED_FILE", exit_code=3) as caught:
            reading(tmp_path, content)
        assert named in caught.value.what


def test_dat_44_a_number_of_millions_of_digits_is_infinity_and_named_by_row(tmp_path: Path):
    from thalweg.data.encode import encode

    rows = "".join(f"{i * 1.5},{'ab'[i % 2]}\n" for i in range(200))
    examples = reading(tmp_path, f"size,class\n{rows}{'9' * 5_000_000},a\n")
    with expect_refusal("DATA_NOT_NUMBERS", exit_code=3) as caught:
        encode(examples, DataSettings(), seed=0)
    assert "row 200: inf" in caught.value.what


def test_dat_50_a_database_under_a_tables_name_is_recognised(tmp_path: Path):
    with expect_refusal("DATA_MISNAMED_FILE", exit_code=3) as caught:
        reading(tmp_path, b"SQLite format 3\x00" + b"\0" * 100)
    assert "SQLite" in caught.value.what


def test_arc_07_a_bomb_is_left_off_while_it_unpacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(_unpacked, "FREE_BYTES", 1 << 20)
    path = tmp_path / "bomb.csv.xz"
    path.write_bytes(lzma.compress(b"a,b\n" * (1 << 21), preset=0))
    with expect_refusal("DATA_BOMB", exit_code=3):
        read(path)


def test_arc_13_a_damaged_member_and_an_encrypted_one_are_refused(tmp_path: Path):
    path = tmp_path / "table.csv.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("table.csv", TABLE)
    whole = path.read_bytes()
    path.write_bytes(whole.replace(whole[45:60], bytes(15), 1))
    with expect_refusal("DATA_DAMAGED_FILE", exit_code=3):
        read(path)
    flagged = bytearray(whole)
    flagged[whole.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(flagged))
    with expect_refusal("DATA_UNSAFE_ARCHIVE", exit_code=3):
        read(path)


def test_arc_01_a_member_that_climbs_out_is_refused_by_name(tmp_path: Path):
    path = tmp_path / "table.csv.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../evil.csv", TABLE)
    with expect_refusal("DATA_UNSAFE_ARCHIVE", exit_code=3) as caught:
        read(path)
    assert "../../evil.csv" in caught.value.what


def test_arc_15_a_packed_table_that_was_cut_off_says_how_far_it_came(tmp_path: Path):
    whole = gzip.compress(("a,b\n" + "".join(f"{i},{i * i % 97}\n" for i in range(200_000))).encode())
    path = tmp_path / "cut.csv.gz"
    path.write_bytes(whole[: len(whole) * 7 // 10])
    with expect_refusal("DATA_DAMAGED_FILE", exit_code=3) as caught:
        read(path)
    assert "bytes came out" in caught.value.where


def test_tables_of_the_parts_in_a_folder_are_the_parts(tmp_path: Path):
    for name, start in (("train", 0), ("valid", 20), ("test", 25)):
        end = {"train": 20, "valid": 25, "test": 30}[name]
        lines = TABLE.splitlines()
        (tmp_path / f"{name}.csv").write_text("\n".join([lines[0], *lines[1 + start : 1 + end]]))
    examples = read(tmp_path)
    assert {part: len(rows) for part, rows in examples.given.items()} == {"train": 20, "validation": 5, "test": 5}
    assert len(examples) == 30


def test_a_test_table_without_the_target_is_left_out_and_said(tmp_path: Path):
    (tmp_path / "train.csv").write_text(TABLE)
    (tmp_path / "valid.csv").write_text(TABLE)
    (tmp_path / "test.csv").write_text("id,colour\n1,red\n2,green\n")
    examples = read(tmp_path, DataSettings(target="size"))
    assert "test" not in examples.given
    assert any("test.csv is left out: it has no size" in note for note in examples.notes)


def test_paths_of_pictures_are_meant_from_where_the_table_lies(tmp_path: Path):
    from PIL import Image

    (tmp_path / "photos").mkdir()
    for i in range(4):
        Image.new("L", (4, 4), i).save(tmp_path / "photos" / f"{i}.png")
    examples = reading(tmp_path, "photo,class\n" + "".join(f"photos/{i}.png,{'ab'[i % 2]}\n" for i in range(4)))
    assert examples.columns["photo"][1] == tmp_path / "photos" / "1.png"
