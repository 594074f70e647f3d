"""Answers that look at the mirror image too."""

import pytest
import torch

from tests.training.resuming import fitted
from tests.training.test_unfreezing import photos
from thalweg.contracts.subject import registered
from thalweg.packages.package import load_package


@pytest.mark.parametrize("name", ["convnet", "mobilenet-v2", "residual"])
def test_mirrored_answers_are_the_mean_over_both_views_and_the_same_for_either(name):
    subject = registered(name)
    image = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    net = subject.build(subject.settings.model_copy(update={"mirrored": True})).eval()
    with torch.no_grad():
        answer, plain = net(image), [net.head(net.seen(view)) for view in (image, image.flip(-1))]
        assert torch.allclose(answer, (plain[0] + plain[1]) / 2, atol=1e-6)
        assert torch.allclose(answer, net(image.flip(-1)), atol=1e-6)
        assert not torch.allclose(answer, plain[0], atol=1e-4)


def test_each_view_is_learned_from_alone():
    subject = registered("residual")
    torch.manual_seed(0)
    net = subject.build(subject.settings.model_copy(update={"mirrored": True})).train()
    image = torch.randn(4, 1, 8, 8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(net(image), net.head(net.seen(image)))


def test_a_package_answers_by_both_views_as_it_was_judged(tmp_path):
    model = {"name": "residual", "settings": {"depths": [1, 1], "widths": [4, 8], "mirrored": True}}
    run = fitted({"model": model, "rule": {"steps": 3}}, tmp_path / "run", given=photos(8))
    package = load_package(run.folder.model)
    pictures = photos(8)["image"]
    ahead, mirrored = (package.predict({"image": one})["probabilities"] for one in (pictures, pictures[:, :, ::-1].copy()))
    assert abs(ahead - mirrored).max() < 1e-5
    assert abs(ahead[0] - ahead[-1]).max() > 1e-4
