"""What is free is told, what cannot fit is refused before it is built, and freed memory is kept for the next step."""

import platform
import resource
import subprocess
import sys

import pytest
import torch
from torch import nn

from thalweg.core.errors import ResourceRefusal
from thalweg.core.memory import WithinMemory, free_bytes, keep_freed_memory, refuse_too_large

CPU = torch.device("cpu")


def test_some_memory_is_free_on_a_cpu():
    free = free_bytes(CPU)
    assert free is None or 1 << 26 < free < 1 << 50


def test_a_tensor_larger_than_what_is_free_is_refused_before_it_is_made():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with WithinMemory(CPU, "mlp"), pytest.raises(ResourceRefusal) as refusal:
        nn.Linear(1_000_000, 2_000_000)
    assert refusal.value.details["shape"] == [2_000_000, 1_000_000]
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < before + 1000 * 100


def test_a_net_that_fits_is_built_as_without_looking():
    torch.manual_seed(0)
    expected = nn.Linear(30, 20)
    torch.manual_seed(0)
    with WithinMemory(CPU, "mlp"):
        built = nn.Linear(30, 20)
    assert torch.equal(built.weight, expected.weight)
    refuse_too_large(built, CPU, where="mlp")


def test_weights_without_room_for_their_gradients_are_refused():
    net = nn.Linear(1, 1)
    net.weight = nn.Parameter(torch.zeros(1).expand(1 << 44, 1))  # takes one number, and its gradient all of them
    with pytest.raises(ResourceRefusal) as refusal:
        refuse_too_large(net, CPU, where="mlp")
    assert refusal.value.code == "MODEL_TOO_LARGE"


STEPS = """
import resource, sys, torch
from thalweg.core.memory import keep_freed_memory

torch.set_num_threads(1)
kept = keep_freed_memory() if sys.argv[1] == "keep" else None
x = torch.ones(8, 1 << 21)  # 64 MB: the C library always takes so much from the system where nobody says otherwise


def step():
    y = x.relu()
    return y.add(1.0).mul(2.0).sum()


for _ in range(5):
    step()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    step()
print(kept, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


HOLES = """
import resource, sys, torch
from pathlib import Path
from thalweg.core.memory import SCARCE, keep_freed_memory


def taken():
    lines = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return 1024 * int(lines["VmData"].split()[0])


if "limited" in sys.argv:
    resource.setrlimit(resource.RLIMIT_DATA, (taken() + SCARCE // 2,) * 2)
keep_freed_memory()
torch.ones(1)
before, stays = taken(), []
for _ in range(5):
    batches = [(torch.ones(3 << 18), torch.ones(512)) for _ in range(20)]  # 3 MB, and 2 kB that stay
    stays += [small for _, small in batches]
    del batches
print(taken() - before)
"""
glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library keeps memory in its own way")


def left_behind(*words):
    """Bytes that a process keeps of large tensors that are gone, where small ones lay between them."""
    ran = subprocess.run([sys.executable, "-c", HOLES, *words], capture_output=True, text=True, check=True)
    return int(ran.stdout)


@glibc
def test_large_tensors_go_back_between_small_ones_that_stay_where_the_process_may_not_take_much():
    assert left_behind("limited") < 6_000_000
    assert left_behind() > 50_000_000


@glibc
def test_pages_of_freed_memory_are_not_asked_for_again():
    def pages(word):
        ran = subprocess.run([sys.executable, "-c", STEPS, word], capture_output=True, text=True, check=True)
        kept, faults = ran.stdout.split()
        return kept, int(faults)

    kept, few = pages("keep")
    assert kept == "True"
    assert 4 * few < pages("leave")[1]


def test_what_the_user_set_for_the_allocator_stays(monkeypatch):
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "100000")
    assert not keep_freed_memory()
