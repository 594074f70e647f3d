"""Predicting from packages: what is missing is refused, what is strange is said, and how rows are cut changes nothing."""

import linecache
import tracemalloc
import warnings

import numpy as np
import pytest
import torch
from PIL import Image

import thalweg as tw
from tests.packages.trained import Heard, inputs, trained
from tests.refusing import expect_refusal
from thalweg.core.errors import UsageRefusal
from thalweg.core.position import Position
from thalweg.fields.encoding import Encodings
from thalweg.fields.kinds.number import Number
from thalweg.fields.kinds.vector import Vector
from thalweg.packages import blocks
from thalweg.packages.given import columns_of
from thalweg.packages.package import load_package, write_package


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """A model of two numbers and a colour."""
    return load_package(trained(tmp_path_factory.mktemp("run") / "run").folder.model)


@pytest.fixture(scope="module")
def grey(tmp_path_factory):
    """A model of grey pictures."""
    pixels = np.random.default_rng(0).integers(0, 255, (60, 8, 8), dtype=np.uint8)
    data = {"picture": pixels, "kind": ["dark" if i % 2 else "light" for i in range(60)]}
    return load_package(trained(tmp_path_factory.mktemp("run") / "run", data).folder.model)


def test_dat_33_columns_are_found_by_name_in_any_order(package):
    columns = inputs()
    turned = dict(reversed(columns.items()))
    assert np.array_equal(package.predict(turned)["probability"], package.predict(columns)["probability"])


def test_dat_33_missing_columns_are_refused_all_at_once(package):
    with expect_refusal("DATA_FIELDS_MISSING", exit_code=3) as caught:
        package.predict({"Width": inputs()["width"]})
    assert caught.value.details["missing"] == ["width", "height", "colour"]
    assert '"width" (numbers; did you mean "Width"?); "height" (numbers); "colour" (categories)' in caught.value.what


def test_dat_33_further_columns_are_left_aside_and_said(package):
    heard = Heard()
    columns = inputs()
    said = package.predict({**columns, "id": np.arange(7), "note": ["x"] * 7}, talk=heard)
    assert heard.warned == ["2 further columns are left aside: id, note"]
    assert np.array_equal(said["probability"], package.predict(columns)["probability"])


def test_dat_33_a_target_in_the_file_is_neither_needed_nor_looked_at(package):
    heard = Heard()
    said = package.predict({**inputs(), "kind": [None, "never seen", "no", "no", "no", "no", "no"]}, talk=heard)
    assert heard.warned == []
    assert len(said["kind"]) == 7


def test_dat_34_an_unseen_category_is_answered_and_said_with_its_count(package):
    heard = Heard()
    said = package.predict({**inputs(), "colour": ["red", "violet", "violet", "red", "blue", "red", "red"]}, talk=heard)
    assert len(said["kind"]) == 7
    assert heard.warned == ['values that training did not see count as unknown: colour 2 ("violet")']


def test_dat_34_what_nobody_listens_to_becomes_a_warning_of_pythons(package):
    with pytest.warns(tw.Note, match="violet") as said:
        package.predict({**inputs(2), "colour": ["red", "violet"]})
    assert said[0].filename == __file__
    assert "package.predict" in linecache.getline(said[0].filename, said[0].lineno)


def test_a_note_points_at_the_callers_line_through_whatever_of_ours_lies_between(package, tmp_path):
    write_package(tmp_path / "model", package, card="")
    with pytest.warns(tw.Note) as said:
        tw.predict(tmp_path / "model", {**inputs(2), "colour": ["red", "violet"]})
    assert "tw.predict" in linecache.getline(said[0].filename, said[0].lineno)


def test_notes_can_be_silenced_by_their_class(package):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", tw.Note)
        assert len(package.predict({**inputs(2), "colour": ["red", "violet"]})["kind"]) == 2


def test_dat_34_a_column_that_is_mostly_unseen_is_refused_unless_that_is_allowed(package):
    columns = {**inputs(40), "colour": ["violet"] * 30 + ["red"] * 10}
    with expect_refusal("DATA_MOSTLY_UNSEEN", exit_code=3) as caught:
        package.predict(columns, talk=Heard())
    assert 'colour in 30 of 40 rows ("violet")' in caught.value.what
    assert len(package.predict(columns, allow_unknown=True, talk=Heard())["kind"]) == 40


def test_dat_35_text_where_numbers_were_is_refused_by_row(package):
    columns = inputs()
    with expect_refusal("DATA_NOT_NUMBERS", exit_code=3) as caught:
        package.predict({**columns, "height": ["low", "low", "tall", 4.0, "high", 6.0, 7.0]})
    assert "row 2: 'tall'" in caught.value.what
    assert '"height"' in caught.value.what


def test_dat_35_bad_rows_of_all_blocks_are_numbered_over_all_rows(package):
    rows = 2 * blocks.BLOCK + 10
    height = np.zeros(rows)
    height[[3, blocks.BLOCK, rows - 1]] = np.inf
    columns = {"width": np.zeros(rows), "height": height, "colour": ["red"] * rows}
    with expect_refusal("DATA_NOT_NUMBERS", exit_code=3) as caught:
        package.predict(columns)
    assert list(caught.value.details["rows"]) == [3, blocks.BLOCK, rows - 1]
    assert caught.value.what.startswith(f"3 of {rows:,} values")


def test_a_few_words_among_numbers_count_as_missing_and_are_said_by_row(package):
    heard = Heard()
    said = package.predict({**inputs(), "height": [1.0, 2.0, "tall", 4.0, 5.0, 6.0, 7.0]}, talk=heard)
    assert heard.warned[0] == "1 of 7 values of \"height\" are no numbers and count as missing: row 2: 'tall'"
    blank = package.predict({**inputs(), "height": [1.0, 2.0, None, 4.0, 5.0, 6.0, 7.0]}, talk=Heard())
    assert np.array_equal(said["probability"], blank["probability"])


def test_gaps_are_filled_and_said(package):
    heard = Heard()
    package.predict({**inputs(3), "width": [1.0, None, 2.0]}, talk=heard)
    assert heard.warned[0] == "gaps count as the mean: 1 in width"


@pytest.mark.parametrize("size", [1, 3, 64, 1000, 10_000])
def test_answers_are_the_same_for_any_batch_size(package, size):
    rows = blocks.BLOCK + 37
    drawn = np.random.default_rng(1).normal(size=(2, rows))
    columns = {"width": drawn[0], "height": drawn[1], "colour": ["red", "blue"] * (rows // 2) + ["red"] * (rows % 2)}
    whole, cut = package.predict(columns), package.predict(columns, batch_size=size)
    assert list(whole) == list(cut)
    assert np.array_equal(whole["kind"], cut["kind"])
    np.testing.assert_allclose(cut["probabilities"], whole["probabilities"], atol=1e-6)


def test_what_is_drawn_does_not_depend_on_the_batch_size():
    column = np.arange(blocks.BLOCK + 20.0)
    encodings = Encodings([Number("numbers", ["x"]).fit([column])])

    def drawn(size):
        supply = blocks.Blocks(encodings, {"x": column}, Position(3), size=size, like=torch.empty(0))
        return torch.cat([at.normal("noise", batch, 2) for batch, at in supply])

    assert torch.equal(drawn(7), drawn(256))
    assert not torch.equal(drawn(256)[:20], drawn(256)[-20:])


def test_blocks_that_are_encoded_together_draw_and_stand_as_those_encoded_one_by_one(monkeypatch):
    column = np.arange(5 * blocks.BLOCK + 20.0)
    encodings = Encodings([Number("numbers", ["x"]).fit([column])])

    def supplied(encoded):
        monkeypatch.setattr(blocks, "ENCODED", encoded)
        return list(blocks.Blocks(encodings, {"x": column}, Position(3), size=None, like=torch.empty(0)))

    together, one_by_one = supplied(1 << 20), supplied(1)
    assert [(batch.start, batch.whole, at) for batch, at in together] == [
        (batch.start, batch.whole, at) for batch, at in one_by_one
    ]
    for (first, at), (second, same) in zip(together, one_by_one, strict=True):
        assert torch.equal(first["numbers"], second["numbers"])
        assert torch.equal(first.rows, second.rows)
        assert torch.equal(at.normal("noise", first, 2), same.normal("noise", second, 2))


def test_a_model_reads_as_many_rows_at_once_as_lie_in_a_cache():
    narrow, wide = np.zeros((3000, 2)), np.zeros((3000, 20_000), dtype=np.float32)

    def sizes(values):
        encodings = Encodings([Vector("x", ["x"]).fit([values[:5]])])
        return {batch.size for batch, _ in blocks.Blocks(encodings, {"x": values}, Position(), size=None, like=torch.empty(0))}

    assert max(sizes(narrow)) == blocks.BLOCK
    assert blocks.LEAST_READ <= max(sizes(wide[:200])) <= blocks.READ // (4 * 20_000)


def test_one_row_is_answered_like_any_other(package):
    columns = inputs(5)
    alone = package.predict({name: column[2:3] for name, column in columns.items()})
    assert alone["kind"].shape == (1,)
    np.testing.assert_allclose(alone["probabilities"][0], package.predict(columns)["probabilities"][2], atol=1e-6)


def test_no_rows_are_refused(package):
    with expect_refusal("DATA_NO_ROWS", exit_code=3):
        package.predict({name: column[:0] for name, column in inputs().items()})


def test_columns_of_different_length_are_refused(package):
    with expect_refusal("DATA_LENGTHS_DIFFER", exit_code=3):
        package.predict({**inputs(), "width": np.zeros(3)})


def test_no_input_at_all_is_refused_with_what_is_read(package):
    with pytest.raises(UsageRefusal, match="PREDICT_NO_INPUT"):
        package.predict()


def test_pictures_are_decoded_a_block_at_a_time(grey, tmp_path):
    file = tmp_path / "one.png"
    Image.fromarray(np.full((64, 64), 200, dtype=np.uint8)).save(file)
    grey.predict({"picture": [str(file)]})  # what is imported and allocated once
    peaks = []
    for rows in (blocks.BLOCK, 4 * blocks.BLOCK):
        tracemalloc.start()
        grey.predict({"picture": [str(file)] * rows})
        peaks.append(tracemalloc.get_traced_memory()[1] / rows)
        tracemalloc.stop()
    assert peaks[1] < 0.7 * peaks[0]


def test_img_10_coloured_pictures_for_a_grey_model_are_refused_at_prediction(grey):
    pixels = np.random.default_rng(0).integers(0, 255, (3, 8, 8, 3), dtype=np.uint8)
    with expect_refusal("DATA_BAD_PICTURES", exit_code=3) as caught:
        grey.predict({"picture": pixels})
    assert "a net of 1 channels" in caught.value.why


def test_img_08_a_picture_becomes_the_same_tensor_in_training_and_prediction(tmp_path):
    rng = np.random.default_rng(0)
    files = []
    for number, mode in enumerate(["RGB", "CMYK", "RGBA", "P", "L", "I;16", "1"] * 6):
        picture = Image.fromarray(rng.integers(0, 255, (10, 12, 3), dtype=np.uint8)).convert("L" if mode == "I;16" else mode)
        if mode == "I;16":
            picture = Image.fromarray(rng.integers(0, 65535, (10, 12)).astype(np.uint16))
        turned = Image.Exif()
        turned[0x0112] = 6 if number % 2 else 1
        files.append(tmp_path / f"{number}.{'tif' if mode in ('CMYK', 'I;16') else 'png'}")
        picture.save(files[-1], exif=turned)
    data = {"picture": files, "kind": ["a", "b"] * 21}
    run = trained(tmp_path / "run", data)
    store = run.dataset.store
    learned = store.finished(store.gather(torch.arange(42)))["picture"]
    package = load_package(run.folder.model)
    from thalweg.core.position import Position

    supply = blocks.Blocks(package.read, {"picture": files}, Position(), size=5, like=torch.empty(0))
    assert torch.equal(torch.cat([batch["picture"] for batch, _ in supply]), learned)


def test_img_01_files_that_cannot_be_read_are_left_out_of_every_block_and_the_rest_named(grey, tmp_path, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 4)
    files = [tmp_path / f"{number}.png" for number in range(10)]
    for number, file in enumerate(files):
        Image.fromarray(np.full((8, 8), 20 * number, dtype=np.uint8)).save(file)
    whole = grey.predict({"picture": files})
    for number in (2, 5):
        files[number].write_bytes(b"\x89PNG broken")
    heard = Heard()
    said = grey.predict({"picture": files}, batch_size=2, talk=heard)
    assert said["file"] == [str(file) for number, file in enumerate(files) if number not in (2, 5)]
    np.testing.assert_allclose(said["probabilities"], np.delete(whole["probabilities"], [2, 5], axis=0), atol=1e-6)
    assert "2 of 10 left out" in heard.warned[0]
    for given, how in ((files, "refuse"), (files[:6], "skip")):  # two of six are more than a fifth
        with expect_refusal("DATA_BAD_PICTURES", exit_code=3) as caught:
            grey.predict({"picture": given}, on_bad_file=how)
        assert list(caught.value.reasons) == [2, 5]


def test_a_mapping_that_holds_a_table_is_predicted_as_it_was_trained(tmp_path):
    x = np.random.default_rng(0).normal(size=(60, 3))
    run = trained(tmp_path / "run", {"x": x, "kind": ["a" if one > 0 else "b" for one in x[:, 0]]})
    package = load_package(run.folder.model)
    expected = package.predict({f"x{i}": x[:, i] for i in range(3)})["probability"]
    assert np.array_equal(package.predict(columns_of(package, {"x": x}))["probability"], expected)
    with expect_refusal("PREDICT_COLUMNS_DIFFER", exit_code=3):
        np.save(tmp_path / "x.npy", x)
        np.savez(tmp_path / "xz.npz", x=x, z=x[:, 0])
        columns_of(package, [tmp_path / "x.npy", tmp_path / "xz.npz"])


def test_evl_06_answers_that_are_not_a_number_are_said_by_row(package, tmp_path):
    class Lost(torch.nn.Module):
        def __init__(self, within):
            super().__init__()
            self.within = within

        def forward(self, **given):
            out = self.within(**given).clone()
            out[given["numbers"][:, 0] > 0] = float("nan")
            return out

    columns = inputs()
    heard = Heard()
    from dataclasses import replace

    lost = replace(package, model=Lost(package.model))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        said = lost.predict(columns, talk=heard)
    wrong = np.flatnonzero(np.isnan(said["probabilities"]).any(1)).tolist()
    assert 0 < len(wrong) < 7
    assert heard.warned == [f"{len(wrong)} answers are not a number: rows {', '.join(map(str, wrong))}, counted from 0"]


def test_dat_33_a_table_for_a_model_of_pictures_is_named_with_what_to_give(grey, tmp_path):
    path = tmp_path / "people.csv"
    path.write_text("age,town\n" + "".join(f"{20 + row % 50}.5,{('Bern', 'Graz')[row % 2]}\n" for row in range(60)))
    with expect_refusal("DATA_OTHER_KIND", exit_code=3) as caught:
        grey.predict(columns_of(grey, path))
    assert "reads images; columns of these data: 1 of numbers, 1 of categories" in caught.value.what
    assert caught.value.fix == "give a picture, several of them, or a folder of them"


def test_dat_33_pictures_for_a_model_of_a_table_are_named_with_what_to_give(package, tmp_path):
    Image.fromarray(np.zeros((8, 8), dtype=np.uint8)).save(tmp_path / "one.png")
    with expect_refusal("DATA_OTHER_KIND", exit_code=3) as caught:
        package.predict(columns_of(package, tmp_path / "one.png"))
    assert "reads numbers and categories; columns of these data: 1 of images" in caught.value.what
    assert caught.value.fix == "give columns called width, height, colour"


def test_dat_33_pictures_for_a_model_of_texts_are_no_texts(tmp_path):
    said = [f"this was {word} of day {row} for us" for row, word in enumerate(["the best", "a bad sort"] * 30)]
    data = {"said": said, "kind": ["up", "down"] * 30}
    model = load_package(trained(tmp_path / "run", data, model="text-gru").folder.model)
    Image.fromarray(np.zeros((8, 8), dtype=np.uint8)).save(tmp_path / "one.png")
    with expect_refusal("DATA_OTHER_KIND", exit_code=3) as caught:
        columns_of(model, tmp_path / "one.png")
    assert "texts" in caught.value.fix
