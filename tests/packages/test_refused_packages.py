"""Packages that were damaged, edited, made by somebody else or made for another model: refused whole, nothing of them run."""

import json
import os
import pickle
import subprocess
import sys
import threading
import zipfile

import pytest
import torch

import thalweg as tw
from tests.packages.trained import Heard, inputs, rewritten, trained
from tests.refusing import assert_well_said, expect_refusal
from thalweg.core import registry
from thalweg.core.errors import PackageRefusal
from thalweg.fields.encoding import Encodings
from thalweg.packages.foreign import FOLDERS, SUFFIXES, refuse_foreign
from thalweg.packages.package import load_package
from thalweg.verbs.look import described

ELSEWHERE = "/etc/passwd"


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    """The folder of a package that is as it should be."""
    return trained(tmp_path_factory.mktemp("run") / "run").folder.model


def saying(change):
    """A change of what a package says, made in place."""

    def say(said):
        change(said)
        return said

    return say


def test_pkg_01_one_flipped_bit_in_any_file_of_a_package_is_refused(package, tmp_path):
    copy = rewritten(package, tmp_path / "copy")
    for file in sorted(copy.iterdir()):
        before = file.read_bytes()
        file.write_bytes(before[:40] + bytes([before[40] ^ 4]) + before[41:])
        with pytest.raises(PackageRefusal) as caught:
            load_package(copy)
        assert_well_said(caught.value)
        assert file.name in caught.value.what
        file.write_bytes(before)
    assert load_package(copy).predict(inputs())["kind"].shape == (7,)


@pytest.mark.parametrize("name", ["package.json", "manifest.json"])
def test_pkg_04_a_package_that_lacks_a_file_is_known_for_one_and_the_file_is_named(package, tmp_path, name):
    copy = rewritten(package, tmp_path / "copy")
    (copy / name).unlink()
    for opened in (tw.load, described):
        with pytest.raises(PackageRefusal, match=f"{name}.* missing"):
            opened(copy)


def test_pkg_05_a_package_without_its_manifest_is_refused(package, tmp_path):
    copy = rewritten(package, tmp_path / "copy")
    (copy / "manifest.json").unlink()
    with expect_refusal("PACKAGE_MANIFEST_MISSING", exit_code=4):
        load_package(copy)


def test_pkg_08_all_tensors_that_do_not_fit_are_told_at_once(package, tmp_path):
    def weigh(weights):
        names = sorted(weights)
        wrong = {name: tensor for name, tensor in weights.items() if name != names[0]}
        wrong[names[1]] = torch.zeros(3, 3, 3)
        return wrong | {f"further{i}": torch.zeros(1) for i in range(5)}

    with expect_refusal("PACKAGE_WEIGHTS", exit_code=4) as caught:
        load_package(rewritten(package, tmp_path / "copy", weigh=weigh))
    problems = caught.value.details["problems"]
    assert sorted(one.split(": ")[1].split(" ")[0] for one in problems) == ["missing", "shape", *["unexpected"] * 5]
    assert "and 2 more" in caught.value.what


def test_pkg_08_weights_of_another_type_are_refused(package, tmp_path):
    with expect_refusal("PACKAGE_WEIGHTS", exit_code=4) as caught:
        load_package(rewritten(package, tmp_path / "whole", weigh=lambda weights: {k: t.long() for k, t in weights.items()}))
    assert "type torch.int64, the model has torch.float32" in caught.value.what


def test_pkg_08_weights_that_are_all_of_one_wider_type_load_in_it(package, tmp_path):
    loaded = load_package(
        rewritten(package, tmp_path / "wide", weigh=lambda weights: {k: t.double() for k, t in weights.items()})
    )
    assert {one.dtype for one in loaded.model.parameters()} == {torch.float64}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_pkg_09_weights_that_are_not_finite_are_refused_by_name(package, tmp_path, value):
    name = next(iter(load_package(package).model.state_dict()))

    def weigh(weights):
        weights[name].view(-1)[0] = value
        return weights

    with expect_refusal("PACKAGE_NOT_FINITE", exit_code=4) as caught:
        load_package(rewritten(package, tmp_path / "copy", weigh=weigh))
    assert name in caught.value.what


class Runs:
    """Says on being unpickled that it was."""

    def __reduce__(self):
        return os.system, ("echo unpickled > unpickled.txt",)


WATCHED = """
import json, sys
events = []
def hear(name, arguments):
    if name in ("pickle.find_class", "os.system", "subprocess.Popen", "exec", "marshal.loads", "socket.connect") and armed:
        events.append(name)
armed = False
import torch
import thalweg.api, thalweg.packages.package
from thalweg.core.errors import Refusal
from thalweg.data.read import read
sys.addaudithook(hear)
found = []
for path in sys.argv[1:]:
    for opened in (thalweg.api.load, thalweg.packages.package.load_package, thalweg.api.predict, read):
        armed = True
        try:
            opened(path)
            found.append([path, opened.__name__, "opened", 0])
        except Refusal as refusal:
            found.append([path, opened.__name__, refusal.code, refusal.exit_code])
        armed = False
print(json.dumps({"found": found, "events": events}))
"""


def test_pkg_12_pickles_are_refused_by_type_and_never_unpickled(tmp_path):
    files = []
    for name in ("model.pt", "model.pth", "model.pkl", "model.joblib", "weights.bin", "unnamed"):
        files.append(tmp_path / name)
        files[-1].write_bytes(pickle.dumps(Runs()))
    for protocol in range(6):
        files.append(tmp_path / f"protocol{protocol}.pickle")
        files[-1].write_bytes(pickle.dumps(Runs(), protocol))
    files.append(tmp_path / "zipped.pt")
    torch.save({"weight": torch.zeros(2), "run": Runs()}, files[-1])
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, *map(str, files)], capture_output=True, text=True, cwd=tmp_path, timeout=100
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["events"] == []
    assert not (tmp_path / "unpickled.txt").exists()
    wrong = [one for one in said["found"] if one[1] != "read" and one[2:] != ["PACKAGE_FOREIGN", 4]]
    assert wrong == []
    assert {one[3] for one in said["found"] if one[1] == "read"} == {3}


def test_pkg_13_an_archive_that_would_unpack_to_gigabytes_is_not_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.pt", "w", zipfile.ZIP_DEFLATED) as archive, archive.open("data", "w") as member:
        for _ in range(64):
            member.write(bytes(1 << 20))
    with expect_refusal("PACKAGE_FOREIGN", exit_code=4):
        load_package(tmp_path / "bomb.pt")


@pytest.mark.parametrize("suffix", sorted(SUFFIXES))
def test_pkg_14_models_of_other_libraries_are_named_and_refused(tmp_path, suffix):
    file = tmp_path / f"model{suffix.upper()}"
    file.write_bytes(b"\x08\x00")
    with expect_refusal("PACKAGE_FOREIGN", exit_code=4) as caught:
        load_package(file)
    assert SUFFIXES[suffix] in caught.value.what


@pytest.mark.parametrize("name", sorted(FOLDERS))
def test_pkg_14_folders_of_other_libraries_are_named_and_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"\x08\x00")
    with expect_refusal("PACKAGE_FOREIGN", exit_code=4) as caught:
        load_package(tmp_path)
    assert FOLDERS[name] in caught.value.what


def test_pkg_14_our_own_folders_are_not_foreign(package):
    refuse_foreign(package)
    refuse_foreign(package.parent)
    assert load_package(package).form == "part"


@pytest.mark.parametrize(
    "further",
    [
        {"auto_map": {"AutoModel": "somebody/model--modeling.Net"}},
        {"trust_remote_code": True},
        {"_attn_implementation_internal": "somebody/kernels"},
        {"_target_": "os.system", "class_path": "subprocess.Popen"},
    ],
)
def test_pkg_15_keys_that_name_code_are_refused_and_nothing_is_imported(package, tmp_path, further):
    path = rewritten(package, tmp_path / "copy", say=saying(lambda said: said.update(further)))
    before = set(sys.modules)
    with expect_refusal("PACKAGE_DESCRIPTION", exit_code=4) as caught:
        load_package(path)
    assert all(key in caught.value.what for key in further)
    assert set(sys.modules) == before


@pytest.mark.parametrize("place", ["model", "task"])
def test_pkg_15_settings_that_a_part_does_not_have_are_refused(package, tmp_path, place):
    path = rewritten(
        package, tmp_path / "copy", say=saying(lambda said: said[place]["settings"].update(trust_remote_code=True))
    )
    with expect_refusal("PACKAGE_DESCRIPTION", exit_code=4) as caught:
        load_package(path)
    assert "trust_remote_code" in caught.value.what


@pytest.mark.parametrize("sort", ["model", "task"])
def test_pkg_15_an_importable_name_is_no_part(package, tmp_path, sort):
    path = rewritten(package, tmp_path / "copy", say=saying(lambda said: said[sort].update(name="os.system")))
    with expect_refusal(f"PACKAGE_UNKNOWN_{sort.upper()}", exit_code=4):
        load_package(path)


@pytest.mark.parametrize("name", ["npz", "images", ELSEWHERE])
def test_pkg_15_a_source_that_reads_files_is_never_opened_for_a_package(package, tmp_path, name):
    path = rewritten(package, tmp_path / "copy", say=saying(lambda said: said.update(source={"name": name, "settings": {}})))
    with expect_refusal("PACKAGE_UNKNOWN_SOURCE", exit_code=4):
        load_package(path)


@pytest.fixture(scope="module")
def opened():
    """What is opened or connected to from now on; an audit hook cannot be taken back, so it listens to the end."""
    found: list[str] = []

    def hear(event, arguments):
        if event in ("open", "socket.connect", "urllib.Request"):
            found.append(str(arguments[0]))

    sys.addaudithook(hear)
    return found


def kept(value, row):
    """Whether an encoding takes a value into its state; it may also refuse it."""
    try:
        return value in json.dumps(Encodings.from_json([row]).as_json())
    except PackageRefusal as refusal:
        return refusal.code != "PACKAGE_ENCODING"


@pytest.mark.parametrize("kind", registry.names("kind"))
@pytest.mark.parametrize("value", [ELSEWHERE, "https://example.org/vocabulary.txt"])
def test_pkg_16_a_path_or_address_in_an_encoding_is_never_followed(kind, value, opened):
    part = registry.load("kind", kind)
    columns = part.example()
    encoding = part("it", [f"column{i}" for i in range(len(columns))], "input").fit(columns)
    (row,) = Encodings([encoding]).as_json()
    for key in row["state"]:
        opened.clear()
        assert not kept(value, {**row, "state": {**row["state"], key: value}})
        assert value not in opened


def test_pkg_17_an_unknown_kind_is_refused_with_the_nearest(package, tmp_path):
    path = rewritten(package, tmp_path / "copy", say=saying(lambda said: said["encodings"][0].update(kind="numbr")))
    with expect_refusal("PACKAGE_UNKNOWN_KIND", exit_code=4) as caught:
        load_package(path)
    assert '"number"' in caught.value.what


def test_pkg_18_a_package_of_a_newer_version_names_the_release_that_is_needed(package, tmp_path):
    with expect_refusal("PACKAGE_TOO_NEW", exit_code=4) as caught:
        load_package(rewritten(package, tmp_path / "copy", version=99))
    assert "version 99" in caught.value.what
    assert "install thalweg" in caught.value.fix


def test_pkg_19_a_class_too_many_or_twice_is_refused(package, tmp_path):
    def classes(values):
        def change(said):
            target = next(one for one in said["encodings"] if one["role"] == "target")
            target["state"] = {"values": [values]}

        return saying(change)

    with expect_refusal("PACKAGE_WEIGHTS", exit_code=4) as caught:
        load_package(rewritten(package, tmp_path / "more", say=classes(["no", "perhaps", "yes"])))
    assert "the model has (3,)" in caught.value.what
    with expect_refusal("PACKAGE_ENCODING", exit_code=4) as caught:
        load_package(rewritten(package, tmp_path / "twice", say=classes(["no", "no"])))
    assert "twice" in caught.value.what


def test_pkg_20_links_and_what_everybody_may_write(package, tmp_path):
    copy = rewritten(package, tmp_path / "copy")
    (copy / "README.md").chmod(0o666)
    assert any("README.md may be written by everybody" in note for note in load_package(copy).notes)
    (tmp_path / "elsewhere").write_bytes((copy / "README.md").read_bytes())
    (copy / "README.md").unlink()
    (copy / "README.md").symlink_to(tmp_path / "elsewhere")
    with expect_refusal("PACKAGE_DAMAGED", exit_code=4):
        load_package(copy)


def test_pkg_21_weights_swapped_while_a_package_is_loaded_are_never_used(package, tmp_path):
    copy = rewritten(package, tmp_path / "copy")
    other = rewritten(package, tmp_path / "other", weigh=lambda weights: {name: one + 1 for name, one in weights.items()})
    true, false = ((path / "weights.safetensors").read_bytes() for path in (copy, other))
    wanted = load_package(package).model.state_dict()
    over = threading.Event()

    def swap():
        while not over.is_set():
            for data in (false, true):
                (tmp_path / "next").write_bytes(data)
                (tmp_path / "next").replace(copy / "weights.safetensors")

    racing = threading.Thread(target=swap)
    racing.start()
    try:
        for _ in range(30):
            try:
                found = load_package(copy).model.state_dict()
            except PackageRefusal:
                continue
            assert all(torch.equal(found[name], wanted[name]) for name in wanted)
    finally:
        over.set()
        racing.join()


def test_pkg_22_loading_and_predicting_write_nothing_beside_the_package(package, tmp_path):
    copy = rewritten(package, tmp_path / "copy")
    for file in copy.iterdir():
        file.chmod(0o444)
    copy.chmod(0o555)
    before = {file.name: (file.stat().st_mtime_ns, file.stat().st_size) for file in copy.iterdir()}
    try:
        load_package(copy).predict(inputs(), talk=Heard())
        assert {file.name: (file.stat().st_mtime_ns, file.stat().st_size) for file in copy.iterdir()} == before
    finally:
        copy.chmod(0o755)


def test_pkg_30_a_hostile_card_is_never_run_and_does_not_hinder_loading(package, tmp_path):
    card = b"\x1b[2J<script>alert(1)</script>\n" + b"x" * (10 << 20)
    loaded = load_package(rewritten(package, tmp_path / "copy", further={"README.md": card}))
    assert loaded.predict(inputs())["kind"].shape == (7,)


def test_pkg_30_names_in_the_card_we_write_are_inert(tmp_path):
    from tests.packages.trained import table
    from thalweg.data.dataset import Examples

    name = "<script>alert(1)</script>\x1b[2J\n# heading" + "x" * 1000
    card = (trained(tmp_path / "run", Examples(name, dict(table()))).folder.model / "README.md").read_text()
    assert "<script>" not in card
    assert "\x1b" not in card
    assert "\n# heading" not in card
    assert len(card) < 2000


@pytest.mark.parametrize(
    "change",
    [
        lambda said: said.pop("task"),
        lambda said: said.update(encodings="none"),
        lambda said: said.update(form="pickle"),
        lambda said: said["model"].pop("name"),
        lambda said: said["encodings"].pop(),
        lambda said: said["encodings"][0].pop("state"),
        lambda said: said["encodings"][0].update(fields=[["x"]]),
        lambda said: said["model"]["settings"].update(hidden=[1 << 62]),
        lambda said: said["model"]["settings"].update(hidden=["8; import os"]),
    ],
    ids=["no task", "no list", "form", "no name", "no target", "no state", "fields", "too wide", "no number"],
)
def test_what_is_not_said_or_cannot_be_built_is_refused_without_a_traceback(package, tmp_path, change):
    with pytest.raises(PackageRefusal) as caught:
        load_package(rewritten(package, tmp_path / "copy", say=saying(change)))
    assert_well_said(caught.value)


@pytest.mark.parametrize("said", [[], None, "text", 3])
def test_a_description_that_is_no_object_is_refused(package, tmp_path, said):
    with expect_refusal("PACKAGE_INCOMPLETE", exit_code=4):
        load_package(rewritten(package, tmp_path / "copy", say=lambda _: said))
