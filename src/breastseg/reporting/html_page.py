"""A page of HTML that opens from anywhere: tables and pictures inside, nothing loaded, no script."""

from __future__ import annotations

import html
from contextlib import contextmanager
from string import Template
from typing import TYPE_CHECKING

from breastseg.errors import BreastsegError
from breastseg.evaluation.output_folder import require_folder
from breastseg.files import replacing
from breastseg.inference.contract import INTENDED_USE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>$title</title>
<style>
:root { color-scheme: light; font-family: system-ui, sans-serif; line-height: 1.45 }
body { margin: 0 auto; max-width: 60rem; padding: 1rem; color: #1b1b1b; background: #fff }
.notice { border-left: .3rem solid #b00020; padding: .2rem .8rem; font-weight: 600 }
.wide { overflow-x: auto }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .9rem }
th, td { padding: .25rem .7rem; border-bottom: 1px solid #d0d0d0; text-align: left; white-space: nowrap }
figure { margin: 1.5rem 0 } figure svg, figure img { max-width: 100%; height: auto }
figcaption { color: #444 }
</style>
</head>
<body>
<h1>$heading</h1>
<p class="notice">$notice</p>
$body
</body>
</html>
""")


def require_page(out: Path) -> None:
    """Refuse what can be no file, before there is any work.

    Raises:
        BreastsegError: It cannot.
    """
    with writable(out):
        _require_file(out)


def write_page(out: Path, title: str, heading: str, parts: Iterable[str]) -> None:
    """Write a page; it appears only once it is complete.

    Args:
        out: The HTML file.
        title: For the browser's tab.
        heading: At its top.
        parts: Elements of HTML, in their order.

    Raises:
        BreastsegError: It cannot be written.
    """
    texts = {"title": title, "heading": heading, "notice": INTENDED_USE}
    escaped = {name: html.escape(text) for name, text in texts.items()}
    with writable(out), replacing(out) as partial:
        partial.write_text(_PAGE.substitute(escaped, body="\n".join(parts)), encoding="utf-8")


@contextmanager
def writable(out: Path) -> Iterator[None]:
    """Turn what the system says against writing a page into an error that says what to do."""
    try:
        yield
    except OSError as error:
        raise BreastsegError(f"Cannot write {out} ({error.strerror}). Name with --out a file that can be") from error


def _require_file(out: Path) -> None:
    """Refuse what can be no file before any chart is drawn."""
    if out.is_dir():
        such = out / "report.html"
        raise BreastsegError(f"{out} is a folder. Name with --out the HTML file to write, such as {such}")
    require_folder(out.parent)


def lay_out(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Return a table of texts, a row a line."""
    rows = [_row("th", head), *(_row("td", line) for line in lines)]
    return f'<div class="wide"><table>{"".join(rows)}</table></div>'


def _row(tag: str, cells: Iterable[str]) -> str:
    return f"<tr>{''.join(f'<{tag}>{html.escape(cell)}</{tag}>' for cell in cells)}</tr>"


def figure(picture: str, caption: str) -> str:
    """Return a picture, an element of HTML, with a caption, a text."""
    return f"<figure>{picture}<figcaption>{html.escape(caption)}</figcaption></figure>"
