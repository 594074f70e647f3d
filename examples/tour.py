"""A tour of thalweg in two minutes: six things that go wrong in deep learning, and what it does about each.

    make tour      or      python examples/tour.py [FOLDER]

Each command is printed behind a `$` before it runs, and can be repeated by hand in the folder that is named at the end. What a
step claims is checked before the next one begins; a claim that does not hold ends the tour with exit code 1. Needs no network
and no data but those that ship with scikit-learn.
"""

import csv
import hashlib
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

EXAMPLES = Path(__file__).resolve().parent
WIDTH = 100
POLLED_SECONDS = 0.02
EPOCHS = 20


class DoesNotHold(Exception):
    """A step claimed something that is not so."""


@dataclass(frozen=True)
class Ran:
    """What a command came to; the code of one that was killed is minus its signal."""

    code: int
    out: str
    err: str


class Tour:
    """The folder in which everything happens, and what is said about it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        programs = Path(sys.executable).parent  # so that `thalweg` and `python` are those that run this
        home = folder / "home"  # what thalweg remembers of this machine stays as it is: looks at test parts, plans for speed
        self.extra = {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "THALWEG_HOME": str(home)}

    def run(self, command: str, *, killed_when: Callable[[], bool] | None = None) -> Ran:
        """Print a command, run it, and hand back what it printed.

        Args:
            killed_when: asked again and again; once it says yes, the process is killed by SIGKILL, which no process can catch.
        """
        print(f"\n  $ {command.strip()}", flush=True)
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            process = subprocess.Popen(
                shlex.split(command),
                cwd=self.folder,
                env={**os.environ, **self.extra},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )
            while killed_when is not None and process.poll() is None:
                if killed_when():
                    process.send_signal(signal.SIGKILL)
                    break
                time.sleep(POLLED_SECONDS)
            code = process.wait()
            out.seek(0)
            err.seek(0)
            return Ran(code, out.read(), err.read())

    def copy(self, name: str) -> None:
        """Put an example's file into the folder."""
        shutil.copy(EXAMPLES / name, self.folder / name)

    def sha256(self, path: str) -> str:
        """The digest of a file."""
        return hashlib.sha256((self.folder / path).read_bytes()).hexdigest()


def show(text: str, *beginnings: str) -> None:
    """Print what matters of a text: the paragraphs that begin so, or all of it, long lines broken.

    A paragraph is a line with the indented ones below it; `...` stands for others between those that are shown.
    """
    paragraphs = re.split(r"\n(?=\S)", text.strip("\n"))
    wanted = [number for number, one in enumerate(paragraphs) if not beginnings or one.startswith(beginnings)]
    for place, number in enumerate(wanted):
        if place and number > wanted[place - 1] + 1:
            print("    ...")
        for line in paragraphs[number].split("\n"):
            print(textwrap.indent("\n".join(broken(line)), "    "))
    sys.stdout.flush()


def broken(line: str) -> list[str]:
    """A line in pieces that fit, further ones as far to the right as the first."""
    indent = " " * (len(line) - len(line.lstrip()))
    return textwrap.wrap(line, WIDTH, subsequent_indent=indent, drop_whitespace=True) if len(line) > WIDTH else [line]


def say(sentence: str) -> None:
    """Print what was shown, in plain words."""
    print("\n" + textwrap.fill(sentence, WIDTH, initial_indent="  ", subsequent_indent="  "), flush=True)


def require(holds: bool, otherwise: str) -> None:
    """End the tour where a claim does not hold."""
    if not holds:
        raise DoesNotHold(otherwise)


# 1. Data


def wrong_data(tour: Tour) -> str:
    """Wrong labels and copies across the split are planted in a real set, and looked for."""
    flipped, copied = plant(tour.folder / "digits.csv")
    say(
        f"1,797 handwritten digits as a table. {len(flipped)} labels (2 %) are changed to another digit, and {len(copied)} "
        "training rows are copied into the test part. Which ones, thalweg is not told."
    )
    ran = tour.run("thalweg check digits.csv --target digit --json")
    require(ran.code == 0, f"the check ended with exit code {ran.code}: {ran.err}")
    findings = json.loads(ran.out)["findings"]
    found = {one["code"]: one for one in findings if one["severity"] == "warn"}
    for one in found.values():
        show(f"{one['severity']}: {one['what']}")
    notes = len(findings) - len(found)
    show(f"and {notes} note{'' if notes == 1 else 's'}")
    copies = set(found.get("DUPLICATES_ACROSS", {}).get("rows", []))
    labels = set(found.get("LABELS_WRONG", {}).get("rows", []))
    named, right = len(labels), len(labels & flipped)
    require(copies == copied, f"of {len(copied)} copies {len(copies & copied)} were named, and {len(copies - copied)} others")
    require(right >= len(flipped) / 2, f"of {len(flipped)} labels {right} were named")
    say(
        f"Named: all {len(copied)} copies; and {right} of the {len(flipped)} labels that were changed, with {named - right} "
        f"that {'was' if named - right == 1 else 'were'} not."
    )
    return f"{len(copied)} of {len(copied)} copies and {right} of {len(flipped)} wrong labels found"


def plant(path: Path) -> tuple[set[int], set[int]]:
    """Write digits with planted defects; returns the rows with a wrong label and the rows that are copies, counted from 0."""
    images, digits = load_digits(return_X_y=True)
    random, rows = np.random.default_rng(0), len(images)
    test = random.permutation(rows)[: rows // 5]
    part = np.full(rows, "train")
    part[test] = "test"
    flipped = random.choice(rows, rows // 50, replace=False)
    labels = digits.copy()
    labels[flipped] = (digits[flipped] + random.integers(1, 10, len(flipped))) % 10
    copied = random.choice(np.flatnonzero(part == "train"), 20, replace=False)
    names = [f"pixel_{row}_{column}" for row in range(8) for column in range(8)]
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow([*names, "digit", "split"])
        table.writerows([*images[row].astype(int), f"digit {labels[row]}", part[row]] for row in range(rows))
        table.writerows([*images[row].astype(int), f"digit {labels[row]}", "test"] for row in copied)
    return set(flipped.tolist()), set(range(rows, rows + len(copied)))


# 2. Interruption

TRAIN = f"thalweg train digits --epochs {EPOCHS} --speed plain --set checkpoint_steps=25"
LEARNED = f"learn    epoch {EPOCHS} of {EPOCHS} ·"


def kills(tour: Tour) -> str:
    """A training that is killed twice ends with the weights of one that is left alone."""
    say("One training is left alone. Another one, of the same command, is killed twice by SIGKILL, which no program can catch.")
    whole = tour.run(f"{TRAIN} --out whole")
    require(whole.code == 0, f"the training ended with exit code {whole.code}: {whole.err}")
    show(whole.err, LEARNED)
    for epoch in (6, 15):
        ran = tour.run(f"{TRAIN} --out killed", killed_when=lambda epoch=epoch: epochs(tour, "killed") >= epoch)
        require(
            ran.code == -signal.SIGKILL, f"the training was over before it could be killed: exit code {ran.code}: {ran.err}"
        )
        show(f"killed after epoch {epochs(tour, 'killed')}")
    ran = tour.run(f"{TRAIN} --out killed")
    require(ran.code == 0, f"the training ended with exit code {ran.code}: {ran.err}")
    require("resumed at step" in ran.err, f"it did not go on where it was: {ran.err}")
    show(ran.err, "resume", LEARNED)
    digests = [tour.sha256(f"{run}/model/weights.safetensors") for run in ("whole", "killed")]
    say("SHA-256 of the weights:")
    show(f"{digests[0]}  whole/model/weights.safetensors\n{digests[1]}  killed/model/weights.safetensors")
    require(digests[0] == digests[1], "the weights differ")
    say("The command was simply repeated. The weights are the same to the last bit.")
    return "killed twice, resumed to the same bits"


def epochs(tour: Tour, run: str) -> int:
    """How many epochs a run has written down so far."""
    metrics = tour.folder / run / "metrics.jsonl"
    return len(metrics.read_text(encoding="utf-8").splitlines()) if metrics.is_file() else 0


# 3. Damage


def damage(tour: Tour) -> str:
    """A package in which one bit has changed is refused."""
    say("A copy of the trained model, in whose weights one bit of one byte is changed.")
    tour.run("cp -r whole/model damaged")
    place = (tour.folder / "damaged/weights.safetensors").stat().st_size // 2
    flip = f"f.seek({place}); byte = f.read(1)[0]; f.seek({place}); f.write(bytes([byte ^ 1]))"
    tour.run(f"""python -c "f = open('damaged/weights.safetensors', 'r+b'); {flip}" """)
    damaged = tour.run("thalweg predict damaged digits")
    show(damaged.err)
    require(damaged.code == 4, f"it ended with exit code {damaged.code}, not 4")
    require(damaged.out == "", "it answered all the same")
    require("weights.safetensors" in damaged.err, "the damaged file is not named")
    sound = tour.run("thalweg predict whole/model digits")
    show("\n".join(f"{line[:60]}..." for line in sound.out.splitlines()[:3]))
    require(sound.code == 0, "the sound model was refused as well")
    say("No answer comes from a file that is not the one that was saved; the sound one answers.")
    return "one flipped bit refused, the file named"


# 4. A mistake in somebody else's code


def foreign_loop(tour: Tour) -> str:
    """The doctor names the softmax before a cross-entropy in a loop that knows nothing of thalweg."""
    tour.copy("softmax_twice.py")
    say(
        "An ordinary PyTorch loop, as many tutorials have it: softmax_twice.py. It runs through and learns, though less "
        "than it could."
    )
    wrong = tour.run("python softmax_twice.py")
    show(wrong.err + wrong.out, "epoch 10", "doctor", "right")
    require(wrong.code == 0, f"the loop failed: {wrong.err}")
    require("double-softmax" in wrong.err + wrong.out, "the second softmax was not named")
    mended = tour.run("python softmax_twice.py --mended")
    show(mended.err + mended.out, "epoch 10", "doctor", "right")
    require(mended.code == 0, f"the mended loop failed: {mended.err}")
    require("double-softmax" not in mended.err + mended.out, "the mended loop is blamed for it too")
    say("The mistake is named with what to change; of the mended loop nothing of the kind is said.")
    return "the softmax before a cross-entropy named, and not in the mended loop"


# 5. A model of one's own


def own_model(tour: Tour) -> str:
    """A model in one file of its own passes the contracts and is trained like any other."""
    tour.copy("maxout.py")
    say("A net that thalweg does not have, in one file: maxout.py. No other file is edited.")
    checked = tour.run("thalweg check-part maxout.py")
    show(checked.out, "ok   it ", "ok   a row", "all ")
    require(checked.code == 0, f"contracts do not hold:\n{checked.out}")
    trained = tour.run("python maxout.py")
    show(trained.out)
    require(trained.code == 0, f"the training failed: {trained.err}")
    accuracy = results(tour, "maxout")["metric"]["value"]
    require(accuracy > 0.95, f"it learned too little: accuracy {accuracy:.3f}")
    say("It holds what every model must hold, and is trained, judged and reported like those that ship.")
    return f"one file, all contracts hold, accuracy {accuracy:.1%}"


# 6. Was it worth it?


def verdict(tour: Tour) -> str:
    """The trained net beside simpler models on the same rows, and what follows from that."""
    say("Was a net needed at all? Each training is compared with simpler models, on rows that none of them has seen.")
    ran = tour.run("thalweg compare whole")
    show(ran.out)
    require(ran.code == 0, f"it ended with exit code {ran.code}: {ran.err}")
    said = results(tour, "whole")["verdict"]
    words = " ".join(ran.out.split())
    require(" ".join(said["sentence"].split()) in words, "the verdict is not said")
    say("Intervals, not bare figures; and where the data cannot tell, it says how many more would.")
    return f"{said['sentence'].split(':')[0]}, of {len(results(tour, 'whole')['baselines'])} simpler models"


def results(tour: Tour, run: str) -> dict:
    """What a run came to."""
    return json.loads((tour.folder / run / "results.json").read_text(encoding="utf-8"))


STEPS: Sequence[tuple[str, Callable[[Tour], str]]] = (
    ("Wrong data are named before they are learned", wrong_data),
    ("A training that is killed ends with the same bits", kills),
    ("A damaged file is refused", damage),
    ("A mistake in a loop of your own is named", foreign_loop),
    ("A model of your own is one file", own_model),
    ("A verdict instead of a figure", verdict),
)


def main(folder: Path) -> int:
    """Take all steps; returns the exit code."""
    tour, begun, came = Tour(folder), time.monotonic(), []
    for number, (title, step) in enumerate(STEPS, 1):
        print(f"\n{number}. {title}", flush=True)
        since = time.monotonic()
        try:
            came.append(f"{number}. {step(tour)} ({time.monotonic() - since:.0f} s)")
        except DoesNotHold as fault:
            print(f"\nThis step does not hold: {fault}\nEverything is kept in {folder}", file=sys.stderr)
            return 1
    print("\nAll steps hold.\n")
    print("\n".join(f"  {line}" for line in came))
    print(f"\n{time.monotonic() - begun:.0f} s on {len(os.sched_getaffinity(0))} cores. Reports to open in a browser:\n")
    print(f"  {folder}/whole/report.html\n  {folder}/maxout/report.html\n\nTo repeat a command:\n")
    print(f"  cd {folder}; export PATH={Path(sys.executable).parent}:$PATH THALWEG_HOME=$PWD/home")
    return 0


if __name__ == "__main__":
    given = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp(prefix="thalweg-tour-"))
    given.mkdir(parents=True, exist_ok=True)
    sys.exit(main(given.resolve()))
