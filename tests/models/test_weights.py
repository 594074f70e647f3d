"""Published weights: found by name, digest and folder, and put in their places by the layout that is published."""

import numpy as np
import pytest
import torch
from PIL import Image

from thalweg.core.errors import DataRefusal, PackageRefusal, UsageRefusal
from thalweg.core.foreign_tensors import read_foreign_tensors
from thalweg.core.registry import load, settings_of
from thalweg.core.tensors import tensors_to_bytes
from thalweg.fields.pictures import Form, pixels
from thalweg.fields.ports import Port, Ports
from thalweg.models.weights.asked import under_weights
from thalweg.models.weights.catalogue import entries, entry, local, obtain
from thalweg.models.weights.filling import fill, fill_by_name
from thalweg.rules._learning_parts import frozen_parameters

PHOTOS = Ports((Port("image", "image", (3, 32, 32)),), (Port("class", "category", (), size=3),))


def made(name):
    settings = settings_of("model", name)
    return load("model", name)(PHOTOS, settings), settings


def published(net, settings, name):
    """Weights of a net as they would be published, the head for ten classes."""
    called = load("weights", name)(list(net.state_dict()), settings)
    tensors = {called[ours]: torch.randn(one.shape).to(one.dtype) for ours, one in net.state_dict().items()}
    return {
        theirs: torch.randn(10, *one.shape[1:]) if theirs.startswith(("fc", "classifier")) else one
        for theirs, one in tensors.items()
    }


def test_every_tensor_of_the_published_layouts_has_its_place():
    torchvision = {
        "resnet18": ("layer4.1.bn2.running_var", "layer2.0.downsample.0.weight", "conv1.weight", "fc.bias"),
        "resnet34": ("layer3.5.conv2.weight", "layer4.0.downsample.1.bias"),
        "resnet50": ("layer1.0.downsample.1.weight", "layer3.5.conv3.weight", "bn1.num_batches_tracked"),
        "mobilenet-v2": (
            "features.0.0.weight",
            "features.1.conv.1.weight",
            "features.17.conv.3.running_mean",
            "classifier.1.bias",
        ),
    }
    for name, some in torchvision.items():
        with torch.device("meta"):
            net, settings = made(name)
        theirs = load("weights", name)(list(net.state_dict()), settings)
        assert len(set(theirs.values())) == len(theirs)
        assert set(some) <= set(theirs.values())


def test_weights_fill_all_but_the_head():
    net, settings = made("resnet18")
    tensors, head = published(net, settings, "resnet18"), net.head.weight.clone()
    fill(net, tensors, entry("resnet18"), settings)
    assert torch.equal(net.blocks[2].shortcut.weight, tensors["layer2.0.downsample.0.weight"])
    assert torch.equal(net.stem[0].weight, tensors["conv1.weight"])
    assert torch.equal(net.blocks[7].second.weight, tensors["layer4.1.conv2.weight"])
    assert torch.equal(net.head.weight, head)


def test_weights_that_do_not_fit_are_refused_by_key_and_shape():
    net, settings = made("resnet18")
    tensors = published(net, settings, "resnet18")
    before = net.stem[0].weight.clone()
    wrong = {**tensors, "conv1.weight": torch.zeros(64, 1, 7, 7), "extra": torch.zeros(1)}
    del wrong["layer1.0.bn1.bias"]
    with pytest.raises(PackageRefusal) as caught:
        fill(net, wrong, entry("resnet18"), settings)
    problems = " | ".join(caught.value.details["problems"])
    assert "conv1.weight is (64, 1, 7, 7), the model's stem.0.weight is (64, 3, 7, 7)" in problems
    assert "layer1.0.bn1.bias is missing (it is blocks.0.first_norm.bias here)" in problems
    assert "extra has no place in the model" in problems
    assert torch.equal(net.stem[0].weight, before)


def test_weights_for_another_model_are_refused():
    net, settings = made("resnet18")
    with pytest.raises(UsageRefusal, match=r"mobilenet-v2.*not for resnet18"):
        fill_by_name(net, "resnet18", settings, "mobilenet-v2")


@pytest.mark.parametrize("suffix", [".pth", ".safetensors"])
def test_a_file_of_weights_in_either_form_fills_a_model(tmp_path, suffix):
    net, settings = made("resnet18")
    tensors, path = published(net, settings, "resnet18"), tmp_path / f"mine{suffix}"
    if suffix == ".pth":
        torch.save({"state_dict": {f"module.{name}": one for name, one in tensors.items()}}, path)
    else:
        path.write_bytes(tensors_to_bytes(tensors))
    fill_by_name(net, "resnet18", settings, str(path))
    assert torch.equal(net.stem[0].weight, tensors["conv1.weight"])


class Planted:
    """What a pickle runs when it is opened."""

    def __reduce__(self):
        return (print, ("planted",))


def test_a_file_that_holds_more_than_tensors_is_refused_and_runs_nothing(tmp_path, capsys):
    torch.save({"weight": Planted()}, tmp_path / "bad.pth")
    with pytest.raises(PackageRefusal, match=r"holds __builtin__\.print, which is neither a tensor"):
        read_foreign_tensors(tmp_path / "bad.pth")
    assert "planted" not in capsys.readouterr().out


def test_weights_that_are_not_here_are_not_fetched_unasked(tmp_path, monkeypatch):
    monkeypatch.delenv("THALWEG_DATA", raising=False)
    monkeypatch.setenv("THALWEG_HOME", str(tmp_path))
    with pytest.raises(DataRefusal) as caught:
        obtain(entry("mobilenet-v2"), download=False)
    assert caught.value.fix == "thalweg weights get mobilenet-v2"
    assert "14.2 MB, licence: BSD-3-Clause" in caught.value.what


def test_a_file_of_the_right_size_that_is_another_is_refused(tmp_path, monkeypatch):
    known = entry("mobilenet-v2")
    monkeypatch.setenv("THALWEG_DATA", str(tmp_path))
    (tmp_path / "weights").mkdir()
    (tmp_path / "weights" / known.alike[0].name).write_bytes(b"\0" * known.alike[0].size)
    assert local(known) is not None
    with pytest.raises(DataRefusal, match="is not the file that is known"):
        obtain(known, download=False)


def test_weights_bring_their_model_and_how_data_were_for_them_unless_the_user_says_otherwise():
    asked = under_weights({"data": {"image_size": 96}}, "mobilenet-v2")
    assert asked["model"] == {"name": "mobilenet-v2"}
    assert asked["data"]["image_size"] == 96
    assert asked["data"]["image_mean"] == (0.485, 0.456, 0.406)


def test_weights_are_changed_slowly_after_the_head_unless_the_user_says_how_to_learn():
    head, rest = under_weights({}, "mobilenet-v2")["stages"]
    assert head["rule"] == {"name": "linear-probe"}
    assert rest["rule"]["rate"] < 0.0001
    assert rest["rule"]["between"] == 0.5
    with torch.device("meta"):
        net, _ = made("mobilenet-v2")
    frozen = frozen_parameters(net, rest["rule"]["freeze"])
    assert "blocks.5.branch.0.0.weight" in frozen
    assert "blocks.6.branch.0.0.weight" not in frozen
    by_preset = [under_weights({"preset": one}, "mobilenet-v2")["stages"] for one in ("fast", "good", "best")]
    lengths = [rest["rule"]["epochs"] for _, rest in by_preset]
    assert lengths == sorted(set(lengths))
    for said in ({"rule": {"epochs": 3}}, {"time_limit": 60}):
        laid = under_weights(said, "mobilenet-v2")
        assert "stages" not in laid
        assert laid["rule"]["rate"] < 0.001
        assert laid["rule"]["freeze_statistics"]
        assert "between" not in laid["rule"]
    for said in ({"name": "linear-probe"}, "linear-probe", {"rate": 0.1}, {"freeze": "trunk"}):
        assert under_weights({"rule": said}, "mobilenet-v2")["rule"] == said


def test_every_entry_states_where_it_is_how_large_and_under_which_licence():
    for known in entries():
        assert known.address.startswith("https://")
        assert known.file.digest.startswith("sha256:")
        assert len(known.file.digest) == 71
        assert known.file.digest[7:15] in known.file.name
        assert known.licence


def test_files_are_as_large_as_their_publisher_says_in_mebibytes():
    published = {"mobilenet-v2": 13.555, "resnet18": 44.661, "resnet34": 83.275, "resnet50": 97.781}
    assert {known.name: round(known.file.size / 2**20, 3) for known in entries()} == published


def test_published_weights_name_what_photos_show(shared_data, monkeypatch):
    monkeypatch.setenv("THALWEG_DATA", str(shared_data))
    ports = Ports((Port("image", "image", (3, 224, 224)),), (Port("class", "category", (), size=1000),))
    settings = settings_of("model", "mobilenet-v2")
    net = load("model", "mobilenet-v2")(ports, settings).eval()
    known = entry("mobilenet-v2")
    fill(net, read_foreign_tensors(obtain(known, download=False)), known, settings, head=True)
    mean, deviation = (torch.tensor(known.data[key]).view(3, 1, 1) for key in ("image_mean", "image_deviation"))
    bytes_ = pixels(shared_data / "images_skimage" / "coffee.png", Form(224, 224, 3, crop=known.data["image_crop"]))
    image = (torch.from_numpy(bytes_.transpose(2, 0, 1).copy()) / 255 - mean) / deviation
    with torch.no_grad():
        probability = net(image[None].float()).softmax(1)[0]
    assert int(probability.argmax()) == 967  # espresso
    assert float(probability[967]) > 0.98


def test_the_middle_of_a_photo_is_cut_in_its_proportions():
    wide = np.zeros((40, 120, 3), dtype=np.uint8)
    wide[:, 40:80] = 255
    whole, middle = (pixels(Image.fromarray(wide), Form(20, 20, 3, crop=crop)) for crop in (None, 1.0))
    assert middle[:, 1:-1].min() == 255
    assert 70 < whole.mean() < 100
