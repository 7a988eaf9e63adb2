"""Finder of encoder names in the sources of segmentation-models-pytorch and timm, whose import takes seconds."""

from __future__ import annotations

import ast
import difflib
import re
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from breastseg.errors import BreastsegError, Problem, ProblemsError
from breastseg.params.unet import HUB

if TYPE_CHECKING:
    from collections.abc import Mapping

    from breastseg.params.unet import Unet

TIMM_PREFIX: Final = "tu-"

# The modules of timm whose models attend over tokens or windows, hybrids with convolutions included.
TRANSFORMER_FAMILIES = frozenset(
    """
    beit cait coat convit crossvit davit deepseek_vit deit edgenext efficientformer efficientformer_v2 efficientvit_mit
    efficientvit_msra eva fastvit gcvit gemma4_vit hiera hieradet_sam2 iformer levit lowformer maxxvit metaformer
    mobilevit mvitv2 naflexvit nest nextvit pit pvt_v2 qwen3_vit shvit swiftformer swin_transformer swin_transformer_v2
    swin_transformer_v2_cr tiny_vit tnt twins visformer vision_transformer vision_transformer_hybrid
    vision_transformer_relpos vision_transformer_sam vitamin volo xcit
    """.split()  # noqa: SIM905 - as a list, one name a line, it would fill the page
)

Kind = Literal["cnn", "transformer"]
_SECTIONS: Final[Mapping[Kind, str]] = {"cnn": "cnn_unet", "transformer": "vit_unet"}
_DEFAULTS: Final[Mapping[Kind, str]] = {"cnn": "tu-regnety_004", "transformer": "tu-pvt_v2_b0"}

_REGISTERED = re.compile(r"^@register_model\b.*\n(?:@.*\n)*def (\w+)", re.MULTILINE)
_DEPRECATED = re.compile(r"^register_model_deprecations\(__name__, \{(.*?)^\}\)", re.MULTILINE | re.DOTALL)
_KEY = re.compile(r"^\s+['\"](\w+)['\"]\s*:", re.MULTILINE)


@dataclass(frozen=True)
class EncoderName:
    """A name that exists.

    Attributes:
        name: As smp or timm knows it, without the prefix `tu-`.
        library: Which of the two.
        kind: `transformer` for smp's Mix Transformers and timm's transformer families, `cnn` for every other encoder.
    """

    name: str
    library: Literal["smp", "timm"]
    kind: Kind


def find(encoder: str, kind: Kind) -> EncoderName:
    """Look the name up; smp's own names win, `tu-` in front of timm's may be left out.

    Of a name with a tag, as `convnext_atto.d2_in1k`, only timm itself knows whether that tag is of that model; here it
    is enough that the family has it.

    Raises:
        ProblemsError: No library has it, or it is not of the kind asked for.
    """
    found = _find(encoder)
    if found is None:
        problem = Problem(encoder, "neither smp nor timm has it", _nearest(encoder, kind))
        raise ProblemsError("Unknown encoder", [problem])
    if found.kind != kind:
        fix = f"Set it as `{_SECTIONS[found.kind]}.encoder` instead"
        problem = Problem(encoder, f"is a {found.kind}, not a {kind}", fix)
        raise ProblemsError("Wrong kind of encoder", [problem])
    return found


def check_smp(encoder: EncoderName, params: Unet) -> None:
    """Refuse what the encoders that only smp has cannot do; any of timm's passes.

    Raises:
        ProblemsError: Local weights, stochastic depth or some layers of the encoder are asked for.
    """
    if encoder.library != "smp":
        return
    limits = {
        "does not say how its weights want images scaled": params.encoder_weights not in (None, HUB),
        "has no stochastic depth": params.drop_path_rate > 0,
        "does not say what its layers are, for encoder_frozen_layers and encoder_layer_decay": (
            params.needs_encoder_layers
        ),
    }
    hit = [f"is smp's own, which {limit}" for limit, asked in limits.items() if asked]
    if hit:
        raise ProblemsError("Unsuited encoder", [Problem(encoder.name, what, instead_of_smp(encoder)) for what in hit])


def instead_of_smp(encoder: EncoderName) -> str:
    """The way out for who needs what smp's own encoder cannot do."""
    return f"Take timm's `tu-{encoder.name}`" if encoder.name in timm_families() else "Take an encoder of timm, `tu-…`"


def smp_names() -> frozenset[str]:
    """The names of smp's own encoders: the keys of each `…_encoders` table in its sources."""
    return frozenset(_smp_names())


@cache
def timm_families() -> Mapping[str, str]:
    """Every model of timm, deprecated names too, and the module that registers it."""
    return {name: family for family, (names, _) in _timm().items() for name in names}


def _find(encoder: str) -> EncoderName | None:
    if encoder in _smp_names():
        return EncoderName(encoder, "smp", "transformer" if encoder.startswith("mit_") else "cnn")
    name = encoder.removeprefix(TIMM_PREFIX)
    model, _, tag = name.partition(".")
    family = timm_families().get(model)
    if family is None or name.endswith(".") or tag not in _timm()[family][1]:
        return None
    return EncoderName(name, "timm", "transformer" if family in TRANSFORMER_FAMILIES else "cnn")


def _nearest(encoder: str, kind: Kind) -> str:
    known = [*_smp_names(), *(TIMM_PREFIX + name for name in timm_families())]
    wanted = encoder.strip().lower().partition(".")[0]
    names = [name for name in known if (found := _find(name)) is not None and found.kind == kind]
    close = {TIMM_PREFIX + wanted, wanted} & set(names)
    matches = sorted(close) or difflib.get_close_matches(wanted, names, n=5) or [_DEFAULTS[kind]]
    return f"Did you mean {', '.join(matches)}? `timm.list_models()` lists the names that go behind `tu-`"


@cache
def _timm() -> dict[str, tuple[tuple[str, ...], str]]:
    """Family → its models, and its source, in which the tags stand."""
    families = {}
    for path in sorted((_home("timm") / "models").glob("*.py")):
        source = path.read_text(encoding="utf-8")
        if names := _REGISTERED.findall(source):
            old = [name for table in _DEPRECATED.findall(source) for name in _KEY.findall(table)]
            families[path.stem] = ((*names, *old), source)
    return families


@cache
def _smp_names() -> tuple[str, ...]:
    names: list[str] = []
    for path in sorted((_home("segmentation_models_pytorch") / "encoders").glob("*.py")):
        for statement in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Dict) and _is_table(statement):
                names += [str(key.value) for key in statement.value.keys if isinstance(key, ast.Constant)]
    return tuple(names)


def _is_table(statement: ast.Assign) -> bool:
    return any(isinstance(target, ast.Name) and target.id.endswith("_encoders") for target in statement.targets)


def _home(package: str) -> Path:
    """The folder of a package, which is not imported."""
    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise BreastsegError(f"{package} is not installed. Run `make install`, or `pip install '.[train]'`")
    return Path(spec.submodule_search_locations[0])
