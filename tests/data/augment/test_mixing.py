"""What mixes rows mixes their targets in the same shares, and does not depend on how rows are divided."""

import pytest
import torch

from tests.data.augment.fields import boxes, category, classified, image, mask, number, vector
from thalweg.core.errors import UsageRefusal
from thalweg.core.position import Position
from thalweg.core.processes import Processes
from thalweg.data.augment._mixing import shares
from thalweg.data.augmented import build_augment
from thalweg.data.batch import Batch
from thalweg.data.batches import Store, StoredBatches
from thalweg.fields.encoding import Encodings

AT = Position(seed=2)
MIXING = [{"mixup": {"alpha": 1}}, {"cutmix": {"probability": 1}}]


def mixed(given, fields, encodings):
    batch = Batch.of(fields)
    for augment in build_augment(given, encodings):
        batch = augment(batch, AT)
    return batch


@pytest.mark.parametrize("given", MIXING, ids=str)
def test_codes_become_probabilities_that_sum_to_one(given):
    target = torch.arange(64) % 10
    after = mixed([given], {"image": torch.rand(64, 3, 8, 8), "target": target}, classified(side=8))["target"]
    assert after.shape == (64, 10)
    assert torch.allclose(after.sum(1), torch.ones(64))
    assert after.min() >= 0


@pytest.mark.parametrize("given", MIXING, ids=str)
def test_images_and_targets_are_mixed_in_the_same_shares(given):
    """Each image is filled with its own number: its mean after mixing is the same mean of numbers."""
    value = torch.rand(64)
    fields = {"image": value.view(64, 1, 1, 1).expand(-1, 3, 8, 8), "target": value[:, None]}
    after = mixed([given], fields, Encodings([image(side=8), number()]))
    assert torch.allclose(after["image"].mean((1, 2, 3)), after["target"][:, 0], atol=1e-5)
    assert not torch.allclose(after["target"], fields["target"], atol=0.05)


def test_mixtures_are_mixed_again():
    fields = {"image": torch.rand(32, 3, 8, 8), "target": torch.arange(32) % 10}
    after = mixed([*MIXING, MIXING[0]], fields, classified(side=8))["target"]
    assert torch.allclose(after.sum(1), torch.ones(32), atol=1e-6)
    assert ((after > 0).sum(1) > 2).any()


def test_mixup_mixes_numbers_read_beside_the_image():
    value = torch.rand(32)
    fields = {"image": value.view(32, 1, 1, 1).expand(-1, 3, 8, 8), "vector": value[:, None].expand(-1, 4)}
    after = mixed(
        [MIXING[0]], {**fields, "target": torch.zeros(32, dtype=torch.int64)}, Encodings([image(side=8), vector(), category()])
    )
    assert torch.allclose(after["image"].mean((1, 2, 3)), after["vector"].mean(1), atol=1e-5)


def test_a_mixed_up_row_counts_at_least_half_itself():
    fields = {"image": torch.rand(32, 3, 8, 8), "target": torch.arange(32)}
    after = mixed([MIXING[0]], fields, classified(side=8, size=32))["target"]
    assert after.diagonal().min() >= 0.5


def test_shares_follow_their_beta_distribution():
    drawn = shares(Batch.of({"image": torch.zeros(20_000, 1)}), AT, alpha=0.4)
    variance = 1 / (4 * (2 * 0.4 + 1))
    assert drawn.mean().item() == pytest.approx(0.5, abs=0.01)
    assert drawn.var().item() == pytest.approx(variance, rel=0.02)


@pytest.mark.parametrize("target", [boxes("target"), mask("target")], ids=["boxes", "mask"])
@pytest.mark.parametrize("name", ["mixup", "cutmix"])
def test_targets_without_a_between_are_refused(name, target):
    with pytest.raises(UsageRefusal, match="cannot be mixed"):
        build_augment([name], Encodings([image(), target]))


class Rank(Processes):
    def __init__(self, rank, world):
        self.rank, self.world = rank, world


LIST = ["flip", {"shift": {"pixels": 2}}, "affine", "colour", "noise", "erase", "mixup", "cutmix"]


@pytest.mark.parametrize("world", [2, 3])
def test_the_number_of_processes_does_not_change_what_is_drawn(world):
    encodings = classified(side=8)
    store = Store({"image": torch.rand(50, 3, 8, 8), "target": torch.arange(50) % 10}, encodings)
    at = Position(seed=5, step=3, index=1)

    def rows(processes):
        augment = build_augment(LIST, encodings)
        supply = StoredBatches(store, torch.arange(50), size=20, shuffled=True, augment=augment, processes=processes)
        return supply.at(at)

    alone = rows(Processes())
    together = [rows(Rank(rank, world)) for rank in range(world)]
    for name in ("image", "target"):
        assert torch.equal(alone[name], torch.cat([part[name] for part in together]))
