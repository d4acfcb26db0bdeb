"""Error rates as text, CSV and JSON: the same for `bonafide calibrate` and bench/comparison_error_rates.py."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

from app.domain.error_rates import FnmrAtFmr, Rate
from app.domain.identity_bootstrap import ROUNDS, SEED
from app.services.calibrate import ErrorRateReport, RateRow, Recommendation, Threshold

Json = dict[str, object]

_HEADINGS = ("score", "cosine", "FMR (95 %)", "FNMR (95 %)", "accuracy")


def percent(share: float) -> str:
    """Two significant digits, one decimal at least; no exponents: 8.0, 0.073, 0.0009."""
    if share == 0:
        return "0"
    value = 100 * share
    exponent = int(f"{value:.1e}".partition("e")[2])
    return f"{value:.{max(1, 1 - exponent)}f}"


def rate_text(rate: Rate) -> str:
    """A rate with its interval: 0.073 % (0.063–0.083)."""
    return f"{percent(rate.share)} % ({percent(rate.low)}–{percent(rate.high)})"


def threshold_text(threshold: Threshold) -> str:
    """What a person sets: the score, or the cosine where there is no scale."""
    return f"cosine {threshold.cosine:.4f}" if threshold.score is None else f"{threshold.score:g}"


def table_text(rows: Sequence[RateRow]) -> str:
    """Columns of even width, for a terminal."""
    lines = [_HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEADINGS))]
    return "\n".join(
        "  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in lines
    )


def table_markdown(rows: Sequence[RateRow], bold_score: float) -> str:
    """The table of docs/matching.md; the default threshold's row is bold."""
    lines = ["| " + " | ".join(_HEADINGS) + " |", "| ---: | ---: | --- | --- | ---: |"]
    for row in rows:
        cells = _cells(row)
        if row.threshold.score == bold_score:
            cells = tuple(f"**{cell}**" for cell in cells)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def table_csv(rows: Sequence[RateRow]) -> str:
    """One line a threshold, with exact counts; rates are shares, not per cent."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = [f"{name}{part}" for name in ("fmr", "fnmr") for part in ("", "_low", "_high", "_errors", "_trials")]
    writer.writerow(["score", "cosine", *names, "accuracy"])
    for row in rows:
        rates = [part for rate in (row.fmr, row.fnmr) for part in _parts(rate)]
        score = "" if row.threshold.score is None else row.threshold.score
        writer.writerow([score, round(row.threshold.cosine, 6), *rates, round(row.accuracy, 6)])
    return text.getvalue()


def pairs_text(report: ErrorRateReport) -> str:
    """How many pairs there are, and how many could not be compared since a picture failed to enrol."""
    sets = report.sets
    lost = sets.mated.without_template + sets.non_mated.without_template
    return f"{len(sets.mated)} mated, {len(sets.non_mated)} non-mated pairs, {lost} of them not compared"


def fnmr_at_text(found: FnmrAtFmr) -> str:
    """One line, with how many false matches it rests on."""
    return (
        f"FNMR at FMR {100 * found.fmr:g} %: {rate_text(found.fnmr)}, cosine {found.cosine:.4f}, "
        f"{found.false_matches} false matches"
    )


def recommendation_text(found: Recommendation) -> str:
    """The recommended threshold and what it costs, or why there is none."""
    target = f"{100 * found.target_fmr:g} %"
    if found.threshold is None or found.row is None:
        return f"No threshold can be recommended for an FMR of {target}: {found.reason}."
    return (
        f"Recommended threshold for an FMR of {target}: {threshold_text(found.threshold)} "
        f"(FMR {rate_text(found.row.fmr)}, FNMR {rate_text(found.row.fnmr)})"
    )


def report_json(report: ErrorRateReport) -> Json:
    """Everything measured on one set of pairs; rates are shares, not per cent."""
    sets = report.sets
    return {
        "mated_pairs": len(sets.mated),
        "non_mated_pairs": len(sets.non_mated),
        "non_mated_pairs_are": "cross pairs" if sets.is_crossed else "the labelled pairs",
        "mated_pairs_without_template": sets.mated.without_template,
        "non_mated_pairs_without_template": sets.non_mated.without_template,
        "intervals": _intervals(report),
        "auc": round(report.auc, 6),
        "equal_error_rate": round(report.equal_error_rate, 6),
        "best_accuracy": {"accuracy": round(report.best[0], 6), **_threshold(report.best[1])},
        "fnmr_at_fmr": [
            {
                "fmr": one.fmr,
                "cosine": round(one.cosine, 6),
                "false_matches": one.false_matches,
                "fnmr": _rate(one.fnmr),
            }
            for one in report.fnmr_at
        ],
        "table": [_row(row) for row in report.rows],
        "det": [
            {"cosine": round(p.cosine, 6), "fmr": _significant(p.fmr), "fnmr": _significant(p.fnmr)}
            for p in report.det
        ],
    }


def recommendation_json(found: Recommendation) -> Json:
    return {
        "target_fmr": found.target_fmr,
        "threshold": None if found.row is None else _row(found.row),
        "reason": found.reason,
    }


def _intervals(report: ErrorRateReport) -> Mapping[str, object]:
    if report.sets.mated.people is None:
        return {"level": 0.95, "method": "Wilson; identities are not known"}
    method = "the wider of Wilson's and a bootstrap that draws people"
    return {"level": 0.95, "method": method, "rounds": ROUNDS, "seed": SEED}


def _cells(row: RateRow) -> tuple[str, ...]:
    score = "–" if row.threshold.score is None else f"{row.threshold.score:g}"
    return score, f"{row.threshold.cosine:.4f}", rate_text(row.fmr), rate_text(row.fnmr), f"{row.accuracy:.4f}"


def _row(row: RateRow) -> Json:
    return {
        **_threshold(row.threshold),
        "fmr": _rate(row.fmr),
        "fnmr": _rate(row.fnmr),
        "accuracy": round(row.accuracy, 6),
    }


def _threshold(threshold: Threshold) -> Json:
    return {"score": threshold.score, "cosine": round(threshold.cosine, 6)}


def _rate(rate: Rate) -> Json:
    return dict(zip(("share", "low", "high", "errors", "trials"), _parts(rate), strict=True))


def _parts(rate: Rate) -> tuple[float | int, ...]:
    return _significant(rate.share), _significant(rate.low), _significant(rate.high), rate.errors, rate.trials


def _significant(share: float) -> float:
    return float(f"{share:.6g}")
