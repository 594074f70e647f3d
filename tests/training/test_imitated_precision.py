"""A precision for which the processor has no instructions is said to be imitated, with how long that takes."""

import re

from tests.fresh_process import Fresh
from tests.training.imitated import said


def test_num_11_a_precision_without_instructions_is_said_to_be_imitated_with_a_faster_one(tmp_path):
    [sentence] = Fresh(said, str(tmp_path), "bfloat16", ONEDNN_MAX_CPU_ISA="AVX2").answer()
    found = re.search(r"no instructions for bfloat16 .* about (\d+) times as long as in float32", sentence)
    assert found is not None
    assert int(found[1]) >= 2
    assert sentence.endswith("faster: --precision float32")


def test_num_11_nothing_is_said_of_float32(tmp_path):
    assert Fresh(said, str(tmp_path), "float32").answer() == []
