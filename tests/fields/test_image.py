import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image as Pillow

from thalweg.core.errors import DataRefusal
from thalweg.data.dataset import Examples
from thalweg.data.encode import encode
from thalweg.data.settings import DataSettings
from thalweg.fields.kinds.image import Image
from thalweg.fields.pictures import Form, Unreadable, each, pixels

GRADIENT = np.tile(np.arange(0, 240, 10, dtype=np.uint8), (24, 1))


def save(path: Path, *, colour: tuple[int, int, int] = (200, 30, 30), size: tuple[int, int] = (24, 24)) -> Path:
    Pillow.new("RGB", size, colour).save(path)
    return path


def photos(folder: Path, count: int = 20) -> list[Path]:
    return [save(folder / f"{i:02}.png", colour=(i * 10, 50, 250 - i * 10)) for i in range(count)]


def bomb(path: Path, side: int) -> Path:
    def chunk(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", b"") + chunk(b"IEND", b""))
    return path


def gif(path: Path) -> Path:
    Pillow.new("RGB", (8, 8), "red").save(path)
    return path


def reason(path: Path) -> str:
    [unreadable] = each(lambda picture: pixels(picture, Form(8, 8, 3)), [path])
    assert isinstance(unreadable, Unreadable)
    return str(unreadable)


def encoded(paths: list[Path], **settings: object):
    examples = Examples("photos", {"x": paths, "y": np.arange(len(paths)) % 2}, kinds={"x": "image"})
    return encode(examples, DataSettings(**settings), seed=0)


def test_pictures_are_standardised_by_training_and_come_back_as_they_were():
    values = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 3)).astype(np.uint8)
    encoding = Image("x", ["x"]).fit([values])
    stored = encoding.encode([values])
    assert stored.dtype == torch.uint8
    finished = encoding.finish(stored)
    assert torch.allclose(finished.mean((0, 2, 3)), torch.zeros(3), atol=1e-5)
    assert torch.allclose(finished.std((0, 2, 3), unbiased=False), torch.ones(3), atol=1e-4)
    assert np.array_equal(encoding.decode(finished), values)


@pytest.mark.parametrize("top", [1.0, 16.0, 255.0, 4095.0])
def test_arrays_of_floats_span_all_bytes(top: float):
    values = np.random.default_rng(0).uniform(0, top, (12, 8, 8))
    values[0, 0, 0] = top
    assert int(Image("x", ["x"]).fit([values]).encode([values]).max()) == 255


def test_channels_may_stand_first():
    values = np.random.default_rng(0).integers(0, 256, (5, 3, 8, 9)).astype(np.uint8)
    assert torch.equal(Image("x", ["x"]).fit([values]).encode([values]), torch.from_numpy(values))


def test_img_01_a_truncated_file_is_left_out_counted_and_listed(tmp_path: Path):
    paths = photos(tmp_path)
    Pillow.fromarray(np.random.default_rng(0).integers(0, 256, (24, 24, 3)).astype(np.uint8)).save(tmp_path / "cut.jpg")
    whole = (tmp_path / "cut.jpg").read_bytes()
    (tmp_path / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    dataset = encoded([*paths, tmp_path / "cut.jpg"])
    assert sum(len(rows) for rows in dataset.parts.values()) == 20
    assert "damaged" in dataset.facts["bad_files"][0]["reason"]
    assert dataset.facts["bad_files"][0]["row"] == 20
    assert any("1 of 21 left out" in note and "--on-bad-file refuse" in note for note in dataset.notes)
    with pytest.raises(DataRefusal, match=r"cut\.jpg: damaged"):
        encoded([*paths, tmp_path / "cut.jpg"], on_bad_file="refuse")


def test_img_01_more_than_a_fifth_of_bad_files_is_refused(tmp_path: Path):
    bad = [tmp_path / f"bad{i}.png" for i in range(6)]
    for path in bad:
        path.write_bytes(b"")
    with pytest.raises(DataRefusal, match="6 of 26") as refused:
        encoded([*photos(tmp_path), *bad])
    assert refused.value.exit_code == 3


def test_img_02_an_empty_file_is_called_empty(tmp_path: Path):
    (tmp_path / "a.png").write_bytes(b"")
    assert reason(tmp_path / "a.png").endswith("empty")


def test_img_03_text_is_called_text(tmp_path: Path):
    (tmp_path / "a.jpg").write_text("hello")
    assert "not an image (text)" in reason(tmp_path / "a.jpg")


@pytest.mark.parametrize(
    ("side", "remedy"), [(8_000, "--image-pixels 64000000"), (10_000, "--image-pixels 100000000"), (20_000, "make it smaller")]
)
def test_img_04_a_picture_of_too_many_pixels_is_not_decoded(tmp_path: Path, side: int, remedy: str):
    said = reason(bomb(tmp_path / "a.png", side))
    assert "50,000,000" in said
    assert remedy in said


def test_img_04_who_has_large_pictures_says_so_and_the_model_remembers_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("thalweg.fields.kinds.image.MOST_PIXELS", 100)
    paths = photos(tmp_path)
    with pytest.raises(DataRefusal, match=r"576 pixels, at most 100 are decoded \(--image-pixels 576\)"):
        encoded(paths)
    image = encoded(paths, image_pixels=576).encodings["x"]
    assert Image("x", ["x"]).restore(image.state()).encode([paths[:1]]).shape == (1, 3, 24, 24)


def test_img_05_of_several_frames_the_first_is_read(tmp_path: Path):
    frames = [Pillow.new("RGB", (8, 8), (255 - i, 0, i)) for i in range(200)]
    for name in ("a.gif", "a.webp", "a.tif"):
        options = {"lossless": True, "method": 0} if name.endswith(".webp") else {}
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], **options)
        assert pixels(tmp_path / name, Form(8, 8, 3))[0, 0].tolist() == [255, 0, 0]


def test_img_05_frames_and_strips_beyond_all_measure_are_refused_or_read_within_the_form(tmp_path: Path):
    huge = bytearray(gif(tmp_path / "a.gif").read_bytes())
    frame = huge.index(b"\x2c")  # the frame is said to be 65,535 pixels wide and high
    huge[frame + 5 : frame + 9] = b"\xff" * 4
    (tmp_path / "a.gif").write_bytes(huge)
    assert "pixels" in reason(tmp_path / "a.gif") or "damaged" in reason(tmp_path / "a.gif")
    Pillow.new("RGB", (8, 8)).save(tmp_path / "a.ico")
    assert "none of PNG" in reason(tmp_path / "a.ico")
    Pillow.new("L", (10_000_000, 1)).save(tmp_path / "strip.png")
    assert pixels(tmp_path / "strip.png", Form(8, 8, 1)).shape == (8, 8, 1)


@pytest.mark.parametrize(
    "start",
    [
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n",
        b"8BPS\x00\x01" + bytes(20),
        b"SIMPLE  =                    T",
        b"<svg/>",
        b"\x00\x00\x00\x18ftypheic" + bytes(20),
    ],
)
def test_img_07_other_formats_are_refused_with_those_that_are_read(tmp_path: Path, start: bytes):
    (tmp_path / "a.png").write_bytes(start)
    said = reason(tmp_path / "a.png")
    assert "not an image (text)" in said or "none of PNG, JPEG, WebP, BMP, GIF, TIFF and PGM" in said


@pytest.mark.parametrize("suffix", [".pgm", ".pbm", ".ppm", ".pnm"])
def test_portable_maps_are_read(tmp_path: Path, suffix: str):
    Pillow.fromarray(GRADIENT).save(tmp_path / "grey.png")
    Pillow.fromarray(GRADIENT).save(tmp_path / f"a{suffix}", format="PPM")
    assert np.array_equal(pixels(tmp_path / f"a{suffix}", Form(24, 24, 1)), pixels(tmp_path / "grey.png", Form(24, 24, 1)))


def test_img_08_modes_are_converted_in_one_way(tmp_path: Path):
    form = Form(24, 24, 1)
    grey = Pillow.fromarray(GRADIENT)
    grey.save(tmp_path / "grey.png")
    Pillow.fromarray(GRADIENT.astype(np.uint16) * 257).save(tmp_path / "sixteen.png")
    assert np.array_equal(pixels(tmp_path / "grey.png", form)[:, :, 0], GRADIENT)
    assert np.array_equal(pixels(tmp_path / "sixteen.png", form)[:, :, 0], GRADIENT)
    Pillow.fromarray(GRADIENT > 100).save(tmp_path / "one.png")
    assert np.array_equal(pixels(tmp_path / "one.png", form)[:, :, 0], np.where(GRADIENT > 100, 255, 0))


def test_img_08_what_is_transparent_becomes_white_and_cmyk_becomes_rgb(tmp_path: Path):
    Pillow.new("RGBA", (8, 8), (255, 0, 0, 0)).save(tmp_path / "clear.png")
    assert pixels(tmp_path / "clear.png", Form(8, 8, 3)).min() == 255
    Pillow.new("P", (8, 8), 0).save(tmp_path / "palette.png", transparency=0)
    assert pixels(tmp_path / "palette.png", Form(8, 8, 3)).min() == 255
    Pillow.new("CMYK", (8, 8), (0, 255, 255, 0)).save(tmp_path / "cmyk.jpg")
    assert pixels(tmp_path / "cmyk.jpg", Form(8, 8, 3))[0, 0, 0] > 200


def test_img_08_exif_turns_the_picture_upright(tmp_path: Path):
    exif = Pillow.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    Pillow.fromarray(GRADIENT).save(tmp_path / "turned.png", exif=exif)
    assert np.array_equal(pixels(tmp_path / "turned.png", Form(24, 24, 1))[:, :, 0], np.rot90(GRADIENT, -1))


def test_img_09_pictures_of_different_sizes_are_resized_to_a_size_that_is_said(tmp_path: Path):
    paths = [save(tmp_path / f"{i}.png", size=(40 + i, 30 + i), colour=(i * 9, 9, 9)) for i in range(20)]
    dataset = encoded(paths)
    assert dataset.encodings["x"].port.shape == (3, 32, 32)
    assert re.search(r"40 × 30 to 5\d × 4\d, resized to 32 × 32 pixels; other: --image-size N", dataset.notes[1])
    assert encoded(paths, image_size=16).encodings["x"].port.shape == (3, 16, 16)


def test_img_10_a_coloured_picture_for_a_grey_model_is_refused_and_the_reverse_is_converted(tmp_path: Path):
    values = np.random.default_rng(0).integers(0, 256, (5, 8, 8)).astype(np.uint8)
    grey, colour = Image("x", ["x"]).fit([values]), Image("x", ["x"]).fit([np.stack([values] * 2 + [255 - values], axis=3)])
    with pytest.raises(DataRefusal, match="it is coloured, the model knows grey pictures"):
        grey.encode([[save(tmp_path / "a.png")]])
    assert torch.equal(colour.encode([list(values)])[:, 2], torch.from_numpy(values))


def test_img_15_odd_file_names_are_read_and_shown_escaped(tmp_path: Path):
    odd = save(tmp_path / "-a\n'\"‮é.png")
    assert pixels(odd, Form(8, 8, 3)).shape == (8, 8, 3)
    (tmp_path / "b\n.png").write_bytes(b"")
    assert "\n" not in reason(tmp_path / "b\n.png")


def test_nan_in_a_picture_is_refused_by_row():
    values = np.random.default_rng(0).uniform(0, 1, (5, 8, 8, 1))
    values[3, 2, 2] = np.nan
    with pytest.raises(DataRefusal, match="row 3: NaN"):
        Image("x", ["x"]).fit([values]).encode([values])
