from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from breastseg.serving.rate_limit import Buckets, _network

if TYPE_CHECKING:
    from collections.abc import Callable

    from fastapi.testclient import TestClient

KEY, OTHER = "anna-0123456789abcdef", "bert-0123456789abcdef"
# in eighths of a second, so that sums are exact
GAPS = st.lists(st.integers(0, 400).map(lambda eighths: eighths / 8), min_size=1, max_size=80)
RATES = st.integers(1, 600)
BURSTS = st.integers(1, 20)


class Clock:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@given(GAPS, RATES, BURSTS)
def test_no_span_of_time_lets_through_more_than_it_should(gaps: list[float], per_minute: int, burst: int) -> None:
    clock = Clock()
    buckets = Buckets(per_minute, burst, clock)
    taken = []
    for gap in gaps:
        clock.now += gap
        if buckets.take("a") == 0:
            taken.append(clock.now)
    for i, begin in enumerate(taken):
        for count, end in enumerate(taken[i:], 1):
            assert count <= burst + (end - begin) * per_minute / 60 + 1e-6


@given(GAPS, RATES, BURSTS)
def test_who_waits_as_long_as_told_is_let_through_and_not_before(
    gaps: list[float], per_minute: int, burst: int
) -> None:
    clock = Clock()
    buckets = Buckets(per_minute, burst, clock)
    for gap in gaps:
        clock.now += gap
        wait_s = buckets.take("a")
        if wait_s:
            clock.now += wait_s * 0.9
            assert buckets.take("a") > 0
            clock.now += wait_s * 0.1 + 1e-6
            assert buckets.take("a") == 0


@given(RATES, BURSTS)
def test_a_bucket_is_full_at_first_and_after_a_long_rest(per_minute: int, burst: int) -> None:
    clock = Clock()
    buckets = Buckets(per_minute, burst, clock)
    for _ in range(2):
        assert [buckets.take("a") == 0 for _ in range(burst + 1)] == [True] * burst + [False]
        clock.now += 60 * burst / per_minute + 1


@given(st.lists(st.sampled_from("abc"), max_size=60), BURSTS)
def test_clients_do_not_take_from_each_other(askers: list[str], burst: int) -> None:
    together, clock = Buckets(1, burst, Clock()), Clock()
    alone = {name: Buckets(1, burst, clock) for name in "abc"}
    for name in askers:
        assert together.take(name) == alone[name].take(name)


@given(st.lists(st.integers(0, 1000), max_size=200), st.integers(1, 20))
def test_memory_is_bounded_and_the_latest_client_is_remembered(askers: list[int], max_clients: int) -> None:
    buckets = Buckets(1, 1, Clock(), max_clients)
    for asker in askers:
        buckets.take(str(asker))
        assert len(buckets) <= max_clients
        assert buckets.take(str(asker)) > 0


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("fe80::1%eth0", "fe80::1%eth0", True),
        ("no:address", "no:address", True),
        ("", "", True),
    ],
)
def test_an_ipv6_network_is_one_client(one: str, other: str, same: bool) -> None:  # noqa: FBT001 - a column of the table
    assert (_network(one) == _network(other)) == same


def test_who_asks_too_often_is_told_when_to_ask_again(client_with: Callable[..., TestClient]) -> None:
    client = client_with(rate_limit_per_minute=2)
    assert [client.get("/v1/model").status_code for _ in range(3)] == [200, 200, 429]
    answer = client.get("/v1/model")
    assert 1 <= int(answer.headers["retry-after"]) <= 30
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"] == "urn:breastseg:problem:rate-limited"
    assert answer.json()["detail"] == f"Ask again in {answer.headers['retry-after']} s"
    assert client.get("/health/live").status_code == 200


def test_a_burst_may_be_more_than_a_minutes_worth(client_with: Callable[..., TestClient]) -> None:
    client = client_with(rate_limit_per_minute=1, rate_limit_burst=4)
    assert [client.get("/v1/model").status_code for _ in range(5)] == [200] * 4 + [429]


def test_each_key_has_a_bucket_and_who_has_none_takes_from_nobodys(client_with: Callable[..., TestClient]) -> None:
    client = client_with(rate_limit_per_minute=1, api_keys=f"{KEY},{OTHER}")
    statuses = [
        client.get("/v1/model", headers={"X-API-Key": key}).status_code for key in ("no", "no", KEY, KEY, OTHER, OTHER)
    ]
    assert statuses == [401, 401, 200, 429, 200, 429]


def test_there_is_no_limit_unless_one_is_set(client_with: Callable[..., TestClient]) -> None:
    client = client_with()
    assert {client.get("/v1/model").status_code for _ in range(200)} == {200}
