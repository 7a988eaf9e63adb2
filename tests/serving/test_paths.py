from __future__ import annotations

import pytest

from breastseg.serving.paths import is_admin, is_open, is_page


@pytest.mark.parametrize(
    ("path", "page", "needs_no_key"),
    [
        ("/", True, True),
        ("/static/app.js", True, True),
        ("/docs", True, True),
        ("/openapi.json", True, True),
        ("/health/ready", False, True),
        ("/metrics", False, True),
        ("/v1/segment", False, False),
        ("/admin/reload", False, False),
        ("/static", False, False),
        ("/health", False, False),
        ("/healthy", False, False),
        ("", False, False),
    ],
)
@pytest.mark.parametrize("root_path", ["", "/sub/path"])
def test_what_is_a_page_and_what_needs_no_key(path: str, root_path: str, *, page: bool, needs_no_key: bool) -> None:
    scope = {"path": root_path + path, "root_path": root_path}
    assert (is_page(scope), is_open(scope)) == (page, needs_no_key)


def test_what_is_the_operators() -> None:
    assert is_admin({"path": "/admin/reload"})
    assert is_admin({"path": "/x/admin/reload", "root_path": "/x"})
    assert not is_admin({"path": "/v1/admin/"})
