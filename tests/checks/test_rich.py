"""Photos, texts and series."""

import io
import zipfile

import numpy as np
from PIL import Image, ImageFilter, ImageOps
from scipy.ndimage import gaussian_filter

from tests.checks.planted import only, said
from thalweg.checks.check import check
from thalweg.checks.pictures import pictures_of
from thalweg.checks.subject import Subject
from thalweg.data.dataset import Examples
from thalweg.data.settings import DataSettings


def scene(seed: int, side: int = 96) -> Image.Image:
    """A picture of smooth blobs with a little grain."""
    draw = np.random.default_rng(seed)
    blobs = sum(gaussian_filter(draw.normal(size=(side, side, 3)), (s, s, 0)) * s for s in (2, 5, 12))
    return Image.fromarray(np.clip(128 + 60 * blobs + draw.normal(0, 2, blobs.shape), 0, 255).astype(np.uint8))


def album(folder, count: int = 24) -> list:
    paths = []
    for number in range(count):
        paths.append(folder / f"{number}.png")
        scene(number).save(paths[-1])
    return paths


def photos_of(images: np.ndarray) -> Examples:
    return Examples("arrays", {"image": images}, kinds={"image": "image"})


def photos(paths) -> Examples:
    return Examples("album", {"image": list(paths)}, kinds={"image": "image"})


def test_a_cropped_rescaled_and_recompressed_photo_is_found_beside_its_original(tmp_path):
    paths = album(tmp_path)
    packed = io.BytesIO()
    scene(5).crop((6, 2, 92, 90)).resize((70, 72)).save(packed, "JPEG", quality=50)
    (tmp_path / "copy.jpg").write_bytes(packed.getvalue())
    assert only("alike-photos", photos([*paths, tmp_path / "copy.jpg"])).pairs.tolist() == [[5, 24]]
    assert said("alike-photos", photos(paths)) == []


def test_a_turned_a_brighter_and_a_mirrored_and_cropped_photo_are_found_beside_their_originals(tmp_path):
    paths = album(tmp_path)
    edited = [
        scene(3).rotate(5, resample=Image.Resampling.BILINEAR),
        Image.eval(scene(8), lambda value: min(255, int(1.6 * value))),
        ImageOps.mirror(scene(11).crop((8, 0, 96, 88))),
    ]
    for number, image in enumerate(edited):
        image.save(tmp_path / f"edited{number}.jpg", quality=60)
    pairs = only("alike-photos", photos([*paths, *(tmp_path / f"edited{number}.jpg" for number in range(3))])).pairs
    assert pairs.tolist() == [[3, 24], [8, 25], [11, 26]]


def test_a_crop_is_found_among_pictures_that_are_all_alike_and_they_are_no_copies_of_each_other():
    same = np.asarray(scene(99, side=64), dtype=float).mean(axis=2)
    own = [np.asarray(scene(number, side=64), dtype=float).mean(axis=2) for number in range(40)]
    faces = np.stack([np.clip(0.85 * same + 0.15 * one, 0, 255).astype(np.uint8) for one in own])
    assert said("alike-photos", photos_of(faces)) == []
    crop = Image.fromarray(faces[5]).crop((2, 1, 61, 60)).resize((64, 64), Image.Resampling.BILINEAR)
    assert only("alike-photos", photos_of(np.concatenate([faces, np.asarray(crop)[None]]))).pairs.tolist() == [[5, 40]]


def test_a_crop_is_found_among_several_pictures_of_each_of_some_people():
    people = [np.asarray(scene(number, side=64), dtype=float).mean(axis=2) for number in range(12)]
    moods = [np.asarray(scene(100 + number, side=64), dtype=float).mean(axis=2) for number in range(60)]
    faces = np.stack([(0.75 * people[i // 5] + 0.25 * mood).astype(np.uint8) for i, mood in enumerate(moods)])
    assert said("alike-photos", photos_of(faces)) == []
    crop = Image.fromarray(faces[5]).crop((2, 1, 61, 60)).resize((64, 64), Image.Resampling.BILINEAR)
    assert only("alike-photos", photos_of(np.concatenate([faces, np.asarray(crop)[None]]))).pairs.tolist() == [[5, 60]]


def test_crops_of_faces_that_stand_ten_times_are_found_and_frames_of_one_face_are_no_copies(shared_data):
    with zipfile.ZipFile(shared_data / "orl_faces/orl_faces.zip") as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".pgm"))
        faces = [Image.open(io.BytesIO(archive.read(name))) for name in names]
    edited = [face.crop((4, 5, 88, 108)).resize((60, 74)).resize((92, 112)) for face in faces[::20]]
    pairs = only("alike-photos", photos_of(np.stack([np.asarray(one) for one in [*faces, *edited]]))).pairs
    copies = pairs[pairs[:, 1] >= len(faces)]
    assert len(copies) >= 14
    assert (copies[:, 0] == 20 * (copies[:, 1] - len(faces))).all()
    assert len(pairs) - len(copies) <= 3


def test_blank_dark_and_blurred_photos_are_told_apart(tmp_path):
    paths = album(tmp_path)
    Image.new("RGB", (96, 96), "grey").save(paths[0])
    Image.fromarray((np.asarray(scene(1)) * 0.1).astype(np.uint8)).save(paths[1])
    for number in (2, 3, 4):
        scene(number).filter(ImageFilter.GaussianBlur(3)).save(paths[number])
    found = {one.code: list(one.rows) for one in said("photo-defects", photos(paths))}
    assert found == {"PHOTOS_BLANK": [0], "PHOTOS_DARK": [1], "PHOTOS_BLURRED": [2, 3, 4]}


def test_faint_photos_count_as_blank_where_others_have_contrast(tmp_path):
    paths = album(tmp_path)
    Image.fromarray((255 - 0.06 * (255 - np.asarray(scene(1), float))).astype(np.uint8)).save(paths[1])
    assert list(only("photo-defects", photos(paths)).rows) == [1]


def test_broken_files_and_wrong_extensions_are_named(tmp_path):
    paths = album(tmp_path)
    paths[0].write_bytes(paths[0].read_bytes()[:400])
    paths[1].write_bytes(b"")
    scene(2).save(tmp_path / "jpeg.jpg")
    paths[2].write_bytes((tmp_path / "jpeg.jpg").read_bytes())
    found = {one.code: (one.severity, list(one.rows)) for one in said("broken-files", photos(paths))}
    assert found == {"FILES_BROKEN": ("warn", [0, 1]), "FILES_MISNAMED": ("warn", [2])}


def test_pictures_as_arrays_are_read_too():
    images = np.stack([np.asarray(scene(number, side=28)) for number in range(30)])
    images[29] = images[4]
    assert check(photos_of(images)).together[29] == 4


TEXTS = [
    f"{who} told us that the {what} in {where} was far better than anybody had expected of it this {when}"
    for who in ("Anna", "Boris", "Chiara", "Dmitri")
    for what in ("concert", "museum", "harbour", "market", "library")
    for where in ("Lisbon", "Oslo", "Kyoto")
    for when in ("spring", "winter")
]


def texts(found: list[str]) -> Examples:
    draw = np.random.default_rng(0)
    words = [f"{text} {' '.join(draw.choice(LEXICON, 8))}" if text in TEXTS else text for text in found]
    return Examples("texts", {"text": words}, kinds={"text": "text"})


LEXICON = [f"{one}{two}{three}" for one in "bdfgklmnprst" for two in "aeiou" for three in ("ra", "no", "lit", "mus")]


def test_a_text_with_a_word_changed_is_found_and_texts_of_one_pattern_are_not():
    made = texts(TEXTS)
    column = made.columns["text"]
    edited = column[7].replace("expected", "hoped")
    one = only("edited-texts", Examples("texts", {"text": [*column, edited]}, kinds=made.kinds))
    assert one.pairs.tolist() == [[7, len(column)]]
    assert said("edited-texts", made) == []


def test_empty_long_and_wrongly_read_texts_are_named():
    column = list(texts(TEXTS).columns["text"])
    column[3], column[4], column[5] = " ... ", " ".join(column[:40]), "the cafÃ© was closed, we went home"
    found = {one.code: list(one.rows) for one in said("text-defects", Examples("t", {"text": column}, kinds={"text": "text"}))}
    assert found == {"TEXT_EMPTY": [3], "TEXT_LONG": [4], "TEXT_ENCODING": [5]}


def test_a_text_in_another_language_or_script_is_named():
    column = list(TEXTS)
    column[8] = "Ich habe es nicht gesehen und weiß auch nicht, ob sie noch da ist"
    column[9] = "Мне очень понравился этот концерт"
    one = only("text-language", Examples("t", {"text": column}, kinds={"text": "text"}))
    assert list(one.rows) == [8, 9]
    assert said("text-language", texts(TEXTS)) == []


def test_words_that_chat_has_adopted_are_no_other_language():
    plain = [f"wat are you doing at the {what} now, u said you would be there" for what in LEXICON[:12]]
    column = [*TEXTS, *plain, "wat u doing? u der?", "Ik weet niet wat hij daar doet en waar zij nu is"]
    found = only("text-language", Examples("chat", {"text": column}, kinds={"text": "text"}))
    assert list(found.rows) == [len(column) - 1]


def waves(count: int = 60, length: int = 96) -> np.ndarray:
    draw = np.random.default_rng(0)
    return np.stack([np.cumsum(draw.normal(size=length + 16)) for _ in range(count)])[:, :length]


def series(values: np.ndarray) -> Examples:
    return Examples("waves", {"series": values}, kinds={"series": "series"})


def test_a_series_moved_in_time_is_found_beside_its_original():
    values = waves()
    moved = np.concatenate([np.repeat(values[7, :1], 5), values[7, :-5]])
    assert only("moved-series", series(np.concatenate([values, moved[None]]))).pairs.tolist() == [[7, 60]]
    assert said("moved-series", series(values)) == []


def test_a_copy_moved_by_a_step_that_lies_between_those_that_are_tried_is_found():
    values = waves(length=350)
    for steps in (6, 8, 13):
        moved = np.concatenate([np.repeat(values[7, :1], steps), values[7, :-steps]])
        assert only("moved-series", series(np.concatenate([values, moved[None]]))).pairs.tolist() == [[7, 60]]


def test_flat_series_and_series_on_another_scale_are_named():
    values = waves()
    values[3] = 1.5
    values[[10, 20, 30]] *= 1000
    found = {one.code: list(one.rows) for one in said("series-defects", series(values))}
    assert found == {"SERIES_FLAT": [3], "SERIES_SCALE": [10, 20, 30]}


def test_molecules_have_no_language_and_small_letters_are_other_atoms():
    benzene, ring = "Cc1ccccc1C(=O)NC{}", "CC1CCCCC1C(=O)NC{}"
    made = texts([one.format("C" * (i % 40)) for i in range(60) for one in (benzene, ring)])
    for detector in ("text-language", "text-defects", "edited-texts"):
        assert said(detector, made) == []
    [found] = said("duplicates", made)
    assert found.what.startswith("40 rows are copies of other rows (0 = 80, 1 = 81")


def test_opened_pictures_are_no_names_of_pictures():
    opened = [np.asarray(scene(number, side=8)) for number in range(3)]
    assert said("pictures-and-rows", Examples("album", {"image": opened}, kinds={"image": "image"})) == []
    assert only("pictures-and-rows", Examples("table", {"file": ["gone.png", "", "away.png"]})).code == "PICTURES_NOT_THERE"


def test_small_pictures_that_are_measured_together_are_measured_as_alone():
    pictures = np.random.default_rng(3).integers(0, 256, (300, 12, 9, 3)).astype(np.uint8)

    def measured(count):
        subject = Subject.of(photos_of(pictures[:count]), DataSettings())
        return pictures_of(subject, subject.fields["image"])

    many, few = measured(300), measured(2)
    for name in ("grey", "colour", "edges", "contrast", "bright", "softness"):
        assert np.array_equal(getattr(many, name)[:2], getattr(few, name)), name
    assert np.ptp(many.contrast) > 0
