"""The same work under LitServe: python -m benchmarks.serving.peers.litserve_server PORT WORKERS."""

import sys
from collections.abc import Callable

import litserve as ls
from fastapi import Request, Response

from benchmarks.serving.work import from_environment


class Segment(ls.LitAPI):
    """Reports the lesions of an image."""

    work: Callable[[bytes], bytes]

    def setup(self, device: str) -> None:  # noqa: ARG002 - always the CPU
        """Load the model, once a worker."""
        self.work = from_environment()

    def decode_request(self, request: Request) -> bytes:
        """Take the file out of the form."""
        data: bytes = request["file"].file.read()
        return data

    def predict(self, x: bytes) -> bytes:
        """Do the work."""
        return self.work(x)

    def encode_response(self, output: bytes) -> Response:
        """Wrap the JSON."""
        return Response(output, media_type="application/json")


if __name__ == "__main__":
    server = ls.LitServer(Segment(api_path="/segment"), accelerator="cpu", workers_per_device=int(sys.argv[2]))
    server.run(
        host="127.0.0.1", port=int(sys.argv[1]), num_api_servers=1, generate_client_file=False, log_level="warning"
    )
