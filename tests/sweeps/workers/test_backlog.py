"""Which run of a sweep comes next, and how long the sweep still takes."""

import io

import pytest
from rich.console import Console

from scaling.config import RunConfig
from scaling.stages.fine_tuning import FineTuningConfig
from scaling.stages.preferences.best_of_n import BestOfNConfig
from sweeps.commands.telling.display import Display
from sweeps.workers.backlog import Backlog


def run(**values) -> RunConfig:
    kind = FineTuningConfig if "of" in values else RunConfig
    return kind(**({"corpus": "pydocs", "tokens": 1_000_000, "d_model": 32} | values))


def drain(backlog: Backlog, shape: tuple | None = None) -> list[RunConfig]:
    taken = []
    while backlog:
        taken.append(backlog.take(shape))
        backlog.settle(taken[-1].run_id)
    return taken


def test_longest_first_and_in_the_order_of_the_grid_among_equals():
    runs = [run(seed=s, tokens=t) for t in (1_000_000, 3_000_000, 2_000_000) for s in range(3)]
    assert drain(Backlog(runs)) == runs[3:6] + runs[6:] + runs[:3]


def test_a_run_of_the_workers_shape_before_one_up_to_a_tenth_longer():
    other = run(d_model=64)
    length = other.flops(0) / run().flops(0) * 1_000_000
    near, far = (run(tokens=int(length * share)) for share in (0.95, 0.85))
    shape = near.shape
    assert drain(Backlog([other, far, near]), shape) == [near, other, far]
    assert drain(Backlog([other, far]), shape) == [other, far]
    assert drain(Backlog([other, far, near])) == [other, near, far]


def test_a_shape_that_another_worker_compiles_comes_last():
    long, longer, short = (run(d_model=width) for width in (64, 96, 32))
    again = run(d_model=96, seed=1)
    backlog = Backlog([short, long, longer, again])
    first = backlog.take(None)
    assert first == longer and backlog.take(None, {first.shape}) == long
    assert backlog.take(first.shape, {first.shape, long.shape}) == again  # its own
    assert backlog.take(None, {short.shape}) == short  # nothing else is left


def test_a_run_waits_until_the_one_it_begins_with_has_ended():
    first = run()
    second = run(seed=1, of=first.run_id, tokens=9_000_000)
    third = run(seed=2, of=second.run_id, tokens=9_000_000)
    elsewhere = run(seed=3, of="0" * 12, tokens=5_000_000)  # not of this sweep
    backlog = Backlog([third, second, first, elsewhere])
    assert backlog.take(None) == elsewhere and backlog.take(None) == first
    assert not backlog  # what is left begins with runs that have not ended
    backlog.settle(elsewhere.run_id)
    assert not backlog
    backlog.settle(first.run_id)
    assert drain(backlog) == [second, third]


def test_a_run_put_back_comes_after_all_others_and_is_still_waited_for():
    first, short = run(tokens=2_000_000), run()
    after = run(seed=1, of=first.run_id)
    backlog = Backlog([first, short, after])
    backlog.put_back(backlog.take(None))
    assert drain(backlog) == [short, first, after]


@pytest.mark.parametrize("jobs", [1, 3])
def test_time_left_counts_every_run_by_its_own_speed(jobs):
    seen = [run(seed=s, tokens=t) for s, t in enumerate((2_000_000, 1_000_000, 1_000_000))]
    unseen = run(d_model=64, tokens=4_000_000)
    display = Display(Console(file=io.StringIO()), jobs)
    display.started([*seen, unseen], 0)
    assert display._left() is None
    progress = {"event": "progress", "step": 1, "steps": 2, "loss": 1.0, "note": ""}
    speeds = {"tokens_per_second": 10_000.0, "seconds_left": 150.0}
    display.event({"run_id": seen[0].run_id} | progress | speeds)
    of_unseen = unseen.flops(0) / (10_000 * seen[0].flops(0) / seen[0].tokens)
    each = seen[1].tokens / 10_000
    left = [150.0, each, each, of_unseen]
    assert display._left() == pytest.approx(max(sum(left) / jobs, of_unseen))
    display.event({"run_id": seen[1].run_id, "event": "failed", "error": "it was unlucky"})
    left.remove(each)
    assert display._left() == pytest.approx(max(sum(left) / jobs, of_unseen))
    display.event({"run_id": seen[0].run_id, "event": "done", "test_loss": 1.0, "seconds": 200.0})
    left.remove(150.0)
    assert display._left() == pytest.approx(max(sum(left) / jobs, of_unseen))


def test_time_left_of_a_kind_that_was_done_is_what_that_took():
    """With its compiling and measuring, which no speed tells of; of what trains nothing there is none."""
    trained = [run(seed=seed) for seed in range(3)]
    judged = [BestOfNConfig(of=one.run_id, policy=one.run_id) for one in trained]
    display = Display(Console(file=io.StringIO()), 1)
    display.started([*trained, *judged], 0)
    display.event({"run_id": trained[0].run_id, "event": "done", "test_loss": 1.0, "seconds": 20.0})
    assert display._left() == pytest.approx(2 * 20)
    display.event({"run_id": judged[0].run_id, "event": "done", "seconds": 7.0})
    assert display._left() == pytest.approx(2 * 20 + 2 * 7)
