"""Detection: any number of things in a picture are found with a box each, and boxes follow what moves the picture."""

import numpy as np
import pytest
import torch

from tests.training.resuming import assert_new_process_predicts_the_same, assert_resumes_to_the_same_bits, fitted
from thalweg.core.errors import DataRefusal
from thalweg.core.position import Position
from thalweg.data.augmented import build_augment
from thalweg.data.batch import Batch
from thalweg.data.dataset import Examples
from thalweg.data.encode import encode
from thalweg.data.settings import DataSettings
from thalweg.data.sources.blobs import Blobs, BlobsSettings
from thalweg.fields.overlaps import intersection_over_union, not_suppressed
from thalweg.tasks._task import measured
from thalweg.tasks.detection import Detection, DetectionRequest, DetectionSettings, _boxes

BLOBS = Blobs(BlobsSettings())


@pytest.fixture
def task():
    return Detection(BLOBS.encodings, DetectionSettings())


def test_blobs_are_found_among_clutter(tmp_path):
    run = fitted({"source": "blobs", "rule": {"steps": 200}, "evaluate_every": 200}, tmp_path / "run")
    found = measured(run.package.task, run.package.model, run.dataset.batches("test", size=256), at=Position())
    assert found["detection-recall"] >= 0.95
    assert found["detection-precision"] >= 0.95
    drawn = BLOBS.draw(torch.Generator().manual_seed(5), 20)
    said = run.package.predict({"image": drawn["image"][:, 0].numpy()})
    assert [boxes.shape for boxes in said["boxes"]] == [(len(sure), 4) for sure in said["probability"]]
    assert sum(len(boxes) == int(count) for boxes, count in zip(said["boxes"], drawn["boxes"].lengths, strict=True)) >= 17


def test_a_run_cut_anywhere_ends_with_the_same_bits_and_finds_the_same_elsewhere(tmp_path):
    settings = {"source": "blobs", "source_settings": {"side": 16}, "model": {"widths": [4, 4]}, "evaluate_every": 4}
    whole = assert_resumes_to_the_same_bits({**settings, "rule": {"steps": 6, "average": 0.9}}, tmp_path, cuts=(0, 1, 5))
    pictures = np.random.default_rng(0).integers(0, 256, (3, 16, 16), dtype=np.uint8)
    assert_new_process_predicts_the_same(whole, whole.folder.model, {"image": pictures}, {"sureness": 0.0, "overlap": 1.0})


def test_a_box_stands_where_its_blob_is_bright_before_and_after_augmentation():
    domain = Blobs(BlobsSettings(noise=0.0))
    drawn = domain.draw(torch.Generator().manual_seed(0), 64)
    boxes, mask = drawn["boxes"].gather(torch.arange(64))
    batch = Batch.of({"image": drawn["image"].float() / 255, "boxes": boxes, "boxes_mask": mask})
    plain = shares_of_light(batch)
    for augment in build_augment(domain.facts["augment"], domain.encodings):
        batch = augment(batch, Position(seed=3))
    for shares in (plain, shares_of_light(batch)):
        assert shares.min() > 0.5
        assert shares.mean() > 0.75
    assert not torch.equal(batch["boxes"], boxes)


def shares_of_light(batch: Batch) -> torch.Tensor:
    """How much of each box is bright; an ellipse fills 0.79 of its box."""
    lit = []
    for image, boxes, mask in zip(batch["image"][:, 0], batch["boxes"], batch["boxes_mask"], strict=True):
        for left, top, right, bottom in (boxes[mask] * 32).round().int().tolist():
            lit.append((image[top:bottom, left:right] > 0.3).float().mean())
    return torch.stack(lit)


def test_perfect_cells_decode_to_the_true_boxes_and_cost_hardly_anything(task):
    drawn = BLOBS.draw(torch.Generator().manual_seed(1), 32)
    boxes, mask = drawn["boxes"].gather(torch.arange(32))
    batch = Batch.of({"image": drawn["image"], "boxes": boxes, "boxes_mask": mask})
    perfect = task.perfect(batch)
    rows = task.measure(perfect, batch, Position())
    values = {name: task.metrics[name].value(row.sum(0)) for name, row in rows.items()}
    assert values == {"detection-f1": 1.0, "detection-recall": 1.0, "detection-precision": 1.0}
    assert task.objective(perfect, batch).loss.max() < 0.01


def test_a_picture_without_boxes_is_learned_from_too(task):
    cells = torch.zeros(1, 8, 8, 5, requires_grad=True)
    fields = {"image": torch.zeros(1, 1, 32, 32), "boxes": torch.zeros(1, 1, 4), "boxes_mask": torch.zeros(1, 1).bool()}
    task.objective(lambda **named: cells, Batch.of(fields)).loss.sum().backward()
    assert (cells.grad[..., 0] == 0.5).all()
    assert (cells.grad[..., 1:] == 0).all()


def test_a_target_without_boxes_is_refused():
    table = {"x": np.linspace(0, 1, 40), "y": np.array(["a", "b"] * 20)}
    encodings = encode(Examples("table", table), DataSettings(), seed=0).encodings
    with pytest.raises(DataRefusal, match="y is of kind category"):
        Detection(encodings, DetectionSettings())


def test_cells_without_a_word_give_boxes_of_one_cell():
    boxes = _boxes(torch.zeros(1, 2, 4, 5))
    torch.testing.assert_close(boxes[0, 1, 3], torch.tensor([0.75, 0.5, 1.0, 1.0]))


def test_doubles_are_suppressed_only_by_better_ones_that_are_kept():
    boxes = torch.tensor([[[0.0, 0, 4, 4], [0, 1, 4, 5], [0, 2.5, 4, 6.5], [9, 9, 10, 10]]])
    scores = torch.tensor([[0.9, 0.8, 0.7, -torch.inf]])
    assert not_suppressed(boxes, scores, overlap=0.4).tolist() == [[True, False, True, False]]
    assert not_suppressed(boxes, scores, overlap=0.7).tolist() == [[True, True, True, False]]
    turned = not_suppressed(boxes.flip(1), scores.flip(1), overlap=0.4)
    assert turned.tolist() == [[False, True, False, True]]


def test_overlaps_by_hand():
    one = torch.tensor([[0.0, 0, 2, 2], [1, 1, 1, 1]])
    other = torch.tensor([[1.0, 0, 3, 2], [0, 0, 2, 2], [5, 5, 6, 6]])
    expected = torch.tensor([[1 / 3, 1, 0], [0, 0, 0]])
    torch.testing.assert_close(intersection_over_union(one, other), expected)


def test_more_is_shown_when_less_sureness_is_asked_for(task):
    cells = torch.zeros(1, 8, 8, 5)
    cells[..., 0] = torch.linspace(-3, 3, 64).view(8, 8)
    batch = Batch.of({"image": torch.zeros(1, 1, 32, 32)})
    shown = [
        int((task.predict(lambda **named: cells, batch, Position(), DetectionRequest(sureness=least))["sureness"] > 0).sum())
        for least in (0.1, 0.5, 0.9)
    ]
    assert shown == sorted(shown, reverse=True)
    assert shown[1] == 32
