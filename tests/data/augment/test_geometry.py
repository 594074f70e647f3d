"""What moves the image plane moves everything in it alike."""

import pytest
import torch

from tests.data.augment.fields import boxes, classified, image, mask, points
from thalweg.core.errors import DataRefusal
from thalweg.core.position import Position
from thalweg.data.augment._geometry import Warp, about_centre
from thalweg.data.augmented import build_augment
from thalweg.data.batch import Batch
from thalweg.fields.encoding import Encodings

SIDE, ROWS = 32, 48
AT = Position(seed=3, step=5)
SCENE = Encodings([image(channels=1, side=SIDE), boxes(), mask(side=SIDE), points()])
UPRIGHT = [
    "flip",
    "vertical-flip",
    {"shift": {"pixels": 3}},
    {"shift": {"pixels": 3, "fill": "reflect"}},
    "crop",
    {"affine": {"degrees": 0, "shear": 0, "scale": 0.2}},
    {"resized-crop": {"share": 0.7}},
]
GEOMETRIES = [*UPRIGHT, {"rotation": {"degrees": 90}}, {"affine": {"degrees": 20}}]


def scene():
    """Rows with one bright rectangle each, well inside, with its box, its mask and its centre."""
    generator = torch.Generator().manual_seed(0)
    pictures, labels = torch.zeros(ROWS, 1, SIDE, SIDE), torch.zeros(ROWS, SIDE, SIDE, dtype=torch.int64)
    planted = torch.zeros(ROWS, 2, 4)
    for row in range(ROWS):
        x, y = (int(i) for i in torch.randint(10, 16, (2,), generator=generator))
        width, height = (int(i) for i in torch.randint(4, 7, (2,), generator=generator))
        pictures[row, 0, y : y + height, x : x + width] = 1
        labels[row, y : y + height, x : x + width] = 4
        planted[row, 0] = torch.tensor([x, y, x + width, y + height])
    present = torch.tensor([True, False]).expand(ROWS, 2)
    centre = (planted[..., :2] + planted[..., 2:]) / 2
    fields = {"image": pictures, "boxes": planted, "mask": labels, "points": centre}
    return Batch.of({**fields, "boxes_mask": present, "points_mask": present})


def moved(given, batch, encodings=SCENE, at=AT):
    for augment in build_augment([given], encodings):
        batch = augment(batch, at)
    return batch


def found(lit):
    """The box around the lit pixels of each row (B, 4)."""
    across, down = lit.any(1).float(), lit.any(2).float()  # (B, W), (B, H)
    side = lit.shape[-1]
    ends = [line.argmax(1) for line in (across, down)] + [side - line.flip(1).argmax(1) for line in (across, down)]
    return torch.stack(ends, dim=1).float()


@pytest.mark.parametrize("given", UPRIGHT, ids=str)
def test_boxes_follow_a_bright_rectangle_to_within_a_pixel(given):
    after = moved(given, scene())
    assert after["boxes_mask"][:, 0].all()
    error = (found(after["image"][:, 0] > 0.5) - after["boxes"][:, 0]).abs()
    assert error.max() <= 1.0


def test_a_box_holds_its_turned_rectangle():
    after = moved({"rotation": {"degrees": 90}}, scene())
    lit, box = found(after["image"][:, 0] > 0.5), after["boxes"][:, 0]
    assert (lit[:, :2] >= box[:, :2] - 1).all()
    assert (lit[:, 2:] <= box[:, 2:] + 1).all()
    assert (lit - box).abs().max() <= 2.5  # a turned corner lights less than half of its outermost pixels


@pytest.mark.parametrize("given", GEOMETRIES, ids=str)
def test_masks_follow_the_image(given):
    after = moved(given, scene())
    apart = (after["mask"] == 4) != (after["image"][:, 0] > 0.5)
    assert after["mask"].dtype == torch.int64
    assert set(after["mask"].unique().tolist()) == {0, 4}
    assert apart.float().sum((1, 2)).max() <= 8  # of at least 16 pixels, on the rectangle's rim alone


@pytest.mark.parametrize("given", GEOMETRIES, ids=str)
def test_points_follow_the_image(given):
    after = moved(given, scene())
    lit = after["image"][:, 0]
    centres = torch.arange(SIDE) + 0.5
    mass = lit.sum((1, 2))
    x, y = ((lit.sum(1) * centres).sum(1) / mass, (lit.sum(2) * centres).sum(1) / mass)
    assert torch.allclose(torch.stack([x, y], 1), after["points"][:, 0], atol=0.1)


def test_flips_are_exact():
    batch = scene()
    across = moved({"flip": {"probability": 1}}, batch)
    down = moved({"vertical-flip": {"probability": 1}}, batch)
    assert torch.equal(across["image"], batch["image"].flip(-1))
    assert torch.equal(down["image"], batch["image"].flip(-2))
    assert torch.equal(across["mask"], batch["mask"].flip(-1))
    assert torch.equal(
        across["boxes"][:, 0],
        SIDE * torch.tensor([1, 0, 1, 0]) + batch["boxes"][:, 0, [2, 1, 0, 3]] * torch.tensor([-1, 1, -1, 1]),
    )


def test_shifts_are_exact_and_reach_every_place():
    picture = torch.rand(400, 2, 6, 6)
    batch = Batch.of({"image": picture})
    after = moved({"shift": {"pixels": 1}}, batch, classified(channels=2, side=6))["image"]
    padded = torch.nn.functional.pad(picture, (1, 1, 1, 1))
    candidates = torch.stack([padded[:, :, y : y + 6, x : x + 6] for y in range(3) for x in range(3)])  # (9, B, C, H, W)
    same = (candidates == after).flatten(2).all(2)  # (9, B)
    assert (same.sum(0) == 1).all()
    assert same.any(1).all()


@pytest.mark.parametrize(("fill", "expected"), [("zero", [0, 0, 1, 2]), ("edge", [1, 1, 1, 2]), ("reflect", [2, 1, 1, 2])])
def test_what_comes_in_from_outside_is_as_asked(fill, expected):
    ramp = torch.arange(1.0, 9.0).expand(64, 1, 8, 8)
    after = moved({"shift": {"pixels": 2, "fill": fill}}, Batch.of({"image": ramp}), classified(channels=1, side=8))["image"]
    middle = after[:, 0, 4, :4]
    assert (middle == torch.tensor(expected).float()).all(1).any()


def test_boxes_that_leave_the_image_are_masked_out_and_others_clipped():
    corner = torch.tensor([[[0.0, 0.0, 3.0, 3.0], [4.0, 4.0, 8.0, 8.0]]]).expand(200, 2, 4)
    fields = {"image": torch.zeros(200, 1, 8, 8), "boxes": corner, "boxes_mask": torch.ones(200, 2, dtype=torch.bool)}
    after = moved({"shift": {"pixels": 4}}, Batch.of(fields), Encodings([image(side=8), boxes()]))
    gone = ~after["boxes_mask"]
    assert gone[:, 0].any()
    assert not gone[:, 0].all()
    assert (after["boxes"][gone] == 0).all()
    assert (after["boxes"].min() >= 0) & (after["boxes"].max() <= 8)
    kept = after["boxes"][after["boxes_mask"]]
    assert (kept[:, 2:] - kept[:, :2]).min() >= 1


def test_boxes_keep_what_follows_their_corners():
    fields = {"image": torch.zeros(4, 1, 8, 8), "boxes": torch.tensor([[[1.0, 1.0, 3.0, 3.0, 7.0]]]).expand(4, 1, 5)}
    after = moved({"flip": {"probability": 1}}, Batch.of(fields), Encodings([image(side=8), boxes()]))
    assert after["boxes"][0, 0].tolist() == [5, 1, 7, 3, 7]


def test_masks_of_another_size_are_refused():
    fields = {"image": torch.zeros(4, 1, 8, 8), "mask": torch.zeros(4, 4, 4)}
    with pytest.raises(DataRefusal, match='"mask" is 4 x 4 pixels'):
        moved("flip", Batch.of(fields), Encodings([image(side=8), mask(side=4)]))


def test_several_images_of_a_row_move_alike():
    picture = torch.rand(16, 3, 8, 8)
    both = Encodings([image("left", side=8), image("right", side=8)])
    after = moved({"affine": {}}, Batch.of({"left": picture, "right": picture}), both)
    assert torch.equal(after["left"], after["right"])


def test_warps_agree_with_the_library_s_grid():
    matrix, shift = torch.eye(2) + 0.2 * torch.randn(5, 2, 2), torch.randn(5, 2)
    forward = about_centre((7, 9), matrix, shift)
    backward = matrix.double().inverse().float()
    sides = torch.tensor([9.0, 7.0])
    theta = torch.cat([backward * sides / sides[:, None], (-backward @ shift[:, :, None]) * 2 / sides[:, None]], 2)
    expected = torch.nn.functional.affine_grid(theta, [5, 1, 7, 9], align_corners=False)
    assert torch.allclose(Warp((7, 9), forward).grid, expected, atol=1e-4)
