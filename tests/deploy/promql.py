"""Names in an expression of Prometheus' query language, told without Prometheus."""

from __future__ import annotations

import re

_STRINGS = re.compile(r'"[^"]*"')
# labels to match, ranges, labels to group by, and how far back
_NO_METRICS = re.compile(
    r"\{[^}]*\} | \[[^\]]*\] | \b(by|without|on|ignoring|group_left|group_right)\s*\([^)]*\) | \boffset\s+\w+",
    re.VERBOSE,
)
# a name before a parenthesis is a function's
_NAME = re.compile(r"(?<![\w:.])[A-Za-z_:][\w:]*+(?!\s*\()")
_OPERATORS = {"and", "or", "unless", "bool"}


def metric_names(expression: str) -> set[str]:
    """Every metric that an expression looks at."""
    return set(_NAME.findall(_NO_METRICS.sub(" ", _STRINGS.sub("", expression)))) - _OPERATORS
