"""A rate and a batch size are looked for before the first step; what is found is told, recorded, used where asked for."""

import json
import math

import numpy as np
import pytest
import yaml

from tests.training.resuming import assert_resumes_to_the_same_bits, fitted
from tests.training.test_preset import Heard
from tests.training.test_time_limit import SMALL, rows
from thalweg.core.errors import Refusal
from thalweg.core.run_folder import RunFolder
from thalweg.report.rate_chart import rate_section, write_rates
from thalweg.training.batch_search import largest_that_fits, most_productive
from thalweg.training.rate_test import HIGHEST, LOWEST, STEPS, smoothed, told
from thalweg.training.reopened import settings_of_run
from thalweg.training.requested import asked_by_options, run_settings
from thalweg.training.searching import told_size

RULE = {"name": "backpropagation", "epochs": 2}


def rising() -> list[float]:
    """The rates of a test that was not cut short."""
    return [LOWEST * (HIGHEST / LOWEST) ** (i / (STEPS - 1)) for i in range(STEPS)]


def test_the_rate_suggested_is_a_tenth_of_that_where_the_loss_is_lowest():
    losses = [2.3 - 1.8 / (1 + math.exp(-4 * (math.log10(rate) + 3))) + 40 * max(0.0, rate - 0.1) for rate in rising()]
    found = told(rising(), losses)
    assert 0.004 <= found["suggested"] <= 0.012
    assert "lowest at 0.0" in found["why"]


def test_means_of_losses_do_not_lag_behind_the_rate_nor_drown_in_one_that_is_thrown_off():
    fall = [2.0] * 40 + [1.0] * 40 + [1e6]
    curve = smoothed(fall)
    assert abs(curve[39] + curve[40] - 3.0) < 1e-9  # half way down where it falls
    assert max(curve) <= 2.0


def test_no_rate_is_suggested_where_the_loss_only_rises():
    found = told(rising(), [1.0 + rate for rate in rising()])
    assert found["suggested"] is None


def test_the_most_productive_size_is_the_smallest_near_the_best_that_leaves_updates():
    tried = [{"rows": size, "per_second": fast} for size, fast in ((16, 100), (32, 185), (64, 200), (128, 900))]
    assert most_productive(tried, 64 * 15) == 32
    assert most_productive(tried, None) == 128
    assert most_productive(tried, 20) == 16


def test_a_size_is_told_with_a_reason_that_is_true_of_it():
    found = {"tried": [{"rows": 16, "per_second": 100.0}, {"rows": 32, "per_second": 300.0}], "suggested": 16, "fits": 90}
    assert told_size(found, 90, used=True)[0] == (
        "16 rows are suggested: no size leaves 15 updates in an epoch; all 90 would fit into memory"
    )
    assert (
        "near the fastest of those that leave 15 updates in an epoch; about 90 would fit"
        in told_size(found, 900, used=False)[0]
    )


def test_what_fits_is_told_from_what_a_row_takes():
    assert largest_that_fits(64, 1e6, 1e9, 10_000) == 512  # 0.6 of a gigabyte
    assert largest_that_fits(64, 0.0, 1e9, 10_000) == 10_000


def test_looking_for_a_rate_changes_no_bit_of_the_training_and_is_drawn(tmp_path):
    plain = fitted({**SMALL, "rule": RULE}, tmp_path / "plain", given=rows())
    heard = Heard()
    looked = fitted({**SMALL, "rule": RULE, "find_lr": True}, tmp_path / "looked", given=rows(), talk=heard)
    weights = [one.folder.model / "weights.safetensors" for one in (plain, looked)]
    assert weights[0].read_bytes() == weights[1].read_bytes()
    found = json.loads(looked.folder.plan.read_text())["found"]["rate"]
    assert f"{found['suggested']:g} is suggested (the usual one is 0.001)" in heard.said["rate"]
    write_rates(looked.folder)
    drawn = (tmp_path / "looked" / "find_lr.svg").read_text()
    assert f"{found['suggested']:g} suggested" in drawn
    assert "var(" not in drawn
    assert "<svg" in rate_section(looked.folder)
    assert rate_section(plain.folder) == ""
    assert not RunFolder(tmp_path / "looked").foreign()


def test_a_rate_that_was_found_is_used_recorded_and_resumed_to_the_same_bits(tmp_path):
    asked = {**SMALL, "rule": {**RULE, "rate": "auto", "average": 0.9}}
    whole = assert_resumes_to_the_same_bits(asked, tmp_path, given=rows(), cuts=(0, 3))
    found = json.loads(whole.folder.plan.read_text())["found"]["rate"]["suggested"]
    assert yaml.safe_load(whole.folder.settings.read_text())["chosen"]["rule"]["settings"]["rate"] == found
    repeated = settings_of_run(whole.folder)
    assert (repeated.find_lr, repeated.rule.settings["rate"], repeated.rule.settings["epochs"]) == ("no", found, 2)


def test_a_batch_size_that_was_found_is_used_and_repeated_without_measuring(tmp_path):
    heard = Heard()
    whole = fitted({**SMALL, "rule": {**RULE, "batch_size": "auto"}}, tmp_path / "run", given=rows(), talk=heard)
    size = json.loads(whole.folder.plan.read_text())["found"]["batch_size"]["suggested"]
    assert f"{size} rows are suggested" in heard.said["batch"]
    assert whole.steps == 2 * -(-72 // size)
    repeated = settings_of_run(whole.folder)
    again = fitted(repeated.model_dump(mode="json"), tmp_path / "again", given=rows())
    assert (whole.folder.model / "weights.safetensors").read_bytes() == (
        again.folder.model / "weights.safetensors"
    ).read_bytes()


def test_auto_means_the_same_by_every_way_of_saying_it():
    for asked in ({"rule": {"rate": "auto"}}, {"rule": {"settings": {"rate": "auto"}}}, asked_by_options({"lr": "auto"})):
        settings = run_settings(asked)
        assert settings.find_lr == "use"
        assert settings.rule is None or "rate" not in settings.rule.settings
    assert run_settings(asked_by_options({"find_lr": True, "lr": 0.1})).find_lr == "tell"


@pytest.mark.parametrize(("wish", "code"), [("find_lr", "FIND_LR_NO_RATE"), ("find_batch_size", "FIND_BATCH_SIZE_NONE")])
def test_a_search_for_what_a_rule_does_not_have_is_refused(tmp_path, wish, code):
    series = np.random.default_rng(0).normal(size=(60, 1, 40)).astype(np.float32)
    with pytest.raises(Refusal) as caught:
        fitted({"model": "random-kernels", wish: True}, tmp_path / "run", given={"x": series, "y": np.arange(60) % 2})
    assert caught.value.code == code


def test_a_search_for_a_rate_is_refused_where_the_optimizer_searches_along_lines(tmp_path):
    with pytest.raises(Refusal, match="own rate along each line"):
        fitted({**SMALL, "rule": {"optimizer": "lbfgs", "epochs": 1}, "find_lr": True}, tmp_path / "run", given=rows())
