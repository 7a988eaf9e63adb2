"""What somebody who is handed the exported model should know, written from its contract and its scores alone.

The sections follow Mitchell et al. 2019, "Model Cards for Model Reporting", https://doi.org/10.1145/3287560.3287596.
"""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING

import onnx

from breastseg.evaluation.compute_file import HEADINGS, format_cost, read_costs
from breastseg.evaluation.report import read_statistics
from breastseg.evaluation.statistics import ALL, ENOUGH_GROUPS, Statistic
from breastseg.evaluation.summary import HEADLINES, format_mean
from breastseg.files import replacing
from breastseg.inference.gate import describe_gate
from breastseg.inference.segmenter import Segmenter
from breastseg.reporting.attribution import DATASETS, Work, pretrained_encoder
from breastseg.reporting.markdown import markdown_table
from breastseg.wording import counted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from breastseg.inference.contract import Contract
    from breastseg.inference.gate import GateResult
    from breastseg.params.data import Data
    from breastseg.params.split import Split

_GROUPED = "Neither known patients nor near-duplicates are parted between subsets."
_NOT_GROUPED = """**The split was not grouped: images of one patient and near-duplicates lie in several subsets, so the
scores are too high.**"""

# what the embedded default is trained on
PHANTOM = "data/raw/phantom"

_USE = """Marks regions in B-mode breast-ultrasound images that look like lesions, for research on such methods.

Not for: diagnosis, screening, triage or any decision about a person; other kinds of images; images of a hospital or
scanner on which it has not been checked (`breastseg evaluate` does that on any labelled folder)."""

_HEAD = "Generated from the exported file's contract and the scores with each export: do not edit."

_SCORES = f"""Means over the test cases at native size with 95 % bootstrap intervals over groups; n is the number of
cases, and a star marks intervals of fewer than {ENOUGH_GROUPS} groups, which may be too narrow. One training: see
"Seeds" in docs/metrics.md."""

_CITE = "Cite these with any use of the model, and mind their licences:"

_WEAK = f"""The kinds of test cases with the lowest mean Dice, of those with at least {ENOUGH_GROUPS} groups. A miss is
a lesion image in which nothing is marked; its Dice is 0."""
_MOST_WEAK = 4

_LIMITS = """- The scores hold for images like the test cases. Other scanners, settings and populations lower them.
- Intervals are about which images were tested, not about the seed of the training.
- An answer without a lesion is no finding: see the share of missed lesion images.
- Whether a lesion is malignant is not told."""


@dataclass(frozen=True)
class CardInputs:
    """What the card is written from.

    Attributes:
        model: The exported file.
        statistics: All figures of both networks.
        compute: What each network costs.
        split_counts: Cases and groups by subset and label.
        data: The section `data`.
        split: The section `split`.
        encoder_weights: What the exported network's encoder started from, as in params.
    """

    model: Path
    statistics: Path
    compute: Path
    split_counts: Path
    data: Data
    split: Split
    encoder_weights: str | None


def write_model_card(inputs: CardInputs, out: Path) -> None:
    """Write the card as Markdown; the same inputs give the same bytes, and it appears only once it is complete.

    Raises:
        BreastsegError: An input is missing or does not hold.
    """
    with replacing(out) as partial:
        partial.write_text(render_model_card(inputs), encoding="utf-8")


def render_model_card(inputs: CardInputs) -> str:
    """Return the text of the card."""
    contract = Segmenter.load(inputs.model, threads=1).contract
    scores = [row for row in read_statistics(inputs.statistics) if row.network == contract.network]
    costs = _costs(inputs.compute, contract.network)
    parts = [
        heading(contract),
        _HEAD,
        f"> **{contract.intended_use}**",
        *_failed_gate(contract.gate),
        f"## Intended use\n\n{_USE}",
        f"## Model\n\n{markdown_table([['', ''], *_facts(contract), _weights(inputs.model), *costs])}",
        f"## Data\n\n{_data(inputs.data, inputs.split)}\n\n{markdown_table(_read_counts(inputs.split_counts))}",
        *_attributions(inputs, contract),
        f"## Scores\n\n{_SCORES}\n\n{markdown_table(_scores(scores))}",
        *_weakest(scores),
        f"## Limits\n\n{_LIMITS}",
        f"## Origin\n\nBy content, SHA-256:\n\n{markdown_table([['', ''], *_origin(contract)])}",
    ]
    return "\n\n".join(parts) + "\n"


def heading(contract: Contract) -> str:
    """Return the first line of the card, by which a card and its file are matched."""
    return f"# Model card: `{contract.model_name}`, version `{contract.model_version}`"


def _weights(path: Path) -> tuple[str, str]:
    """How the graph stores its weights, read from the file itself."""
    values: Counter[int] = Counter()
    for tensor in onnx.load(path).graph.initializer:
        values[tensor.data_type] += prod(tensor.dims)
    int8, float32 = values[onnx.TensorProto.INT8], values[onnx.TensorProto.FLOAT]
    if not int8:
        return ("weights", "float32")
    share = int8 / (int8 + float32)
    return ("weights", f"int8 with a float32 scale per output channel, {share:.1%} of the values; the others float32")


def _costs(path: Path, network: str) -> list[tuple[str, str]]:
    headings = (heading for _, heading, _ in HEADINGS)
    return list(zip(headings, format_cost(read_costs(path)[network]), strict=True))


def _origin(contract: Contract) -> list[tuple[str, str]]:
    return [(name.removesuffix("_sha256").replace("_", " "), f"`{digest}`") for name, digest in contract.origin]


def _facts(contract: Contract) -> list[list[str]]:
    point, kind = contract.operating_point, "grey" if contract.channels == 1 else "RGB"
    return [
        ["network", contract.network],
        ["encoder", contract.encoder],
        ["input", f"{kind}, letterboxed to {contract.image_size} x {contract.image_size} px"],
        ["output", "calibrated probability of a lesion for each pixel; probability of any lesion in the image"],
        ["temperature", f"{point.temperature:g}"],
        ["threshold", f"{point.threshold:g}"],
        ["smallest lesion", f"{point.min_area_share:.2%} of the image"],
        *([] if point.presence_threshold is None else [["presence threshold", f"{point.presence_threshold:g}"]]),
        ["licence of the weights", contract.licence],
        ["quality gate", describe_gate(contract.gate)],
    ]


def _failed_gate(gate: GateResult | None) -> list[str]:
    """Say it at the top, where nobody overlooks it."""
    return [] if gate is None or gate.passed else [f"> **Quality gate {describe_gate(gate)}.**"]


def _data(data: Data, split: Split) -> str:
    simulated = " Simulated images: they show that the pipeline works, nothing is known about patients."
    is_simulated = all(source.is_phantom for source in data.sources)
    parts = [f"layout `{source.layout}`, folder `{source.root.as_posix()}`" for source in data.sources]
    if data.sets:
        parts = [f"`{source.name}`: {part}" for source, part in zip(data.sources, parts, strict=True)]
    told = "; ".join(parts)
    start = f"{told[0].upper()}{told[1:]}.{simulated if is_simulated else ''}"
    return f"{start} {_GROUPED if split.grouped else _NOT_GROUPED}"


def _attributions(inputs: CardInputs, contract: Contract) -> list[str]:
    """Whose images and whose pretrained encoder it learned from; nothing of simulated images and a new encoder."""
    layouts = {source.layout: None for source in inputs.data.sources if not source.is_phantom}
    works = [DATASETS[layout] for layout in layouts if layout in DATASETS]
    if inputs.encoder_weights:
        unlisted = Work(f"`{contract.encoder}`", "-", "that of its weights")
        works.append(pretrained_encoder(contract.encoder) or unlisted)
    if not works:
        return []
    rows = [[work.name, work.citation, work.licence] for work in works]
    return [f"## Sources\n\n{_CITE}\n\n{markdown_table([['work', 'citation', 'licence'], *rows])}"]


def _weakest(scores: Sequence[Statistic]) -> list[str]:
    """The kinds of cases with the lowest Dice, of those that have groups enough to tell."""
    found = {(row.stratum, row.metric): row for row in scores}
    whole = found.get((ALL, "dice"))
    dice = [row for row in scores if row.metric == "dice" and row.stratum != ALL and row.groups >= ENOUGH_GROUPS]
    weakest = sorted((row for row in dice if whole and row.mean < whole.mean), key=lambda row: row.mean)[:_MOST_WEAK]
    if not weakest:
        return []
    rows = [[row.stratum, _score(row, 3), _score(found.get((row.stratum, "missed")), 3)] for row in weakest]
    return [f"## Where it does worst\n\n{_WEAK}\n\n{markdown_table([['cases', 'Dice', 'missed'], *rows])}"]


def _read_counts(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.reader(file))


def _scores(scores: Sequence[Statistic]) -> list[list[str]]:
    """A row a stratum, all cases first."""
    found = {(row.stratum, row.metric): row for row in scores}
    strata = sorted({row.stratum for row in scores}, key=lambda stratum: (stratum != ALL, stratum))
    rows = [
        [stratum, *(_score(found.get((stratum, metric)), places) for metric, _, places in HEADLINES)]
        for stratum in strata
    ]
    return [["cases", *(heading for _, heading, _ in HEADLINES)], *rows]


def _score(row: Statistic | None, decimals: int) -> str:
    return "-" if row is None else f"{format_mean(row, decimals)}, n = {row.n}, {counted(row.groups, 'group')}"
