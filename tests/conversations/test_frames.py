"""What a client may send over the socket."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.conversations.socket.frames import Typing, parse
from apps.generations.socket.frames import BadFrame, Cancel, Follow, Ping, TokenBucket, Unfollow

JOB = "0123456789abcdef"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


def test_every_kind() -> None:
    assert parse(json.dumps({"type": "follow", "job": JOB, "attempt": 2, "seq": 7})) == Follow(JOB, 2, 7)
    assert parse(json.dumps({"type": "follow", "job": JOB})) == Follow(JOB, 0, 0)
    assert parse(json.dumps({"type": "unfollow", "job": JOB})) == Unfollow(JOB)
    assert parse(json.dumps({"type": "typing", "on": True})) == Typing(True)
    assert parse(json.dumps({"type": "cancel", "job": JOB})) == Cancel(JOB)
    assert parse('{"type": "ping"}') == Ping()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (None, "not_text"),
        ("", "not_json"),
        ("{", "not_json"),
        ("[" * 10_000, "not_json"),
        ("[]", "not_an_object"),
        ("7", "not_an_object"),
        ("{}", "unknown_type"),
        ('{"type": "shutdown"}', "unknown_type"),
        ('{"type": ["follow"]}', "unknown_type"),
        ('{"type": "follow"}', "invalid"),
        ('{"type": "follow", "job": "../../etc/passwd"}', "invalid"),
        ('{"type": "follow", "job": 12}', "invalid"),
        (f'{{"type": "follow", "job": "{JOB}", "seq": -1}}', "invalid"),
        (f'{{"type": "follow", "job": "{JOB}", "seq": true}}', "invalid"),
        (f'{{"type": "follow", "job": "{JOB}", "seq": 1e99}}', "invalid"),
        (f'{{"type": "follow", "job": "{JOB}", "attempt": {10**30}}}', "invalid"),
        ('{"type": "typing"}', "invalid"),
        ('{"type": "typing", "on": 1}', "invalid"),
        ('{"type": "cancel"}', "invalid"),
    ],
)
def test_bad_ones_are_refused_with_a_sentence(text: str | None, code: str) -> None:
    with pytest.raises(BadFrame) as caught:
        parse(text)
    assert caught.value.code == code
    assert caught.value.message.endswith(".")


@given(JSON)
def test_no_json_does_anything_but_parse_or_be_refused(data: object) -> None:
    try:
        parse(json.dumps(data))
    except BadFrame:
        return


def test_the_bucket_allows_a_burst_and_then_the_rate() -> None:
    bucket = TokenBucket(rate=1000, burst=5)
    taken = [bucket.take() for _ in range(50)]
    assert taken[:5] == [True] * 5
    assert not all(taken)
    time.sleep(0.01)
    assert bucket.take()
