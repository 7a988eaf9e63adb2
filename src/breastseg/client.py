"""Asks a running service from Python: answers as typed objects, its problems as exceptions, patience when it is busy.

    with Client("http://127.0.0.1:8000") as client:
        answer = client.segment(Path("image.png").read_bytes())
        print(answer.lesions)

Research use only: not a medical device, not for diagnosis.
"""

from __future__ import annotations

import base64
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Self, TypeVar

import httpx2
from pydantic import ValidationError

from breastseg.errors import BreastsegError
from breastseg.inference.predict import Answer, AnsweringModel
from breastseg.inference.raster import DecodeError
from breastseg.inference.report import AssessedReport
from breastseg.serving.schemas import BatchAnswer, BatchEntry, ModelAnswer, ProblemDetails, SegmentAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from breastseg.inference.predict import Answerer

T = TypeVar("T", SegmentAnswer, BatchAnswer, ModelAnswer, ProblemDetails)

# the kinds of problems that are the image's own fault
UNREADABLE = frozenset(
    {
        "urn:breastseg:problem:unreadable-image",
        "urn:breastseg:problem:too-many-pixels",
        "urn:breastseg:problem:too-large",
        "urn:breastseg:problem:timed-out",
    }
)
_KEY = re.compile(r"[!-~]+")
_BUSY = (HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE)


class ServiceError(BreastsegError):
    """The service answered with a problem.

    Attributes:
        problem: What it said; tell kinds apart by `problem.type`.
    """

    def __init__(self, problem: ProblemDetails) -> None:
        super().__init__(f"{problem.title}: {problem.detail}")
        self.problem = problem


class Client:
    """A connection to one service; close it, or use it in a `with` statement.

    Args:
        url: Where the service is, with the sub-path that a proxy gives it.
        key: An API key, where the service asks for one.
        timeout_s: Longest time to wait for an answer.
        patience_s: Longest time to go on asking while the service is busy or not ready yet.

    Raises:
        BreastsegError: The key cannot be one, or the URL.
    """

    def __init__(self, url: str, key: str | None = None, timeout_s: float = 60, patience_s: float = 60) -> None:
        # said here, without the key: whoever sends it would quote it
        if key and not _KEY.fullmatch(key):
            raise BreastsegError(
                "The key holds other characters than visible ASCII. Copy it again, without a line break"
            )
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        try:
            self._http = httpx2.Client(base_url=url.rstrip("/") + "/", headers=headers, timeout=timeout_s)
        except httpx2.InvalidURL as error:
            message = f"{url} is no address ({error}). One is written like http://127.0.0.1:8000"
            raise BreastsegError(message) from error
        self._patience_s = patience_s

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def segment(self, data: bytes, include: Collection[str] = (), frame: int | None = None) -> SegmentAnswer:
        """Find the lesions of one image.

        Args:
            data: An image file.
            include: Pictures to add to the answer, base64 PNGs: `mask`, `probability`, `overlay`.
            frame: The number of a DICOM file's frame, from 1; needed where the file has several.

        Raises:
            ServiceError: The service refuses the image or the request, or is busy for longer than `patience_s`.
            BreastsegError: The service cannot be reached, or something else answers there.
        """
        return self._read(SegmentAnswer, self._post("v1/segment", [("file", data)], _query(include, frame)))

    def mask(self, data: bytes, frame: int | None = None) -> bytes:
        """Return the mask of one image as PNG at native size, 0 and 255; arguments and errors as for `segment`."""
        png = {"Accept": "image/png"}
        return self._post("v1/segment", [("file", data)], _query(frame=frame), png).content

    def segment_batch(self, files: Iterable[bytes], include: Collection[str] = ()) -> list[BatchEntry]:
        """Find the lesions of several images with one request.

        Args:
            files: Image files, as many as the service takes at once; DICOM files of several frames need `segment`.
            include: As for `segment`.

        Returns:
            An entry a file, in their order: its `answer`, or its `problem`, which may also be that the service was too
            busy for it. Without files none, and nothing is asked.

        Raises:
            ServiceError: The service refuses the whole request, or is busy for longer than `patience_s`.
            BreastsegError: As for `segment`.
        """
        parts = [("files", data) for data in files]
        if not parts:
            return []
        return self._read(BatchAnswer, self._post("v1/segment/batch", parts, _query(include))).results

    def model(self) -> ModelAnswer:
        """Return the served model and its contract; errors as for `segment`."""
        return self._read(ModelAnswer, self._ask(lambda: self._http.build_request("GET", "v1/model")))

    def _post(
        self,
        path: str,
        parts: list[tuple[str, bytes]],
        query: Mapping[str, str],
        headers: Mapping[str, str] | None = None,
    ) -> httpx2.Response:
        return self._ask(lambda: self._http.build_request("POST", path, files=parts, params=query, headers=headers))

    def _ask(self, make_request: Callable[[], httpx2.Request]) -> httpx2.Response:
        """Send, again while the service is busy; each time a new request, for the body of the last is used up."""
        until = time.monotonic() + self._patience_s
        while True:
            answer = self._send(make_request())
            pause_s = _pause_s(answer.headers.get("retry-after", ""))
            if answer.status_code not in _BUSY or time.monotonic() + pause_s > until:
                break
            time.sleep(pause_s)
        if answer.is_error:
            raise ServiceError(self._read(ProblemDetails, answer))
        return answer

    def _send(self, request: httpx2.Request) -> httpx2.Response:
        try:
            return self._http.send(request)
        except httpx2.HTTPError as error:
            message = f"{self._http.base_url} cannot be reached ({error}). Is the service running?"
            raise BreastsegError(message) from error

    def _read(self, type_: type[T], answer: httpx2.Response) -> T:
        try:
            return type_.model_validate_json(answer.content)
        except ValidationError as error:
            message = f"{self._http.base_url} answered {answer.status_code} with something else than this service does"
            raise BreastsegError(f"{message}. Check the address") from error


def _query(include: Collection[str] = (), frame: int | None = None) -> dict[str, str]:
    pictures = {"include": ",".join(include)} if include else {}
    return pictures if frame is None else pictures | {"frame": str(frame)}


def _pause_s(retry_after: str) -> float:
    """Return how long to wait: seconds, or until a date, as RFC 9110, section 10.2.3 allows both; else a second."""
    if retry_after.isascii() and retry_after.isdigit():
        return float(retry_after)
    try:
        until = parsedate_to_datetime(retry_after)
    except ValueError:
        return 1.0
    aware = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (aware - datetime.now(UTC)).total_seconds())


@dataclass(frozen=True)
class _RemoteAnswerer:
    client: Client
    model: AnsweringModel
    frame: int | None
    overlay: bool

    def __call__(self, data: bytes) -> Answer:
        pictures = ["mask", "overlay"] if self.overlay else ["mask"]
        try:
            found = self.client.segment(data, include=pictures, frame=self.frame)
        except ServiceError as error:
            if error.problem.type in UNREADABLE:
                raise DecodeError(error.problem.detail.removeprefix("The file ")) from error
            raise
        report = {name: getattr(found, name) for name in AssessedReport.model_fields}
        overlay = base64.b64decode(found.overlay or "") if self.overlay else None
        return Answer(base64.b64decode(found.mask or ""), AssessedReport(**report), overlay)


def remote_answerer(
    client: Client, frame: int | None = None, *, overlay: bool = False, threads: int | None = None
) -> Answerer:
    """Let `breastseg predict` ask a service instead of a model in its own process.

    Args:
        client: Knows the service.
        frame: As for `Client.segment`.
        overlay: Whether to ask for overlays.
        threads: The service has its own.
    """
    del threads
    described = client.model()
    return _RemoteAnswerer(client, AnsweringModel.of(described, described.contract.gate), frame, overlay)
