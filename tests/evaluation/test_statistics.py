from __future__ import annotations

from breastseg.evaluation.statistics import Statistic, over_all_cases


def test_figures_over_all_cases_are_found_by_network_and_metric() -> None:
    whole = [
        Statistic(network, "all", metric, 0.5, 0.4, 0.6, 9, 9, None)
        for network in ("cnn_unet", "difference")
        for metric in ("dice", "iou")
    ]
    part = Statistic("cnn_unet", "label=benign", "dice", 0.1, 0.0, 0.2, 3, 3, None)
    found = over_all_cases([part, *whole, part])
    assert list(found.values()) == whole
    assert found["difference", "iou"] is whole[3]
