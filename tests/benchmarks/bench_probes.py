"""What probes cost of a run. Run by `make bench`; the line of the design is asserted."""

from dataclasses import replace

from data_pipelines.prepare import default_data_dir, prepare_data
from scaling.config import RunConfig
from tests.benchmarks.measure import report
from tests.scaling.training import train

PROBES = ("in_context", "copying", "heads", "vectors", "ablation")


def test_all_probes_take_a_tenth_of_a_run_s_wall_time_at_most():
    config = RunConfig(d_model=64, tokens=12_000_000, probes=PROBES)
    prepare_data(config, default_data_dir(), ood_corpus=config.ood_corpus)
    # Leaves probes alone to be compiled.
    train(replace(config, tokens=1_200_000, probes=()), data_dir=default_data_dir())
    summary = train(config, data_dir=default_data_dir())
    compiled, measured = summary["compile_seconds"], summary["probe_seconds"]
    share = (compiled + measured) / summary["seconds"]
    report(
        f"probes at the default schedule, d_model 64, 12M tokens: {share:.1%} of "
        f"{summary['seconds']:.0f} s, {compiled:.1f} s of it their compilation (asked: 10 %)"
    )
    assert share <= 0.1
