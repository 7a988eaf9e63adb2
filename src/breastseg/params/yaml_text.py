"""Reader of YAML 1.2, which DVC writes: PyYAML alone reads `3e-05` as text, `yes` as true and `010` as 8."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator

# plain numbers that YAML 1.1, YAML 1.2 and DVC's reader do not read alike
_AMBIGUOUS = re.compile(
    r"[-+]?(0[0-9_]+|0o[0-9a-zA-Z_]*|0b[01_]+|[0-9][0-9_]*(:[0-9_]+)+(\.[0-9_]*)?)"
    r"|[-+]?(?=[0-9._]*[0-9])(?=[^_]*_)[0-9_]*\.?[0-9_]*([eE][-+]?[0-9_]+)?"
)


@dataclass(frozen=True)
class YamlFault:
    """A part of a document that readers of YAML disagree about.

    Attributes:
        where: The keys down to it, joined by dots.
        what: What is wrong, with the line.
        fix: What to do.
    """

    where: str
    what: str
    fix: str


class AmbiguousYamlError(yaml.YAMLError):
    """A document has parts that readers of YAML disagree about.

    Attributes:
        faults: All of them.
    """

    def __init__(self, faults: list[YamlFault]) -> None:
        self.faults = faults
        super().__init__("; ".join(f"{fault.where}: {fault.what}. {fault.fix}" for fault in faults))


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader with the scalars of YAML 1.2 (core schema, https://yaml.org/spec/1.2.2/#1032-tag-resolution)."""

    # filled below; the table of PyYAML's own loader stays as it is
    yaml_implicit_resolvers = {}  # noqa: RUF012 - PyYAML's own form

    def construct_yaml_int(self, node: yaml.ScalarNode) -> int:
        """Read decimal digits, `0o…` or `0x…`."""
        text = str(node.value)
        return int(text, 0) if re.match(r"0[ox]", text) else int(text)


_CORE: dict[str, tuple[str, list[str]]] = {
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "bool": (r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    "int": (r"[-+]?[0-9]{1,640}|0o[0-7]{1,640}|0x[0-9a-fA-F]{1,640}", list("-+0123456789")),
    "float": (
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
    "merge": (r"<<", ["<"]),
}
for _name, (_pattern, _first) in _CORE.items():
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(f"^(?:{_pattern})$"), _first)
# `!!binary` and the like have no place in params: a tag without a constructor is an error
_TAGS = {f"tag:yaml.org,2002:{name}" for name in ("binary", "timestamp", "omap", "pairs", "set")}
_Loader.yaml_constructors = {k: v for k, v in yaml.SafeLoader.yaml_constructors.items() if k not in _TAGS}
_Loader.add_constructor("tag:yaml.org,2002:int", _Loader.construct_yaml_int)


def parse_yaml(text: str) -> Any:  # noqa: ANN401 - a document is anything
    """Parse a document.

    Raises:
        AmbiguousYamlError: A key is given twice, or a number is written as readers of YAML read differently.
        yaml.YAMLError: It is not YAML.
    """
    document, faults = parse_with_faults(text)
    if faults:
        raise AmbiguousYamlError(faults)
    return document


def parse_with_faults(text: str) -> tuple[Any, list[YamlFault]]:
    """Parse a document, and list the parts that readers of YAML disagree about.

    Raises:
        yaml.YAMLError: It is not YAML.
    """
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None, []
        # before the values are made: that merges `<<` into the nodes
        faults = list(_faults(node, (), set()))
        return loader.construct_document(node), faults
    except RecursionError as error:
        raise yaml.YAMLError("it is nested too deeply") from error
    finally:
        loader.dispose()


def _faults(node: yaml.Node, keys: tuple[str, ...], seen: set[int]) -> Iterator[YamlFault]:
    if id(node) in seen:  # an alias
        return
    seen.add(id(node))
    line = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        yield from _mapping_faults(node, keys, seen)
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from _faults(item, (*keys, str(index)), seen)
    elif isinstance(node, yaml.ScalarNode) and node.style is None and _AMBIGUOUS.fullmatch(node.value):
        what = f"is written {node.value} (line {line}), which readers of YAML take for different numbers, or for text"
        fix = "Write a number in decimal digits without leading zeros, and text in quotes"
        yield YamlFault(".".join(keys), what, fix)


def _mapping_faults(node: yaml.MappingNode, keys: tuple[str, ...], seen: set[int]) -> Iterator[YamlFault]:
    lines: dict[Hashable, int] = {}
    for key, value in node.value:
        name, line = str(key.value), key.start_mark.line + 1
        where = (*keys, name)
        if name in lines and key.tag != "tag:yaml.org,2002:merge":
            what = f"is given twice (lines {lines[name]} and {line})"
            yield YamlFault(".".join(where), what, "Keep one of them")
        lines[name] = line
        yield from _faults(value, where, seen)
