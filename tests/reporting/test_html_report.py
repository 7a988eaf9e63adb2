"""The report holds what the run's tables say, loads nothing, and is the same for the same run."""

from __future__ import annotations

import html
import json
import shutil
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

from breastseg.errors import BreastsegError, ProblemsError
from breastseg.reporting.html_report import write_report

pytestmark = pytest.mark.integration

REPOSITORY = Path(__file__).resolve().parents[2]


class Tags(HTMLParser):
    """Notes every tag, and whatever a browser would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.opened.append(tag)
        links = [value for name, value in attrs if name in {"src", "href", "xlink:href"} and value]
        self.fetched += [link for link in links if not link.startswith(("data:", "#"))]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The committed default run; galleries are no part of it."""
    root = tmp_path_factory.mktemp("run")
    for folder in ("metrics", "plots/cnn_unet", "plots/vit_unet"):
        shutil.copytree(REPOSITORY / folder, root / folder)
    shutil.copyfile(REPOSITORY / "dvc.lock", root / "dvc.lock")
    return root


@pytest.fixture(scope="module")
def page(run: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    out = tmp_path_factory.mktemp("report") / "report.html"
    write_report(run, out)
    return out.read_text(encoding="utf-8")


def parse(page: str) -> Tags:
    tags = Tags()
    tags.feed(page)
    return tags


def test_the_headline_is_in_it(run: Path, page: str) -> None:
    for network, scores in json.loads((run / "metrics/evaluate.json").read_text()).items():
        assert f"{scores['dice']:{'+' if network == 'difference' else ''}.3f} [" in page
    assert "Research use only" in page
    assert "label=malignant" in page


def test_it_says_what_the_networks_cost_and_what_the_run_was_asked_for(run: Path, page: str) -> None:
    for network, cost in json.loads((run / "metrics/compute.json").read_text()).items():
        assert f"<td>{network}</td><td>{cost['params_m']:.2f}</td><td>{cost['macs_g']:.2f}</td>" in page
    shown = yaml.safe_load(html.unescape(page.partition('<pre class="wide">')[2].partition("</pre>")[0]))
    stages = yaml.safe_load((run / "dvc.lock").read_text())["stages"]
    assert shown["train"] == stages["train_vit"]["params"]["params.yaml"]["train"]
    assert shown["cnn_unet"] == stages["train_cnn"]["params"]["params.yaml"]["cnn_unet"]


def test_it_has_all_charts_and_loads_nothing(page: str) -> None:
    tags = parse(page)
    assert tags.opened.count("svg") == tags.opened.count("figure") == 5
    assert "script" not in tags.opened
    assert not tags.fetched


def test_the_same_run_gives_the_same_bytes(run: Path, page: str, tmp_path: Path) -> None:
    write_report(run, tmp_path / "again.html")
    assert (tmp_path / "again.html").read_text(encoding="utf-8") == page


def test_galleries_are_inside_where_there_are_some(run: Path, tmp_path: Path) -> None:
    root = shutil.copytree(run, tmp_path / "run")
    (root / "plots/overlays").mkdir()
    (root / "plots/overlays/vit_unet.png").write_bytes(b"a picture")
    write_report(root, tmp_path / "report.html")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "data:image/png;base64,YSBwaWN0dXJl" in page
    assert not parse(page).fetched


def test_an_incomplete_run_is_told_as_a_whole_and_nothing_is_written(run: Path, tmp_path: Path) -> None:
    root = shutil.copytree(run, tmp_path / "run")
    (root / "metrics/per_image.csv").unlink()
    shutil.rmtree(root / "plots/cnn_unet")
    with pytest.raises(ProblemsError, match=r"(?s)per_image\.csv.*val_dice\.tsv"):
        write_report(root, tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()


def test_a_place_where_no_file_can_be_is_told_with_the_way_out(run: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("stays")
    with pytest.raises(BreastsegError, match=r"is a folder\. Name with --out the HTML file to write"):
        write_report(run, tmp_path)
    for out in ("file/report.html", "file/sub/report.html"):
        with pytest.raises(BreastsegError, match=r"/file is a file where a folder is needed.*--out"):
            write_report(run, tmp_path / out)
    # with 250 letters it is only the file that is written aside that has too many
    for letters in (250, 300):
        with pytest.raises(BreastsegError, match=r"Cannot write .*File name too long.*--out"):
            write_report(run, tmp_path / ("a" * letters))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_every_chart_says_what_it_shows_and_what_it_is_not_for(page: str) -> None:
    drawings = page.split("<svg")[1:]
    assert len({drawing.partition("<title>")[2].partition("</title>")[0] for drawing in drawings}) == 5
    assert all("Research use only" in drawing.partition("</svg>")[0] for drawing in drawings)


@pytest.mark.parametrize("network", ["cnn_unet", "vit_unet"])
def test_a_run_of_one_network_is_no_comparison(run: Path, tmp_path: Path, network: str) -> None:
    root = shutil.copytree(run, tmp_path / "run")
    statistics = json.loads((root / "metrics/statistics.json").read_text())
    one = [row for row in statistics if row["network"] == network]
    (root / "metrics/statistics.json").write_text(json.dumps(one))
    with pytest.raises(BreastsegError, match=r"statistics\.json compares no two networks"):
        write_report(root, tmp_path / "report.html")
    assert not (tmp_path / "report.html").exists()
