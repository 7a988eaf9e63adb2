"""Check of the whole of params.yaml before anything is simulated or trained; imports neither torch nor timm."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

from breastseg.errors import Problem, ProblemsError
from breastseg.params import encoder_names
from breastseg.params.base import invalid, read_params, validate
from breastseg.params.cnn_unet import CnnUnet
from breastseg.params.data import PHANTOM, Data, Layout, Source
from breastseg.params.evaluate import Evaluate
from breastseg.params.export import Export
from breastseg.params.inference import Inference
from breastseg.params.local_weights import read_weights
from breastseg.params.model import Model
from breastseg.params.monitoring import Monitoring
from breastseg.params.phantom import Phantom
from breastseg.params.prepare import Prepare
from breastseg.params.seed import Seed
from breastseg.params.split import Split
from breastseg.params.train import Train
from breastseg.params.unet import HUB, Unet, check_batch
from breastseg.params.vit_unet import VitUnet
from breastseg.suggestions import nearest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from breastseg.params.base import ParamsFile
    from breastseg.params.encoder_names import Kind

# every section of the file
TYPES: Final[dict[str, Any]] = {
    "model": Model,
    "seed": Seed,
    "phantom": Phantom,
    "data": Data,
    "prepare": Prepare,
    "split": Split,
    "train": Train,
    "cnn_unet": CnnUnet,
    "vit_unet": VitUnet,
    "inference": Inference,
    "evaluate": Evaluate,
    "export": Export,
    "monitoring": Monitoring,
}
_KINDS: Final[Mapping[str, Kind]] = {"cnn_unet": "cnn", "vit_unet": "transformer"}


def check_params(path: Path = Path("params.yaml")) -> None:
    """Validate all sections, what they name, and how they fit each other; run from the root of the repository.

    Encoders are looked up, the folder of images and files of pretrained weights have to be there. What only the built
    network shows, such as an encoder without a feature pyramid, is left to the training.

    Args:
        path: The params file.

    Raises:
        ProblemsError: Anything is wrong; everything is listed.
    """
    file = read_params(path)
    problems: dict[str, Problem] = {}
    # of a value that is wrong in several ways, the first is reported
    for problem in (*file.problems, *_all_problems(file)):
        problems.setdefault(problem.path, problem)
    if problems:
        raise invalid(path, list(problems.values()))


def _all_problems(file: ParamsFile) -> Iterator[Problem]:
    """Also of a section that is wrong in one value, the others are looked at."""
    valid: dict[str, Any] = {}
    for name, values in file.sections.items():
        try:
            section = validate(file, name, TYPES[name])
        except ProblemsError as error:
            yield from error.problems
            section = None
        valid[name] = section
        given = values if isinstance(values, dict) else {}
        if name == "data":
            yield from _data_problems(given, section)
        if name in _KINDS:
            yield from _encoder_problems(name, given.get("encoder"), section)
        if isinstance(section, Unet):
            yield from _weights_problems(name, section)
    for name in _KINDS:
        if (unet := valid.get(name)) and (train := valid.get("train")):
            yield from _batch_problems(name, unet, train)
    if (data := valid.get("data")) and data.sets:
        split, train = valid.get("split"), valid.get("train")
        yield from _set_problems("split.held_out_sets", split.held_out_sets if split else (), data)
        yield from _set_problems("train.set_weights", train.set_weights if train else (), data)


def _set_problems(key: str, names: Iterable[str], data: Data) -> Iterator[Problem]:
    for name in names:
        if name not in data.sets:
            similar = nearest(name, data.sets)
            fix = f"Did you mean {similar}?" if similar else f"The sets are {', '.join(sorted(data.sets))}"
            yield Problem(f"{key}.{name}", "is not in data.sets", fix)


def _batch_problems(name: str, unet: Unet, train: Train) -> Iterator[Problem]:
    try:
        check_batch(name, unet, train)
    except ProblemsError as error:
        yield from error.problems


def _data_problems(given: Mapping[str, Any], data: Data | None) -> Iterator[Problem]:
    """Of a section that is wrong in another value, the root is looked at all the same."""
    if isinstance(root := given.get("root"), str) and root and not given.get("sets"):
        yield from _source_problems(Source("data", None, str(given.get("layout")), Path(root)), root)
    for source in data.sources if data and data.sets else ():
        yield from _source_problems(source, source.root.as_posix())


def _source_problems(source: Source, root: str) -> Iterator[Problem]:
    key = f"{source.key}.root"
    if source.reads_phantom:
        if source.is_inside_phantom:
            what = f"is {root!r}, which lies inside the simulated data set"
            yield Problem(key, what, f"Set it to {PHANTOM}, the whole of it")
        if source.is_phantom and source.layout in get_args(Layout) and source.layout != "busi":
            what = f"is {source.layout}, but the simulated images in {root} are laid out as busi"
            yield Problem(f"{source.key}.layout", what, f"Set it to busi, or {key} to your own images")
        return
    if source.root.is_dir() or _is_tracked(source.root):
        return
    if "://" in root:
        what = f"is {root!r}, which is not a folder on this machine"
        yield Problem(key, what, f"Run `dvc import-url {root} data/raw/NAME`, and set data/raw/NAME")
    else:
        what = f"is {root!r}, which {'is a file' if source.root.is_file() else 'does not exist'}"
        fix = "Put the images there, as a folder or a link, or correct the path from the root of the repository"
        yield Problem(key, what, f"{fix}{_QUEUED.format(root)}")


_QUEUED: Final = ". A queued experiment has what git or DVC tracks, and what `--copy-paths {}` names"


def _encoder_problems(section: str, encoder: object, unet: Unet | None) -> Iterator[Problem]:
    if not isinstance(encoder, str):
        return
    try:
        found = encoder_names.find(encoder, _KINDS[section])
        if unet:
            encoder_names.check_smp(found, unet)
    except ProblemsError as error:
        for problem in error.problems:
            yield Problem(f"{section}.encoder", f"is {problem.path!r}: {problem.what}", problem.mend)


def _weights_problems(section: str, unet: Unet) -> Iterator[Problem]:
    if unet.encoder_weights in (None, HUB):
        return
    weights = Path(unet.encoder_weights)
    if not weights.exists() and _is_tracked(weights):
        return
    try:
        read_weights(weights, unet.encoder_weights_sha256)
    except ProblemsError as error:
        for problem in error.problems:
            queued = "" if weights.exists() else _QUEUED.format(weights.parent)
            yield Problem(f"{section}.encoder_weights", f"{problem.path} {problem.what}", f"{problem.mend}{queued}")


def _is_tracked(path: Path) -> bool:
    """Tell whether DVC has a file or folder, or one above it, and can bring it: `dvc add`, `dvc import-url`."""
    return any(part.with_name(f"{part.name}.dvc").is_file() for part in (path, *path.parents) if part.name)
