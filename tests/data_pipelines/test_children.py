"""Child processes: they end with their parent, and import nothing from the working directory."""

import ctypes
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import psutil
import pytest

from data_pipelines.system.children import child, program
from tests.processes import living_after

ROOT = Path(__file__).parents[2]

_PARENT = """
import subprocess, sys, time
from data_pipelines.system.children import child, program
from tests.processes import living_after
if sys.argv[1] == "program":
    command = program("sleep", "60")
else:
    command = child(f"tests.data_pipelines.test_children:{sys.argv[1]}")
print(subprocess.Popen(command).pid, flush=True)
time.sleep(60)
"""


def hold_the_interpreter():
    """Let no other thread of Python run, as a long import does."""
    ctypes.PyDLL(None).sleep(60)


def have_a_child():
    """Be the parent of another, as preparing is of packing."""
    subprocess.run(child(f"{__name__}:hold_the_interpreter"))


def tell(*words):
    print(*words, flush=True)
    return 3


@pytest.fixture(autouse=True)
def tests_are_found(monkeypatch):
    """What a child runs here is a test's."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["hold_the_interpreter", "have_a_child", "program"])
def test_killed_at_any_moment_from_its_first_on_a_parent_leaves_no_child(kind):
    rng = np.random.default_rng(0)
    for number in range(8):
        parent = subprocess.Popen(
            [sys.executable, "-c", _PARENT, kind], stdout=subprocess.PIPE, text=True
        )
        pid = int(parent.stdout.readline())
        time.sleep(0.001 if number == 0 else rng.uniform(0, 0.4))
        family = psutil.Process(parent.pid).children(recursive=True)
        assert any(process.pid == pid for process in family)
        parent.send_signal(signal.SIGKILL)
        parent.communicate()
        assert not living_after(family, seconds=1)


def test_a_child_ends_as_its_function_says_and_is_told_its_words():
    done = subprocess.run(child(f"{__name__}:tell", "a b", ""), capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (3, "a b \n", "")
    done = subprocess.run(program("cat"), input="text", capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "text", "")


def test_a_child_whose_parent_has_gone_before_it_began_ends_at_once():
    command = child(f"{__name__}:hold_the_interpreter")
    command[command.index(str(os.getpid()))] = str(os.getppid())
    assert subprocess.run(command, timeout=30).returncode == 1


@pytest.mark.usefixtures("among_namesakes")
def test_a_child_imports_nothing_from_the_working_directory():
    done = subprocess.run(
        child("sweeps.workers.worker:main", "none", "none"), capture_output=True, text=True
    )
    assert "none: holds no study" in done.stderr


def test_every_process_of_ours_is_started_as_a_child():
    """No command line is made of the interpreter elsewhere."""
    found = [
        f"{path.relative_to(ROOT)}: {line.strip()}"
        for room in ("analysis", "data_pipelines", "scaling", "sweeps")
        for path in sorted((ROOT / room).rglob("*.py"))
        for line in path.read_text().splitlines()
        if re.search(r"sys\.executable(?!\)\.(parent|with_name))|import multiprocessing", line)
    ]
    assert [line.partition(":")[0] for line in found] == ["data_pipelines/system/children.py"], (
        found
    )
