"""Whose work a model stands on: data sets and pretrained encoders with their citations and licences."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Work:
    """A data set or a pretrained network.

    Attributes:
        name: What it is called.
        citation: Where it was published.
        licence: What is known of its licence.
    """

    name: str
    citation: str
    licence: str


# by layout
DATASETS = {
    "busi": Work(
        "BUSI",
        "Al-Dhabyani et al., Dataset of breast ultrasound images, Data in Brief 28, 104863 (2020), "
        "https://doi.org/10.1016/j.dib.2019.104863",
        "the copy on Kaggle says CC0 1.0; the authors' own files come without a licence",
    ),
    "bus_bra": Work(
        "BUS-BRA",
        "Gómez-Flores et al., BUS-BRA: A breast ultrasound dataset for assessing computer-aided diagnosis systems, "
        "Medical Physics 51, 3110-3123 (2024), https://doi.org/10.1002/mp.16812",
        "the authors' own text beside the files: any use, with its copyright notice and a citation of the article",
    ),
    "bus_uclm": Work(
        "BUS-UCLM",
        "Vallez et al., BUS-UCLM: Breast ultrasound lesion segmentation dataset, Scientific Data 12 (2025), "
        "https://doi.org/10.17632/7fvgj4jsp7",
        "not for commercial use",
    ),
    "bcss": Work(
        "BCSS",
        "Amgad et al., Structured crowdsourcing enables convolutional segmentation of histology images, "
        "Bioinformatics 35, 3461-3467 (2019), https://doi.org/10.1093/bioinformatics/btz083",
        "CC0 1.0",
    ),
}

# by a part of the encoder's name
_ENCODERS = {
    "dinov2": Work(
        "DINOv2, trained on LVD-142M without labels",
        "Oquab et al., DINOv2: Learning robust visual features without supervision, https://arxiv.org/abs/2304.07193",
        "Apache-2.0",
    ),
    "tf_efficientnet_lite": Work(
        "EfficientNet-Lite, trained on ImageNet-1k",
        "Tan and Le, EfficientNet: Rethinking model scaling for convolutional neural networks, "
        "https://arxiv.org/abs/1905.11946",
        "Apache-2.0; ImageNet's images are for research that is not commercial",
    ),
}


def pretrained_encoder(name: str) -> Work | None:
    """Return the work that an encoder's pretrained weights come from; None where it is not listed here."""
    return next((work for part, work in _ENCODERS.items() if part in name), None)
