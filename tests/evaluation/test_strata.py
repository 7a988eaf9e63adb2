from __future__ import annotations

from breastseg.evaluation.strata import strata
from tests.evaluation import world

TRUTH = world.ellipse()
ROW = world.row("vit_unet", 1, TRUTH, label="benign", lesions=1, truth_px=400)
NORMAL = world.row("vit_unet", 0, TRUTH)


def test_a_field_of_one_value_parts_nothing() -> None:
    assert strata([ROW, ROW]) == {"all": [0, 1]}


def test_labels_data_sets_and_devices_are_strata() -> None:
    other = world.row("vit_unet", 1, TRUTH, label="malignant", dataset="clinic", device="GE, old", truth_px=400)
    third = world.row("vit_unet", 1, TRUTH, label="malignant", dataset="clinic", device="Aixplorer", truth_px=400)
    assert strata([ROW, other, third]) == {
        "all": [0, 1, 2],
        "label=benign": [0],
        "label=malignant": [1, 2],
        "dataset=clinic": [1, 2],
        "dataset=phantom": [0],
        "device=Aixplorer": [2],
        "device=GE, old": [1],
    }


def test_an_unknown_device_is_no_device() -> None:
    known = world.row("vit_unet", 1, TRUTH, label="benign", truth_px=400, device="GE")
    assert strata([ROW, known]) == {"all": [0, 1]}


def test_lesions_are_parted_by_size_at_5_percent_of_the_image() -> None:
    small = world.row("vit_unet", 1, TRUTH, label="benign", truth_px=239)  # of 60 x 80 = 4800
    large = world.row("vit_unet", 1, TRUTH, label="benign", truth_px=240)
    assert strata([large, small, large]) == {"all": [0, 1, 2], "size<5%": [1], "size>=5%": [0, 2]}


def test_one_lesion_and_several() -> None:
    two, three = (world.row("vit_unet", 1, TRUTH, label="benign", truth_px=400, lesions=n) for n in (2, 3))
    assert strata([ROW, two, three]) == {"all": [0, 1, 2], "lesions=1": [0], "lesions>1": [1, 2]}


def test_normals_have_neither_size_nor_number() -> None:
    assert strata([ROW, NORMAL]) == {"all": [0, 1], "label=benign": [0], "label=normal": [1]}
