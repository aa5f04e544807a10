"""What is recorded comes from the grids that are shipped, and what is told of it from its tables."""

import json
import re

import pandas as pd
import pytest

from analysis.files import markdown_table
from analysis.findings.claims import claim_listing
from analysis.findings.claims.measuring import main_peaks
from analysis.findings.preferences.models import in_pairs
from analysis.findings.repeats.controls import smallest_control
from analysis.words import count, share
from data_pipelines.prepare import prepare_data
from scaling.config import RunConfig
from sweeps.grids.files import find_grid, load_plan
from tests.recorded import HOME, recorded
from tests.scaling.training import train

RECORDED = sorted(path.parent for path in HOME.glob("*/results.parquet"))

NAMED = pytest.mark.parametrize("directory", RECORDED, ids=lambda directory: directory.name)


def told(study=None):
    """The README of a recorded study or the project's, without its line breaks."""
    home = HOME / study if study else HOME.parent.parent
    return " ".join((home / "README.md").read_text().split())


def give_or_take(value, error, digits=3):
    """As a README's tables have it: without an error where there is one seed."""
    return f"{value:.{digits}f}" + ("" if pd.isna(error) else f" ± {error:.{digits}f}")


def read_off(found, peak):
    """A multiplier, or below which it lies where no control is so bad."""
    if peak.extrapolated:
        return f"below {share(smallest_control(found, peak.scan) / peak.params)}"
    return give_or_take(peak.multiplier, peak.multiplier_se)


@NAMED
def test_every_recorded_run_is_a_run_of_the_shipped_grid(directory):
    results = pd.read_parquet(directory / "results.parquet")
    curves = pd.read_parquet(directory / "curves.parquet")
    planned = {run.run_id: run for run in load_plan(find_grid(directory.name)).runs}
    assert set(results["run_id"]) == set(curves["run_id"]) <= planned.keys()
    if len(results) < len(planned):  # trained in several sittings, and its page says how far it is
        assert f"{len(results)} of {len(planned)} runs" in told(directory.name)
    assert (results["status"] == "done").all() and results["git_commit"].nunique() == 1
    assert not results["git_commit"].str.endswith("-dirty").any()
    for row in results.to_dict("records"):
        run = planned[row["run_id"]]
        if not isinstance(run, RunConfig):  # of a stage that trains no language model
            continue
        assert row["learning_rate"] == run.learning_rate and row["params"] == run.params


@pytest.mark.slow
def test_a_recorded_run_comes_out_again(session_dir):
    """One of quick's smallest, picked anew each time, from its config alone.

    Recorded under AVX-512 and trained again under AVX2, all seven come out within 0.004 nats (of larger
    sizes those with pools of few sequences within 0.13, as few seeds do); so 0.02, a thirtieth of the
    damage at the worst of this size.
    """
    results = pd.read_parquet(HOME / "quick" / "results.parquet")
    row = results[results.params <= 6_144].sample(1).iloc[0]
    print(f"trained again: {row.run_id}, f = {row.repeated_fraction:g}, E = {row.repeats:,.0f}")
    (run,) = (run for run in load_plan(find_grid("quick")).runs if run.run_id == row.run_id)
    again = run.model_copy(update={"ood_corpus": None})
    prepare_data(again, session_dir / "pydocs")
    loss = train(again, session_dir / "pydocs")["test_loss"]
    assert loss == pytest.approx(row.test_loss, abs=0.02)


def test_the_best_learning_rate_is_within_a_factor_of_two_of_the_rule():
    results = pd.read_parquet(HOME / "learning_rate" / "results.parquet")
    best = results.loc[results.groupby("d_model")["test_loss"].idxmin()]
    assert len(best) == 4 and (best["learning_rate"] * best["d_model"]).between(0.5, 2).all()
    assert all(results["learning_rate"].groupby(results["d_model"]).nunique() == 5)
    times = dict(zip(best["d_model"], best["learning_rate"] * best["d_model"], strict=True))
    assert times == {16: 2, 32: 2, 64: 1, 128: 1}
    loss = results.set_index(["d_model", "learning_rate"])["test_loss"]
    more, most = (loss[d, 1 / d] - loss[d, 2 / d] for d in (16, 32))
    assert f"twice the rule is, by {more:.3f} and {most:.3f} nats" in told("learning_rate")


@pytest.mark.slow
@NAMED
def test_a_studys_readme_quotes_its_report_and_says_how_long_it_took(directory):
    text = (directory / "README.md").read_text()
    section = text.partition("## In the report's words")[2].partition("\n#")[0]
    quoted = {" ".join(sentence.split()) for sentence in re.split(r"^- ", section, flags=re.M)[1:]}
    found = recorded(directory.name)
    assert quoted <= set(found.summary) and (quoted or directory.name == "learning_rate")
    runs, meta = found.study.results, json.loads((directory / "meta.json").read_text())
    assert f"{len(runs)} runs, {runs.seconds.sum() / 60:,.0f} minutes" in told(directory.name)
    for part in (meta["machine"], f"jax {meta['versions']['jax']}", meta["git_commit"][:7]):
        assert part in told(directory.name)


@pytest.mark.slow
@NAMED
def test_a_studys_readme_has_its_tables(directory):
    """Every row is one of the study's: damage, heads or arms, whichever it has a table of."""
    found, rows = recorded(directory.name), {}
    rows["| N | E | damage, nats | multiplier | seeds |"] = [
        f"| {count(c.params)} | {c.repeats:,.0f} | {give_or_take(c.damage, c.damage_se)} "
        f"| {give_or_take(c.multiplier, c.multiplier_se)} | {c.seeds} |"
        for c in found.cells.itertuples()
    ]
    rows["| N | E | runs with heads | after, M tokens | prefix matching |"] = [
        f"| {count(c.params)} | {c.repeats:,.0f} | {c.formed} of {c.seeds} | "
        + (give_or_take(c.onset_tokens / 1e6, c.onset_tokens_se / 1e6, 1) if c.formed else "never")
        + f" | {give_or_take(c.after, c.after_se, 2)} |"
        for c in found.formations.itertuples()
    ]
    rows["| corpus | weight decay | dropout | damage, nats | removed | controls, nats |"] = [
        f"| {a.label} | {a.weight_decay:g} | {a.dropout:g} | {give_or_take(a.damage, a.damage_se)} "
        f"| {give_or_take(100 * a.removed, 100 * a.removed_se, 0)} % | {a.cost:+.3f} ± {a.cost_se:.3f} |"
        for a in found.arms.itertuples()
    ]
    rows["| f | N | worst E | damage, nats | multiplier | seeds |"] = [
        f"| {p.repeated_fraction:g} | {count(p.params)} | {p.repeats:,.0f} "
        f"| {give_or_take(p.damage, p.damage_se)} | {read_off(found, p)} | {p.seeds} |"
        for p in main_peaks(found).sort_values(["repeated_fraction", "params"]).itertuples()
    ]
    rows["| N | T | f | worst E | damage, nats | bits a param |"] = [
        f"| {count(p.params)} | {count(p.tokens)} | {p.repeated_fraction:g} | {p.worst:,.0f} "
        f"| {p.height:.3f} | {p.bits_per_param:.2f} |"
        for p in found.located.itertuples()
    ]
    rows["| N | begun from | pairs multiplier | of | seeds |"] = [
        f"| {count(w.params)} | {w.init} | {share(w.pairs_multiplier)} ({share(w.pairs_multiplier_low)} to "
        f"{share(w.pairs_multiplier_high)}) | {in_pairs(w.least_pairs, w.most_pairs)} | {w.seeds} |"
        for w in found.pairs_worth.itertuples()
    ]
    rows["| pairs | epochs | gain in accuracy | p (Holm) | rise of held-out loss, nats |"] = [
        f"| {g.pairs:,.0f} | {g.epochs:g} | {g.gain:+.3f} ({g.low:+.3f} to {g.high:+.3f}) | {g.p_holm:.1g} "
        f"| {g.loss_rise:+.2f} ({g.loss_low:+.2f} to {g.loss_high:+.2f}) |"
        for g in found.preference_gains_over_sizes.itertuples()
    ]
    rows["| begun from | pairs | epochs | gold turns | correlation with gold |"] = [
        f"| {init} | {pairs:,.0f} | {epochs:g} | {own.turned.sum():.0f} of {len(own)} "
        f"| {give_or_take(own.correlation.mean(), own.correlation.sem(), 2)} |"
        for (init, pairs, epochs), own in (
            found.turns.groupby(["judge_init", "judge_pairs", "judge_epochs"])
            if len(found.turns)
            else ()
        )
    ]
    rows["| N | E | bits kept | N_eff / N by knowledge | by test loss | seeds |"] = [
        f"| {count(c.params)} | {c.repeats:,.0f} | {c.kept:.0%} ({c.kept_low:.0%} to {c.kept_high:.0%}) "
        f"| {c.by_knowledge:.2f} | {c.by_test_loss:.3f} | {c.seeds} |"
        for c in found.lost.itertuples()
        if c.asked == "name"
    ]
    claims = claim_listing(found)
    head, _, *lines = markdown_table(claims.table).splitlines() if claims else ["", ""]
    rows[head] = lines
    losses = found.study.results.pivot_table(
        index="d_model", columns="learning_rate", values="test_loss"
    )
    rows["| d_model | 1/4 | 1/2 | 1 | 2 | 4 |"] = [
        f"| {d_model} | "
        + " | ".join(f"{losses[k / d_model][d_model]:.3f}" for k in (1 / 4, 1 / 2, 1, 2, 4))
        + " |"
        for d_model in (losses.index if directory.name == "learning_rate" else ())
    ]
    tables = re.findall(r"(?:^\|.*\n)+", (directory / "README.md").read_text(), re.M)
    assert tables
    for head, _, *body in map(str.splitlines, tables):
        assert body == rows[head]


def test_the_readmes_tell_what_the_quick_study_found():
    found = recorded("quick")
    assert found.peaks.interior.all() and not found.peaks.extrapolated.any()
    assert found.peaks.params.max() >= 8 * found.peaks.params.min() and len(found.peaks) == 3
    (peak,) = found.peaks[found.peaks.seeds == 3].itertuples()
    text, shape = told("quick"), f"{peak.params / 1e3:.1f}k parameters, {peak.repeats:.0f} repeats"
    assert f"({shape}, three seeds)" in text
    assert f"as well as a control of {peak.effective_params / 1e3:.1f}k" in text
    assert f"{peak.multiplier:.3f} ± {peak.multiplier_se:.3f}" in text
    assert f"{len(found.study.results)} models" in told()


def test_its_readme_tells_what_the_mechanism_study_found():
    found, text = recorded("mechanism"), told("mechanism")
    peak = found.peaks.iloc[0]
    assert (peak.repeats, peak.params) == (1000, 32_768) and peak.interior and peak.seeds == 3
    assert f"does as well as a control of {peak.effective_params / 1e3:.1f}k" in text
    sentences = {
        s.split("hurts ")[1].split(" test loss")[0]: s for s in found.summary if "hurts" in s
    }
    heads = sentences["prefix matching more than"]
    assert "E = 100 (0.16 against 0.67)" in heads and "0.16 by prefix matching and 0.67" in text
    assert "E = 300" in sentences["copying of random tokens more than"].split(";")[0]
    assert "copying of text less than" in sentences
    assert sentences["out-of-distribution loss more than"].split(";")[0].count("E = ") == 3
    formed = found.formations.set_index(["setting", "params", "repeats"]).formed
    assert formed[0, 32_768, 0] == 3 and formed[0, 32_768, 1000] == 0
    control = found.formations.query("setting == 0 and params == 32_768 and repeats == 0").iloc[0]
    assert control.bumped == 3 and f"({control.bump_height:.2f} nats)" in text
    for tokens in (control.onset_tokens, control.fall_tokens, control.bump_tokens):
        assert f"at {tokens / 1e6:.1f}M" in text
    named = found.names.query("setting == 0 and params == 32_768").set_index("repeats")["last"]
    assert (
        f"probability of {named[0] * 100:.1f} %" in text and f"of {named[1000] * 100:.1f} %" in text
    )
    tuned = found.transfer.set_index("pretrained_repeats")
    assert tuned.gain[0] > 0.5 and tuned.gain[1000] < -10 * tuned.gain_se[1000]
    assert f"(multiplier {tuned.multiplier[1000]:.2f};" in text
    assert formed[0, 32_768, 100] == 1 and not formed[0, 32_768].loc[300:].any()


@pytest.mark.parametrize("readme", [HOME.parent.parent / "README.md", *HOME.glob("*/README.md")])
def test_what_a_readme_shows_and_points_to_is_there(readme):
    links = re.findall(r"\]\(([^):]+)\)", readme.read_text())
    assert all((readme.parent / link).exists() for link in links)


def test_its_readme_tells_that_one_layer_knows_no_names():
    found, text = recorded("names"), told("names")
    last = found.names.set_index(["params", "repeats"])["last"]
    assert (found.names.seeds == 3).all() and last.loc[16_384].max() < 0.03
    assert last[32_768, 0] > 10 * last[32_768, 1000]
    seen = {cell: f"{100 * value:.1f} %" for cell, value in last.items()}
    assert f"comes back {seen[32_768, 0]}, one layer {seen[16_384, 0]}" in text
    assert f"({seen[32_768, 1000]} and {seen[16_384, 1000]})" in text


def test_its_readme_tells_that_prose_is_hurt_more_than_the_code_that_was_trained_on():
    found, text = recorded("code"), told("code")
    (peak,) = found.peaks.itertuples()
    assert peak.interior and peak.seeds == 3 and f"the worst is E = {peak.repeats:.0f}" in text
    assert f"as well as a control of {peak.effective_params / 1e3:.2f}k params; on prose" in text
    assert f"the smallest control, of {count(found.study.results.params.min())}" in text
    (sentence,) = (s for s in found.summary if "hurts out-of-distribution loss" in s)
    assert (
        "more than test loss at E = 50" in sentence
        and "E = 200 (<" in sentence
        and sentence.count("E = ") == 3
    )
    assert "less than test" not in sentence and "about as much" not in sentence


def test_its_readme_tells_the_smallest_models_of_prose_with_heads():
    found, text = recorded("prose"), told("prose")
    runs = found.study.results.set_index(["smeared_keys", "layers", "d_model"])
    score, params = runs.prefix_matching_score, runs.params
    onset = found.formations.set_index("params").onset_tokens
    assert f"after {onset[params[True, 1, 128]] / 1e6:.1f}M tokens (prefix matching" in text
    assert (
        f"(prefix matching {score[True, 1, 128]:.2f} at the end)" in text
        and score[True, 2, 128] > 0.5
    )
    assert max(score[True, 1, 32], score[True, 1, 64]) < 0.05 and score[False, 2, 128] < 0.05


@pytest.mark.slow
def test_its_readme_tells_what_regularisation_removes():
    found, readme = recorded("regularisation"), told("regularisation")
    arms = found.arms.set_index(["label", "weight_decay", "dropout"])
    assert len(arms) == 16 and (arms.seeds == 3).all()
    chain, text = arms.loc["markov/30MB"], arms.loc["pydocs"]
    best = chain.loc[3, 0.1]
    assert (
        chain.removed.idxmax() == (3, 0.1) and f"removes {best.removed:.0%}"[:-1] + " %" in readme
    )
    assert f"{best.gain:.3f} of {chain.damage[0, 0]:.3f} nats" in readme and best.cost > 0.5
    assert (
        text.removed.idxmax() == (0.1, 0) and f"removes {text.removed[0.1, 0]:.0%}"[:-1] in readme
    )
    assert (text.removed.xs(0.1, level="dropout") < 0).all()
    heads = found.formations.set_index("repeats").formed
    assert (heads[1000] == 0).all() and heads[0].max() == 3


def test_its_readme_tells_when_induction_heads_form():
    found, text = recorded("induction"), told("induction")
    runs = found.formations.merge(found.controls[["setting", "params"]])
    by_layers = found.study.results.set_index("params")[["layers", "smeared_keys"]]
    runs = runs.join(by_layers, on="params").set_index(["layers", "smeared_keys"]).onset_tokens
    assert f"In two layers heads form after {runs[2, False] / 1e6:.1f}M tokens" in text
    assert pd.isna(runs[1, False]) and "in one layer never" in text
    assert f"with smeared keys after {runs[1, True] / 1e6:.1f}M" in text
    best = found.study.results.set_index(["layers", "smeared_keys"]).prefix_matching_score
    assert best[2, False] > 0.5 and best[1, True] > 0.5 and best[1, False] < 0.05
