"""What probes cost of a run. Run by `make bench`; the line of the design is asserted."""

from data_pipelines.prepare import default_data_dir, prepare_data
from scaling.config import RunConfig
from sweeps.grids.files import find_grid, load_plan
from tests.benchmarks.measure import report
from tests.scaling.training import train

PROBES = ("in_context", "copying", "heads", "vectors", "ablation")


def share_of_probes(config: RunConfig) -> str:
    """What is measured beside test loss, of all seconds of a run that finds the rest compiled; asserted to
    be a tenth at most, its own compiling counted."""
    prepare_data(config, default_data_dir(), ood_corpus=config.ood_corpus)
    train(RunConfig(**config.model_dump() | {"probes": ()}), data_dir=default_data_dir())
    summary = train(config, data_dir=default_data_dir())
    compiled, measured = summary["compile_seconds"], summary["probe_seconds"]
    share = (compiled + measured) / summary["seconds"]
    assert share <= 0.1
    return f"{share:.1%} of {summary['seconds']:.0f} s, {compiled:.1f} s of it their compilation"


def test_probes_of_heads_take_a_tenth_of_a_run_s_wall_time_at_most():
    config = RunConfig(d_model=64, tokens=12_000_000, probes=PROBES)
    report(f"probes of heads, d_model 64, 12M tokens: {share_of_probes(config)} (asked: 10 %)")


def test_probes_of_knowledge_take_a_tenth_of_a_run_s_wall_time_at_most():
    """Of a run of the study of facts, the first of its size in a process."""
    runs = load_plan(find_grid("facts")).runs
    config = next(run for run in runs if isinstance(run, RunConfig) and run.d_model == 64)
    told = share_of_probes(config)
    report(f"probes of knowledge, facts, N = {config.params:,}: {told} (asked: 10 %)")
