"""Load test of the service, and its comparison with the bare loop and with other servers of the same model."""
