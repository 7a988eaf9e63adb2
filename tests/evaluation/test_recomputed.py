"""The report, computed anew from the two tables beside it with numpy, scipy and statsmodels alone."""

from __future__ import annotations

import csv
import json
from collections import Counter, defaultdict
from dataclasses import replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import ndimage
from scipy.stats import binomtest, spearmanr, wilcoxon
from statsmodels.stats.multitest import multipletests

from breastseg.data.png import encode_png
from breastseg.evaluation import evaluate as module
from breastseg.evaluation.compute_file import NetworkCost
from breastseg.evaluation.evaluate import Outputs, evaluate
from breastseg.evaluation.judged_case import Logits
from breastseg.inference.letterbox import Letterbox
from breastseg.params.evaluate import Evaluate
from tests.evaluation import stage_files, world

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from breastseg.data.cases import Label
    from breastseg.data.table import PreparedCase
    from breastseg.params.inference import Inference

pytestmark = pytest.mark.extended

Line = dict[str, str]
Case = tuple[Line, Line]  # the lines of both networks
Figures = dict[str, float]
Bins = dict[str, np.ndarray]  # by case: pixels, probability and lesion of each bin
Records = dict[tuple[str, str, str], dict[str, Any]]  # by network, stratum, metric

PARAMS = Evaluate(max_normal_false_positive_rate=0.2, resamples=100, seed=5, overlays=1)
NETWORKS = ("cnn_unet", "vit_unet")
DIFFERENCE = ("difference", "all")
MEANS = ("dice", "iou", "nsd1", "nsd2", "nsd4", "hd95_px", "missed")
NORMAL_MEANS = ("false_positive", "false_positive_share")
YES_OR_NO = ("missed", "lesion_hit", "false_positive")
TESTED = (*MEANS, *NORMAL_MEANS, "lesion_hit", "expected_dice_error")


def make_case(index: int) -> PreparedCase:
    """Large and small lesions, sometimes two, of two data sets and two devices; some devices are unknown."""
    case = world.make_case(index)
    mask = case.mask()
    if index % 7 == 1 and mask.any():
        mask |= world.ellipse((8, 8), (5, 5))
    label: Label = "normal" if not mask.any() else "malignant" if index % 2 else "benign"
    dataset, device = ("phantom", "clinic")[index // 3 % 2], (None, "GE", "Aixplorer")[index // 3 % 3]
    return replace(case, mask_png=encode_png(mask), label=label, dataset=dataset, device=device)


def answer_roughly(checkpoint: Path, cases: Iterable[PreparedCase], _asked: Inference) -> Iterator[Logits]:
    """Logits of a network that sees the lesion through smooth noise, in a way of its own."""
    for case in cases:
        rng = np.random.default_rng([int(case.content_hash, 16), len(checkpoint.name), checkpoint.name == "vit_unet"])
        seen = np.where(Letterbox(case.height, case.width, world.SIZE).mask(case.mask()), 1.0, -1.0)
        noise = ndimage.gaussian_filter(rng.normal(size=seen.shape), 3)
        pixels = (4 * ndimage.gaussian_filter(seen, 2) + 25 * noise).astype(np.float32)
        yield Logits(pixels, 2 * float(case.mask().any()) + rng.normal())


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Outputs:
    root = tmp_path_factory.mktemp("recomputed")
    inputs = stage_files.make_inputs(root, [make_case(i) for i in range(72)], {name: root / name for name in NETWORKS})
    outputs = stage_files.make_outputs(root)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "predict_logits", answer_roughly)
        patch.setattr(module, "measure_cost", lambda *_: NetworkCost(1.0, 2.0))
        evaluate(inputs, outputs, PARAMS)
    return outputs


def read(path: Path) -> list[Line]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def read_cases(path: Path) -> list[Case]:
    """Both lines of every test case, by case."""
    lines = {(line["network"], line["case_id"]): line for line in read(path) if line["subset"] == "test"}
    cases = sorted({case for _, case in lines})
    return [(lines["cnn_unet", case], lines["vit_unet", case]) for case in cases]


def is_lesion(line: Line) -> bool:
    return int(line["truth_px"]) > 0


def strata_of(line: Line) -> dict[str, str | None]:
    small = int(line["truth_px"]) < 0.05 * int(line["height"]) * int(line["width"])
    return {
        "label": f"label={line['label']}",
        "size": ("size<5%" if small else "size>=5%") if is_lesion(line) else None,
        "lesions": ("lesions=1" if line["lesions"] == "1" else "lesions>1") if is_lesion(line) else None,
        "dataset": f"dataset={line['dataset']}",
        "device": f"device={line['device']}" if line["device"] else None,
    }


def make_strata(cases: list[Case]) -> dict[str, list[Case]]:
    parts: dict[str, dict[str, list[Case]]] = defaultdict(lambda: defaultdict(list))
    for case in cases:
        for field, value in strata_of(case[0]).items():
            if value:
                parts[field][value].append(case)
    strata = {"all": cases}
    for values in parts.values():
        strata.update(values if len(values) > 1 else {})
    return strata


def lesion_figures(lines: list[Line], bins: Bins) -> Figures:
    found = {name: float(np.mean([float(line[name]) for line in lines])) for name in MEANS}
    dice, expected = (np.array([float(line[name]) for line in lines]) for name in ("dice", "expected_dice"))
    found["lesion_hit"] = float(np.mean([line["hits_iou10"] != "0" for line in lines]))
    found["expected_dice_error"] = np.abs(dice - expected).mean()
    varied = len(set(dice)) > 1 and len(set(expected)) > 1
    found["expected_dice_spearman"] = spearmanr(dice, expected).statistic if varied else np.nan
    kept = dice[sorted(range(len(lines)), key=lambda i: (-expected[i], lines[i]["case_id"]))]
    found["aurc"] = np.mean([1 - kept[:count].mean() for count in range(1, len(kept) + 1)])
    pixels, probability, lesion = np.sum([bins[line["case_id"]] for line in lines], axis=0).T
    told = pixels > 0
    gaps = np.abs(probability[told] / pixels[told] - lesion[told] / pixels[told])
    found["ece"] = np.average(gaps, weights=pixels[told])
    return found


def normal_figures(lines: list[Line], _: Bins) -> Figures:
    return {name: float(np.mean([float(line[name]) for line in lines])) for name in NORMAL_MEANS}


def lesion_level_figures(lines: list[Line], _: Bins) -> Figures:
    counts = ("lesions", "predicted_lesions", "hits_iou10", "hits_iou50")
    total = {name: sum(int(line[name]) for line in lines) for name in counts}
    found = {}
    for level in ("iou10", "iou50"):
        hits, predicted = total[f"hits_{level}"], total["predicted_lesions"]
        found[f"sensitivity_{level}"] = hits / total["lesions"] if total["lesions"] else np.nan
        found[f"ppv_{level}"] = hits / predicted if predicted else np.nan
        found[f"fp_per_image_{level}"] = (predicted - hits) / len(lines)
    return found


def with_difference(cases: list[Case], bins: list[Bins], figures: Callable[..., Figures]) -> Figures:
    first, second = (figures([case[i] for case in cases], bins[i]) for i in (0, 1))
    found = {f"cnn_unet {name}": value for name, value in first.items()}
    found |= {f"vit_unet {name}": value for name, value in second.items()}
    return found | {f"difference {name}": second[name] - first[name] for name in first}


def p_values(name: str, cases: list[Case]) -> tuple[float, float | None]:
    first, second = ([figure_of(case[i], name) for case in cases] for i in (0, 1))
    by_group = defaultdict(list)
    for case, a, b in zip(cases, first, second, strict=True):
        by_group[case[0]["group"]].append(b - a)
    means = [round(float(np.mean(values)), 9) for values in by_group.values()]
    ranks = None if name in YES_OR_NO else float(wilcoxon(means).pvalue) if any(means) else 1.0
    return share_of_signs([sum(by_group[group]) for group in sorted(by_group)]), ranks


def share_of_signs(sums: list[float]) -> float:
    """In how many of all ways to sign these numbers, or of 20,000 random ones, their sum is as far from 0 as it is."""
    sums = [value for value in sums if abs(value) > 1e-9]
    if all(value == round(value) for value in sums):
        ways = Counter([0])
        for size in map(round, sums):
            ways = sum((Counter({at + step: n for at, n in ways.items()}) for step in (size, -size)), Counter())
        return sum(count for at, count in ways.items() if abs(at) >= abs(sum(sums))) / ways.total()
    if len(sums) <= 14:
        totals = [sum(way) for way in product(*((value, -value) for value in sums))]
        return float(np.mean([abs(total) >= abs(sum(sums)) - 1e-8 for total in totals]))
    rng = np.random.default_rng(PARAMS.seed)
    signs = np.concatenate([rng.integers(0, 2, (1000, len(sums)), dtype=np.int8) for _ in range(20)])
    return float((1 + sum(np.abs((1.0 - 2 * signs) @ sums) >= abs(sum(sums)) - 1e-8)) / 20_001)


def figure_of(line: Line, name: str) -> float:
    if name == "lesion_hit":
        return float(line["hits_iou10"] != "0")
    if name == "expected_dice_error":
        return abs(float(line["dice"]) - float(line["expected_dice"]))
    return float(line[name])


def recompute(cases: list[Case], bins: list[Bins]) -> Records:
    found: Records = {}
    lesions, normals = [c for c in cases if is_lesion(c[0])], [c for c in cases if not is_lesion(c[0])]
    for stratum, part in make_strata(cases).items():
        for told, figures in ((lesions, lesion_figures), (normals, normal_figures), (cases, lesion_level_figures)):
            if chosen := [case for case in part if case in told]:
                for name, record in recompute_set(chosen, bins, figures).items():
                    network, metric = name.split()
                    found[network, stratum, metric] = record
    return found


def recompute_set(cases: list[Case], bins: list[Bins], figures: Callable[..., Figures]) -> dict[str, Any]:
    drawn = [with_difference(draw, bins, figures) for draw in draws_of(cases)]
    groups = sorted({case[0]["group"] for case in cases})
    without = [with_difference([case for case in cases if case[0]["group"] != g], bins, figures) for g in groups]
    records: dict[str, Any] = {}
    for name, value in with_difference(cases, bins, figures).items():
        if not np.isnan(value):
            network, metric = name.split()
            low, high = range_of_record(name, cases, value, without)
            ends = interval([figures_of_draw[name] for figures_of_draw in drawn], low, high, len(groups))
            if metric in YES_OR_NO and network != "difference" and value in {0, 1}:
                ends = np.array(binomtest(int(value) * len(groups), len(groups)).proportion_ci(method="exact"))
            p, ranks = p_values(metric, cases) if network == "difference" and metric in TESTED else (None, None)
            records[name] = {"mean": value, "ci": ends, "n": len(cases), "groups": len(groups), "p": p, "ranks": ranks}
    return records


def interval(drawn: list[float], low: float, high: float, groups: int) -> np.ndarray:
    """Percentiles of the draws, each with a part of a group at the lower or at the upper end of the range."""
    extra = np.random.default_rng(PARAMS.seed).gamma(0.5, size=PARAMS.resamples)
    ends = [(groups * np.array(drawn) + extra * end) / (groups + extra) for end in (low, high)]
    return np.array([np.nanpercentile(ends[0], 2.5), np.nanpercentile(ends[1], 97.5)])


def range_of_record(name: str, cases: list[Case], value: float, without: list[Figures]) -> tuple[float, float]:
    network, metric = name.split()
    low, high = range_of(metric, cases)
    if network != "difference":
        return low, high
    of_groups = np.array([len(without) * value - (len(without) - 1) * figures[name] for figures in without])
    known = metric not in YES_OR_NO and not np.isnan(of_groups).any()
    reach = 3 * np.abs(of_groups).max() if known and np.abs(of_groups).max() > 1e-9 else np.inf
    return max(low - high, -reach), min(high - low, reach)


def range_of(metric: str, cases: list[Case]) -> tuple[float, float]:
    lines = [line for case in cases for line in case]
    if metric == "hd95_px":
        return 0, max((int(line["height"]) ** 2 + int(line["width"]) ** 2) ** 0.5 for line in lines)
    if metric.startswith("fp_per_image"):
        return 0, max(int(line["predicted_lesions"]) for line in lines)
    return (-1 if metric == "expected_dice_spearman" else 0), 1


def draws_of(cases: list[Case]) -> Iterator[list[Case]]:
    """The cases of each draw of groups, a case as often as its group was drawn."""
    groups = sorted({case[0]["group"] for case in cases})
    shares = [1 / len(groups)] * len(groups)
    for times in np.random.default_rng(PARAMS.seed).multinomial(len(groups), shares, PARAMS.resamples):
        often = dict(zip(groups, times, strict=True))
        yield [case for case in cases for _ in range(often[case[0]["group"]])]


@pytest.fixture(scope="module")
def recomputed(done: Outputs) -> Records:
    bins: list[Bins] = [defaultdict(lambda: np.zeros((15, 3))) for _ in NETWORKS]
    for line in read(done.reliability):
        counts = [float(line[name]) for name in ("pixels", "probability_sum", "lesion_px")]
        bins[NETWORKS.index(line["network"])][line["case_id"]][int(line["bin"])] = counts
    return recompute(read_cases(done.per_image), bins)


def test_every_figure_interval_and_test_of_every_stratum_is_the_same(done: Outputs, recomputed: Records) -> None:
    reported = {(r["network"], r["stratum"], r["metric"]): r for r in json.loads(done.statistics.read_text())}
    assert reported.keys() == recomputed.keys()
    for key, record in reported.items():
        expected = recomputed[key]
        values = [record[name] for name in ("mean", "ci_low", "ci_high")]
        assert values == pytest.approx([expected["mean"], *expected["ci"]], rel=1e-4, abs=2e-6), key
        assert (record["n"], record["groups"]) == (expected["n"], expected["groups"])
        assert record["test"] == (None if expected["p"] is None else "sign_flip")
        assert record["p_signed_rank"] == (expected["ranks"] and pytest.approx(expected["ranks"], rel=1e-4)), key
        assert record["p_value"] == (expected["p"] and pytest.approx(expected["p"], rel=1e-4)), key


def test_the_world_has_all_that_there_is_to_recompute(
    recomputed: Records,
) -> None:
    strata = {stratum for _, stratum, _ in recomputed}
    assert strata == {
        "all", "label=benign", "label=malignant", "label=normal", "size<5%", "size>=5%", "lesions=1", "lesions>1",
        "dataset=clinic", "dataset=phantom", "device=Aixplorer", "device=GE",
    }  # fmt: skip
    differences = [r["mean"] for (network, stratum, _), r in recomputed.items() if (network, stratum) == DIFFERENCE]
    assert len(differences) == 20
    assert sum(value != 0 for value in differences) >= 15


def test_holms_correction_is_the_same(done: Outputs, recomputed: Records) -> None:
    names = ("dice", "iou", "nsd2", "hd95_px", "lesion_hit", "false_positive")
    expected = multipletests([recomputed["difference", "all", name]["p"] for name in names], method="holm")[1]
    reported = {r["metric"]: r["p_holm"] for r in json.loads(done.statistics.read_text()) if r["p_holm"] is not None}
    assert reported == pytest.approx(dict(zip(names, expected, strict=True)), rel=1e-4)


def test_the_curve_is_the_same(done: Outputs, recomputed: Records) -> None:
    curve = read(done.risk_coverage)
    for i, network in enumerate(NETWORKS):
        lines = [case[i] for case in read_cases(done.per_image) if is_lesion(case[i])]
        lines.sort(key=lambda line: (-float(line["expected_dice"]), line["case_id"]))
        risks = [1 - np.mean([float(line["dice"]) for line in lines[:count]]) for count in range(1, len(lines) + 1)]
        own = [line for line in curve if line["network"] == network]
        assert [float(point["risk"]) for point in own] == pytest.approx(risks, rel=1e-4)
        shares = np.arange(1, len(lines) + 1) / len(lines)
        assert [float(point["coverage"]) for point in own] == pytest.approx(shares, rel=1e-4)
        assert np.mean(risks) == pytest.approx(recomputed[network, "all", "aurc"]["mean"])
