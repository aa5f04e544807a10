"""The whole analysis of a study, from its tables to numbers and sentences.

analysis = analyse("studies/quick")
analysis.peaks          # where repetition hurts most, one row a size
print(*analysis.summary, sep="\\n")
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import pandas as pd

from analysis.band import band_edges
from analysis.degradation import worst_repeats
from analysis.descent import descent_sentences, rise_by_cell, rises
from analysis.effective import control_curves, effective_params, mean_cells
from analysis.files import write_json, write_parquet
from analysis.laws import PowerLaw
from analysis.memorisation import against_bound, memorised
from analysis.names import name_cells, name_sentences
from analysis.onset import formation_cells, formation_sentences, formations
from analysis.probes import find_probes, probe_multipliers, probe_sentences
from analysis.regularisation import arm_sentences, arms, other_arms
from analysis.scans import in_brackets
from analysis.tables import Study, read_study
from analysis.transfer import transfer_cells, transfer_sentences, transfers
from analysis.words import count, plural, share

_MOST_PEAKS = 6


@dataclass(frozen=True)
class Analysis:
    """What a study says.

    runs: the repeated runs beside their controls (`effective.effective_params`);
    cells: their means over seeds (`effective.mean_cells`);
    controls: mean test loss of the controls, one row a (setting, params);
    peaks: the worst repeats of each (scan, params) (`degradation.worst_repeats`);
    band: the edges of the bad band as power laws of N (`band.band_edges`);
    bound: each peak beside its incentive bound (`memorisation.against_bound`);
    descents: rises of test loss during training (`descent.rise_by_cell`);
    probes: multipliers by other measures (`probes.probe_multipliers`);
    formations: in how many seeds of a cell induction heads formed, and when (`onset`);
    names: how probable a name's tokens are where it comes back (`names.name_cells`);
    arms: damage by weight decay and dropout (`regularisation.arms`);
    transfers, transfer: fine-tuned runs beside those from scratch, and their means over seeds
    (`transfer.transfers`, `transfer.transfer_cells`);
    held_out: cells beside their prediction from the other sizes (`predict.held_out_sizes`);
    laws: the control law of each setting; summary, notes: sentences for a reader.
    """

    study: Study
    runs: pd.DataFrame
    cells: pd.DataFrame
    controls: pd.DataFrame
    peaks: pd.DataFrame
    band: pd.DataFrame
    bound: pd.DataFrame
    descents: pd.DataFrame
    probes: pd.DataFrame
    formations: pd.DataFrame
    names: pd.DataFrame
    arms: pd.DataFrame
    transfers: pd.DataFrame
    transfer: pd.DataFrame
    held_out: pd.DataFrame
    laws: dict[int, PowerLaw]
    summary: tuple[str, ...]
    notes: tuple[str, ...]


def analyse(study: Study | str | Path) -> Analysis:
    """Analyse a study (or the one in a directory). Raises `AnalysisError` as `read_study` does."""
    if not isinstance(study, Study):
        study = read_study(study)
    runs = memorised(study, effective_params(study))
    cells = mean_cells(runs)
    laws, law_notes = control_curves(study)
    peaks = worst_repeats(cells)
    controls = mean_controls(study)
    band = band_edges(peaks)
    bound = against_bound(peaks, study.scans, laws)
    descents = rise_by_cell(rises(study))
    measured = find_probes(study)
    probes = probe_multipliers(study, runs, measured)
    formed = formation_cells(formations(study))
    named = name_cells(study)
    regularised = arms(study, runs)
    tuned = transfers(study)
    cells_tuned = transfer_cells(tuned)
    held_out = _held_out(runs, laws)
    notes = [*study.notes, *(law_notes if study.repeated.size else [])]
    unpaired = int((~runs.paired & runs.control_loss.notna()).sum())
    if unpaired:
        notes.append(
            f"{plural(unpaired, 'run')} without a control of their own seed: compared with the "
            "mean control of their size."
        )
    silent = sorted(set(measured) - set(probes.get("probe", ())))
    if silent and len(runs) and laws:
        notes.append(
            f"No multiplier by {', '.join(silent)}: among the controls there is no improvement "
            "with size to read one off."
        )
    aside = other_arms(regularised)  # told by `arm_sentences` alone
    own_laws = {setting: law for setting, law in laws.items() if setting not in aside}
    summary = summarise(study, _but_for(aside, peaks, study), own_laws, band)
    summary += descent_sentences(_but_for(aside, descents, study), study)
    summary += probe_sentences(probes, study)
    summary += formation_sentences(_but_for(aside, formed, study), study)
    summary += name_sentences(_but_for(aside, named, study), study)
    summary += [*arm_sentences(regularised), *transfer_sentences(cells_tuned)]
    return Analysis(
        *(study, runs, cells, controls, peaks, band, bound, descents, probes),
        *(formed, named, regularised, tuned, cells_tuned, held_out, laws),
        *(tuple(summary), tuple(notes)),
    )


def _but_for(settings: set[int], table: pd.DataFrame, study: Study) -> pd.DataFrame:
    """The rows of a table by setting or scan that belong to none of these settings."""
    if table.empty:
        return table
    if "setting" in table:
        return table[~table.setting.isin(settings)]
    return table[~table.scan.map(study.scans.set_index("scan").setting).isin(settings)]


def _held_out(runs: pd.DataFrame, laws: dict[int, PowerLaw]) -> pd.DataFrame:
    if runs.params.nunique() < 3:
        return pd.DataFrame()
    from analysis.predict import held_out_sizes  # brings JAX, a second that small studies save

    return held_out_sizes(runs, laws)


def mean_controls(study: Study) -> pd.DataFrame:
    """Mean test loss of the controls over seeds: one row a (setting, params)."""
    grouped = study.controls.groupby(["setting", "params"])
    losses = grouped[["test_loss", "ood_loss", "unique_loss"]].mean()
    seeds = {"seeds": grouped.size(), "run_ids": grouped.run_id.agg(list)}
    return losses.assign(test_loss_se=grouped.test_loss.sem(), **seeds).reset_index()


def summarise(
    study: Study, peaks: pd.DataFrame, laws: dict[int, PowerLaw], band: pd.DataFrame
) -> list[str]:
    """What was found, in sentences with the numbers in them."""
    sentences = []
    for setting, law in laws.items():
        where = in_brackets(study.setting_labels[setting], fraction=False)
        sizes = study.controls[study.controls.setting == setting].params.nunique()
        sentences.append(
            f"Without repetition{where}, test loss falls with params as N^-{law.alpha:.3f} "
            f"({sizes} sizes)."
        )
    told = peaks
    if len(peaks) > _MOST_PEAKS:  # the worst size of each scan; the others are in the table
        told = peaks.loc[peaks.groupby("scan").damage.idxmax()]
    for row in told.itertuples():
        scan = study.scans.loc[study.scans.scan == row.scan].iloc[0]
        sentences.append(_peak_sentence(row, in_brackets(scan.label, fraction=True)))
    for row in band[(band.edge == "worst") & band.low.notna()].itertuples():
        spread = f" (95 % {row.low:.2f} to {row.high:.2f})"
        sentences.append(
            f"The worst repeats move with size as N^{row.exponent:.2f}{spread}; published: "
            "-0.96 (Chudnovsky et al. 2026), band edges -0.56 and -0.50 (Hernandez et al. 2022)."
        )
    return sentences


def write_analysis(analysis: Analysis, directory: str | Path) -> Path:
    """Write `directory`/analysis: the tables as Parquet, laws and sentences as summary.json."""
    folder = Path(directory) / "analysis"
    for name in (
        "runs",
        "cells",
        "controls",
        "peaks",
        "band",
        "bound",
        "descents",
        "probes",
        "formations",
        "names",
        "arms",
        "transfers",
        "transfer",
        "held_out",
    ):
        write_parquet(folder / f"{name}.parquet", getattr(analysis, name))
    write_parquet(folder / "scans.parquet", analysis.study.scans)
    content = {
        "study": analysis.study.meta,
        "summary": analysis.summary,
        "notes": analysis.notes,
        "control_laws": {setting: asdict(law) for setting, law in analysis.laws.items()},
        "peaks": analysis.peaks,
    }
    write_json(folder / "summary.json", content)
    return folder


def _peak_sentence(row, where: str) -> str:
    if row.damage <= 0:
        return f"At N = {count(row.params)}{where}, no tested repeat count does damage."
    text = (
        f"At N = {count(row.params)}{where}, repeating a pool of {row.pool_tokens:,.0f} tokens "
        f"{row.repeats:,.0f} times costs most: {row.damage:.3f} nats per token"
    )
    if pd.notna(row.multiplier):
        beyond = ", extrapolated beyond the smallest control" if row.extrapolated else ""
        text += (
            f"; the model does as well as a control of {count(row.effective_params)} params "
            f"(multiplier {share(row.multiplier)}{beyond})"
        )
    edge = "" if row.interior else " The worst lies at the edge of the repeats that were tried."
    return f"{text}.{edge}"
