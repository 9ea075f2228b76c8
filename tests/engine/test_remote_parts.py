"""The parts that every byte of an upstream passes through: events, numbers in refusals, addresses."""

from __future__ import annotations

import json
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.remote.addresses import AddressRules
from engine.remote.failures import ContextOverflow, refusal, seconds_of
from engine.remote.sse import EventStream
from engine.remote.upstream import Upstream, clean_base_url

STREAM = (
    "\ufeff: hello\r\ndata: one 🎉\r\n\r\nevent: x\rdata:two\rdata: lines\r\rid: 3\n\ndata: é\n\ndata: last".encode()
)
EVENTS = ["one 🎉", "two\nlines", "é", "last"]
PUBLIC, PRIVATE = "8.8.8.8", "10.1.2.3"


@given(st.lists(st.integers(0, len(STREAM)), max_size=12).map(sorted))
def test_events_are_the_same_however_the_bytes_are_cut(cuts: list[int]) -> None:
    events, found = EventStream(), []
    for begin, end in zip([0, *cuts], [*cuts, len(STREAM)], strict=True):
        found += events.feed(STREAM[begin:end])
    assert found + events.close() == EVENTS


@given(st.binary(max_size=400))
def test_any_bytes_give_texts(data: bytes) -> None:
    events = EventStream()
    assert all(isinstance(each, str) for each in events.feed(data) + events.close())


@pytest.mark.parametrize(
    ("said", "prompt", "limit"),
    [
        ("This model's maximum context length is 8192 tokens. However, you requested 9000 tokens (8500 in the "
         "messages, 500 in the completion).", 8500, 8192),
        ("'max_tokens' is too large: 400. This model's maximum context length is 8192 tokens and your request has "
         "7900 input tokens (400 > 8192 - 7900).", 7900, 8192),
        ("Requested token count exceeds the model's maximum context length of 8192 tokens. You requested a total of "
         "9000 tokens: 8500 tokens from the input messages and 500 tokens for the completion.", 8500, 8192),
        ("The input (9000 tokens) is longer than the model's context length (8192 tokens).", 9000, 8192),
        ("This model's maximum context length is 8192 tokens. However, your messages resulted in 9001 tokens.",
         9001, 8192),
        ("the request exceeds the available context size. try increasing the context size", None, None),
    ],
)  # fmt: skip
def test_the_numbers_of_a_refusal(said: str, prompt: int | None, limit: int | None) -> None:
    failure = refusal(400, json.dumps({"error": {"message": said}}).encode())
    assert isinstance(failure, ContextOverflow)
    assert (failure.prompt, failure.limit) == (prompt, limit)
    assert failure.room == max(0, (limit or 0) - (prompt or 0))


@pytest.mark.parametrize(
    "address",
    ["10.1.2.3", "127.0.0.1", "169.254.169.254", "100.100.100.200", "0.0.0.0", "168.63.129.16", "224.0.0.1",
     "255.255.255.255", "192.0.0.192", "::1", "fe80::1", "fec0::1", "fd00:ec2::254", "::ffff:10.0.0.1",
     "64:ff9b::a00:1", "2002:a00:1::", "ff02::1", "::"],
)  # fmt: skip
def test_what_is_not_public_is_refused(address: str) -> None:
    assert not AddressRules().allow("gpu.example.org", ip_address(address))


@pytest.mark.parametrize("address", [PUBLIC, "2606:4700::1111", "64:ff9b::808:808"])
def test_the_public_internet_is_allowed(address: str) -> None:
    assert AddressRules().allow("gpu.example.org", ip_address(address))


def test_what_the_operator_allows() -> None:
    rules = AddressRules.parse(["10.0.0.0/8", "fd00::/8", "169.254.7.7", "GPU.internal"])
    for address in (PRIVATE, "fd00::1", "::ffff:10.0.0.1", "169.254.7.7", PUBLIC):
        assert rules.allow("anything", ip_address(address))
    assert not rules.allow("anything", ip_address("192.168.1.1"))
    for address in ("192.168.1.1", "127.0.0.1", "::1"):
        assert rules.allow("gpu.internal.", ip_address(address))
    assert not rules.allow("gpu.internal", ip_address("169.254.169.254"))


@pytest.mark.parametrize("entry", ["10.0.0.1/8", "300.1.1.1", "http://gpu", "a b", "", "-x-", "*.internal"])
def test_a_wrong_entry_is_a_sentence(entry: str) -> None:
    with pytest.raises(ValueError, match="is neither a network such as"):
        AddressRules.parse([entry])


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("https://GPU.example.org:8000/v1/", "https://gpu.example.org:8000/v1"),
        (" http://[FD00::1]:80/v1/chat/completions ", "http://[fd00::1]:80/v1"),
        ("http://gpu", "http://gpu"),
    ],
)
def test_addresses_are_brought_into_one_form(text: str, clean: str) -> None:
    assert clean_base_url(text) == clean_base_url(clean) == clean


@pytest.mark.parametrize(
    "text",
    ["", "gpu:8000/v1", "ftp://gpu/v1", "file:///etc/passwd", "http://user:key@gpu/v1", "http://gpu/v1?key=1", "http:///v1",
     "http://gpu:99999/v1", "http://gpu:0/v1", "http://gp u/v1", "http://gpü/v1", "http://[::1/v1", "http://gpu%2f/v1",
     "http://" + "x" * 300],
)  # fmt: skip
def test_no_address(text: str) -> None:
    with pytest.raises(ValueError):
        clean_base_url(text)


def test_a_key_is_never_repeated() -> None:
    upstream = Upstream("http://gpu/v1", "m", "sk-secret")
    assert "sk-secret" not in repr(upstream)
    with pytest.raises(ValueError) as refused:
        Upstream("http://gpu/v1", "m", "sk-secret\nX-Evil: 1")
    assert "sk-secret" not in str(refused.value)


def test_waits() -> None:
    assert seconds_of("1.5") == 1.5
    assert seconds_of("-3") == 0
    assert seconds_of("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert seconds_of("soon") is None
