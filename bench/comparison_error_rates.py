"""Error rates of face comparison (ISO/IEC 19795-1) on a folder of labelled portraits.

Pairs come from CSV files with the columns path_a, path_b, same; impostor pairs also from every two pictures
of different people below a folder that has one folder a person. Nothing is trained or tuned here.

    python bench/comparison_error_rates.py --media ../shared/media --out var/comparison.json
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import platformdirs
from numpy.typing import NDArray

from app.adapters.images import Images
from app.adapters.model_files import ModelFiles
from app.adapters.opencv_faces import SfaceEncoder, YunetDetector
from app.adapters.photometry import measure_face
from app.domain.comparison import score_from_cosine
from app.domain.verdict import ModelIdentity
from app.matching.embedded import EmbeddedMatchingCore

SCORES = (10, 20, 25, 30, 35, 40, 50, 60, 70, 80, 90)
"""Thresholds that the table lists."""

BOOTSTRAP_ROUNDS = 1000
Z_95 = 1.959964
Vectors = NDArray[np.float32]


@dataclass(frozen=True)
class LabelledPair:
    """Two paths below the media folder, and whether they show one person."""

    path_a: str
    path_b: str
    is_mated: bool


def main() -> int:
    options = _options()
    pairs = [pair for file in options.pairs or _pair_files(options.media) for pair in read_pairs(file)]
    people = sorted(path.relative_to(options.media) for path in (options.media / options.people).glob("*/*"))
    wanted = {pair.path_a for pair in pairs} | {pair.path_b for pair in pairs} | {str(path) for path in people}
    templates = create_templates(_core(options.models), options.media, sorted(wanted))
    report = {
        "media": options.media.name,
        "pictures": len(wanted),
        "failures_to_enrol": sorted(wanted - templates.keys()),
        "pairs": pair_report(pairs, templates),
        "impostors": impostor_report(people, templates),
    }
    text = json.dumps(report, indent=2)
    print(text)
    if options.out:
        options.out.parent.mkdir(parents=True, exist_ok=True)
        options.out.write_text(text + "\n", encoding="utf-8")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--media", type=Path, required=True, help="folder with pairs/ and faces/")
    parser.add_argument("--pairs", type=Path, nargs="*", help="CSV files; all of <media>/pairs by default")
    parser.add_argument(
        "--people", default="faces/lfw_deepfunneled", help="folder below media, one folder a person"
    )
    parser.add_argument(
        "--models", type=Path, default=platformdirs.user_cache_path("bonafide", appauthor=False) / "models"
    )
    parser.add_argument("--out", type=Path, help="write the report here too")
    return parser.parse_args()


def _pair_files(media: Path) -> Sequence[Path]:
    return sorted((media / "pairs").glob("*.csv"))


def _core(models_dir: Path) -> EmbeddedMatchingCore:
    files = ModelFiles(models_dir)
    return EmbeddedMatchingCore(
        Images(),
        YunetDetector(files.path("yunet")),
        SfaceEncoder(files.path("sface")),
        measure_face,
        [ModelIdentity(model_id, files.sha256(model_id)) for model_id in ("yunet", "sface")],
    )


def read_pairs(file: Path) -> Sequence[LabelledPair]:
    with file.open(newline="", encoding="utf-8") as rows:
        return [LabelledPair(row["path_a"], row["path_b"], row["same"] == "1") for row in csv.DictReader(rows)]


def create_templates(core: EmbeddedMatchingCore, media: Path, paths: Sequence[str]) -> Mapping[str, Vectors]:
    """Path → vector; a picture without a face is left out."""
    templates = {}
    for number, path in enumerate(paths, start=1):
        found = core.create_template((media / path).read_bytes())
        if found is not None:
            templates[path] = found.template.vector
        if number % 200 == 0:
            print(f"{number} of {len(paths)} pictures", file=sys.stderr)
    return templates


def pair_report(pairs: Sequence[LabelledPair], templates: Mapping[str, Vectors]) -> Mapping[str, object]:
    """FMR, FNMR and accuracy on the labelled pairs; a failure to enrol counts as score 0."""
    scores = np.array(
        [
            score_from_cosine(float(templates[pair.path_a] @ templates[pair.path_b])).value
            if pair.path_a in templates and pair.path_b in templates
            else 0.0
            for pair in pairs
        ]
    )
    mated = np.array([pair.is_mated for pair in pairs])
    rows = [
        {
            "score": threshold,
            "fmr": rate(int((scores[~mated] >= threshold).sum()), int((~mated).sum())),
            "fnmr": rate(int((scores[mated] < threshold).sum()), int(mated.sum())),
            "accuracy": round(float(((scores >= threshold) == mated).mean()), 4),
        }
        for threshold in SCORES
    ]
    return {"pairs": len(pairs), "mated": int(mated.sum()), "auc": area_under_roc(scores, mated), "at": rows}


def impostor_report(people: Sequence[Path], templates: Mapping[str, Vectors]) -> Mapping[str, object]:
    """FMR over all pairs of pictures of different people, with an interval that draws people, not pairs."""
    paths = [path for path in people if str(path) in templates]
    vectors = np.array([templates[str(path)] for path in paths])
    person = np.unique([path.parent.name for path in paths], return_inverse=True)[1]
    cosines = vectors @ vectors.T
    different = person[:, None] != person[None, :]
    rows = [
        {
            "score": threshold,
            "cosine": round(smallest_cosine(threshold), 4),
            "false_matches": int((matches := (cosines >= smallest_cosine(threshold)) & different).sum() // 2),
            "fmr": round(float(matches.sum() / different.sum()), 7),
            "fmr_95": bootstrap(matches, different, person),
        }
        for threshold in SCORES
    ]
    return {
        "people": int(person.max()) + 1,
        "pictures": len(paths),
        "pairs": int(different.sum() // 2),
        "at": rows,
    }


def smallest_cosine(score: float) -> float:
    """The cosine from which on `score_from_cosine` reaches the score, by bisection."""
    low, high = -1.0, 1.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (low, middle) if score_from_cosine(middle).value >= score else (middle, high)
    return high


def rate(errors: int, trials: int) -> Mapping[str, float | int | list[float]]:
    """Share of errors with Wilson's 95 % interval."""
    share = errors / trials
    centre = (share + Z_95**2 / (2 * trials)) / (1 + Z_95**2 / trials)
    reach = Z_95 / (1 + Z_95**2 / trials) * np.sqrt(share * (1 - share) / trials + Z_95**2 / (4 * trials**2))
    interval = [round(float(max(0.0, centre - reach)), 5), round(float(centre + reach), 5)]
    return {"errors": errors, "trials": trials, "rate": round(share, 5), "interval_95": interval}


def bootstrap(matches: NDArray[np.bool_], trials: NDArray[np.bool_], person: NDArray[np.int64]) -> list[float]:
    """95 % interval of the FMR, resampling people: pairs that share a person are not independent."""
    people = int(person.max()) + 1
    membership = np.zeros((people, len(person)), dtype=np.float32)
    membership[person, np.arange(len(person))] = 1
    errors, totals = (membership @ part.astype(np.float32) @ membership.T for part in (matches, trials))
    random = np.random.default_rng(1)
    rates = []
    for _ in range(BOOTSTRAP_ROUNDS):
        weights = np.bincount(random.integers(people, size=people), minlength=people).astype(np.float32)
        rates.append(float(weights @ errors @ weights) / float(weights @ totals @ weights))
    return [round(float(limit), 7) for limit in np.percentile(rates, (2.5, 97.5))]


def area_under_roc(scores: NDArray[np.float64], mated: NDArray[np.bool_]) -> float:
    """Probability that a mated pair scores above a non-mated one, ties counting half."""
    positive, negative = scores[mated][:, None], scores[~mated][None, :]
    return round(float((positive > negative).mean() + 0.5 * (positive == negative).mean()), 5)


if __name__ == "__main__":
    sys.exit(main())
