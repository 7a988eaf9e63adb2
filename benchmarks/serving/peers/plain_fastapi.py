"""The least that a route on FastAPI can be: no limit, no queue, no check, no log."""

from typing import Annotated

from fastapi import FastAPI, File, Response

from benchmarks.serving.work import from_environment

app = FastAPI()
work = from_environment()


@app.get("/ready")
def ready() -> None:
    """Answer once the model is loaded."""


@app.post("/segment")
def segment(file: Annotated[bytes, File()]) -> Response:
    """Report the lesions of an image, in one of the framework's threads."""
    return Response(work(file), media_type="application/json")
