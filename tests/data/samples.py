"""Small images, raw folders and rows that the tests of the data share."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from PIL import Image

from breastseg.data.fingerprint import fingerprint, similarity
from breastseg.data.png import encode_png
from breastseg.data.prepare import Outputs, prepare
from breastseg.data.table import CaseRow, PreparedCase, read_rows
from breastseg.params.data import Data
from breastseg.params.prepare import Prepare

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import numpy.typing as npt

    from breastseg.params.data import Layout

HEIGHT, WIDTH = 40, 48


def speckle(seed: int, height: int = HEIGHT, width: int = WIDTH) -> npt.NDArray[np.uint8]:
    """Coarse random texture: images of two seeds are no near-duplicates."""
    coarse = np.random.default_rng(seed).integers(0, 256, (8, 8), dtype=np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def resembling(seed: int, wanted: float, other: int = 10_000) -> npt.NDArray[np.uint8]:
    """A picture that is as similar to `speckle(seed)` as wanted, 0..1 within 0.01: a mixture with another one."""
    source, admixed = speckle(seed).astype(np.float64), speckle(seed + other).astype(np.float64)
    low, high = 0.0, 1.0
    for _ in range(12):
        share = (low + high) / 2
        mixed = np.asarray((1 - share) * source + share * admixed, dtype=np.uint8)
        found = similarity(fingerprint(mixed)[None], fingerprint(speckle(seed))[None]).item()
        low, high = (share, high) if found > wanted else (low, share)
    return mixed


def write_patients(root: Path, images: Mapping[str, tuple[str, npt.NDArray[np.uint8]]]) -> Path:
    """A folder with a `cases.csv`: case id → patient ("" where none is known) and picture, each with a lesion."""
    lines = ["image,masks,label,patient"]
    for name, (patient, picture) in images.items():
        save(root / "scans" / f"{name}.png", picture)
        save(root / "masks" / f"{name}.png", box(*picture.shape))
        lines.append(f"scans/{name}.png,masks/{name}.png,benign,{patient}")
    (root / "cases.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


def box(height: int = HEIGHT, width: int = WIDTH) -> npt.NDArray[np.bool_]:
    """One lesion in the middle."""
    mask = np.zeros((height, width), dtype=np.bool_)
    mask[height // 4 : height // 2, width // 4 : width // 2] = True
    return mask


def nothing() -> npt.NDArray[np.bool_]:
    return np.zeros((HEIGHT, WIDTH), dtype=np.bool_)


def save(path: Path, pixels: npt.NDArray[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def outputs_in(folder: Path) -> Outputs:
    """All that `prepare` writes, in one folder."""
    return Outputs(
        table=folder / "cases.parquet",
        dropped=folder / "dropped.csv",
        near_pairs=folder / "near_pairs.csv",
        contradictions=folder / "contradictions.csv",
        sheet=folder / "near_pairs.png",
    )


def write_busi(root: Path, benign: int = 3, malignant: int = 2, normal: int = 1) -> Path:
    """A folder in the layout of BUSI, without fault."""
    counts = {"benign": benign, "malignant": malignant, "normal": normal}
    for offset, (label, count) in enumerate(counts.items()):
        for index in range(count):
            save(root / label / f"{label} ({index}).png", speckle(1000 * offset + index))
            save(root / label / f"{label} ({index})_mask.png", nothing() if label == "normal" else box())
    return root


def case_row(case_id: str, **changes: Any) -> CaseRow:  # noqa: ANN401 - any field
    fields: dict[str, Any] = {
        "case_id": case_id,
        "dataset": "test",
        "patient": None,
        "label": "benign",
        "device": None,
        "height": HEIGHT,
        "width": WIDTH,
        "channels": 1,
        "lesions": 1,
        "flags": (),
        "content_hash": "0" * 64,
        "duplicate_group": case_id,
    }
    return CaseRow(**{**fields, **changes})


def prepared_case(case_id: str, seed: int = 0, **changes: Any) -> PreparedCase:  # noqa: ANN401 - any field
    fields: dict[str, Any] = {
        **vars(case_row(case_id)),
        "image_png": encode_png(speckle(seed)),
        "mask_png": encode_png(box()),
        "ignored_png": None,
    }
    return PreparedCase(**{**fields, **changes})


def case_ids_and_dropped(
    root: Path, out: Path, layout: Layout, on_error: Literal["fail", "drop"] = "drop"
) -> tuple[list[str], dict[str, str]]:
    """Prepare a folder: the ids of its cases, and what is wrong with each file that was left out."""
    params = Prepare(on_error=on_error, duplicate_similarity=0.8, contradictions="keep")
    prepare(Data(layout=layout, root=root.as_posix(), sets={}), params, outputs_in(out))
    with (out / "dropped.csv").open(encoding="utf-8", newline="") as file:
        lines = [(line["path"], line["what"]) for line in csv.DictReader(file)]
    dropped = {path: "; ".join(what for other, what in lines if other == path) for path, _ in lines}
    return [row.case_id for row in read_rows(out / "cases.parquet")], dropped
