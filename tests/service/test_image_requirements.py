"""The service's image stays slim: nothing of the training's side is installed in it or imported."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.service.conftest import environment

REPOSITORY = Path(__file__).resolve().parents[2]

UNWANTED = re.compile(
    r"""torch.* | timm | segmentation[-_]models[-_]pytorch | dvc.* | (pytorch[-_])?lightning.* | pandas | scipy
      | opencv.* | matplotlib | scikit[-_].* | sklearn | pyarrow | statsmodels | nvidia.* | triton
      | cython | pybind11 | setuptools | wheel | ninja | cmake | meson.* | gcc.* | llvmlite | numba
      | onnxscript | onnx""",
    re.VERBOSE,
)
APT = re.compile(r"\b(apt-get|apk|gcc|g\+\+|build-essential)\b")


def required() -> list[str]:
    lines = (REPOSITORY / "requirements" / "serve.txt").read_text(encoding="utf-8").splitlines()
    return [match[1].lower() for line in lines if (match := re.match(r"([A-Za-z0-9][\w.-]*)==", line))]


def test_the_image_installs_nothing_unwanted() -> None:
    packages = required()
    assert {"onnxruntime", "fastapi", "uvicorn", "pillow"} <= set(packages)
    assert [package for package in packages if UNWANTED.fullmatch(package)] == []


@pytest.mark.parametrize(
    "package", ["torch", "torchvision", "dvc-gs", "dvclive", "opencv-python-headless", "lightning"]
)
def test_the_list_of_the_unwanted_knows_them(package: str) -> None:
    assert UNWANTED.fullmatch(package)


@pytest.mark.parametrize("locked", ["serve", "sbom"])
def test_every_requirement_is_locked_by_hash_and_names_no_registry(locked: str) -> None:
    text = (REPOSITORY / "requirements" / f"{locked}.txt").read_text(encoding="utf-8")
    requirements = re.split(r"\n(?=[A-Za-z0-9])", re.sub(r"(?m)^\s*#.*\n", "", text))
    assert [r for r in requirements if "--hash=sha256:" not in r] == []
    assert "://" not in text


def test_the_dockerfile_installs_these_requirements_and_nothing_else() -> None:
    text = (REPOSITORY / "Dockerfile.serve").read_text(encoding="utf-8")
    installs = re.findall(r"(/opt/\w+)/bin/python .*\binstall((?: .*\\\n)*.*)", text)
    assert [where for where, _ in installs] == ["/opt/venv", "/opt/sbom"]
    assert all("--require-hashes -r /tmp/" in options for _, options in installs)
    assert "-r /tmp/serve.txt" in installs[0][1]
    # what writes the bill of materials stays behind
    assert "COPY --from=sbom /app/sbom.json" in text
    assert "/opt/sbom" not in text.rpartition("FROM ")[2]
    assert not APT.search(text)
    assert re.search(r"^USER (?!0\b|root)", text, re.MULTILINE)
    assert re.search(r"^HEALTHCHECK ", text, re.MULTILINE)


@pytest.mark.parametrize(
    "module", ["breastseg.serving.server", "breastseg.bulk.predict", "breastseg.pretrained", "breastseg.cli"]
)
def test_importing_the_service_loads_nothing_unwanted(module: str) -> None:
    program = f"import sys, {module}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", program], env=environment(), capture_output=True, text=True, check=True
    )
    loaded = done.stdout.split()
    assert "breastseg" in loaded
    assert sorted(name for name in loaded if UNWANTED.fullmatch(name)) == []


def test_only_what_the_dockerfile_copies_is_sent_to_the_build() -> None:
    dockerfile = (REPOSITORY / "Dockerfile.serve").read_text(encoding="utf-8")
    copies = re.findall(r"^COPY (?!--from)(.*) \S+$", dockerfile, re.MULTILINE)
    first, *rest = (REPOSITORY / ".dockerignore").read_text(encoding="utf-8").splitlines()[1:]
    assert first == "*"
    assert {line[1:] for line in rest if line.startswith("!")} == set(" ".join(copies).split())


def test_the_image_holds_every_module_that_the_service_imports() -> None:
    program = (
        "import sys, breastseg.cli, breastseg.serving.server, breastseg.bulk.predict, breastseg.pretrained;"
        "print(*(m.__file__ for n, m in sys.modules.items() if n.partition('.')[0] == 'breastseg' and m.__file__))"
    )
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", program], env=environment(), capture_output=True, text=True, check=True
    )
    text = (REPOSITORY / "Dockerfile.serve").read_text(encoding="utf-8")
    copied = [word for line in text.splitlines() if line.startswith("COPY src/") for word in line.split()[1:-1]]
    imported = {str(Path(file).relative_to(REPOSITORY)) for file in done.stdout.split()}
    assert {file for file in imported if not file.startswith(tuple(copied))} == set()
