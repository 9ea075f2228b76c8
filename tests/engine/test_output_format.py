"""Random weights under a format still give what the format says; bad formats end in words, and alone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest

from engine.service import EngineThread
from engine.text.checks import MAX_FORMAT_CHARS
from engine.types import FinishEvent, FinishReason, GenerationRequest, OutputFormat, SamplingParams
from tests.engine.recorder import Recorder, submit

Make = Callable[..., EngineThread]
PROMPT = [40, 41, 42, 43]
PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "maxLength": 8},
        "age": {"type": "integer", "minimum": 0, "maximum": 120},
        "tags": {"type": "array", "items": {"enum": ["a", "ü", "🎉"]}, "maxItems": 3},
        "boss": {"anyOf": [{"type": "null"}, {"type": "boolean"}]},
    },
    "required": ["name", "age", "tags", "boss"],
    "additionalProperties": False,
}
LIST = {"type": "array", "items": {"type": "array", "items": {"type": "boolean"}, "maxItems": 2}, "maxItems": 2}
PATTERNS = ("yes|no|maybe", r"[A-Z][a-z]{2,8} \d{1,3}", "(é|日本|👩‍👩‍👧){1,4}", "(?i)(select|from){1,3}", r"a\nb\"c")
UNBOUNDED = SamplingParams(temperature=0, max_tokens=24, ignore_eos=True)


def schema(wanted: object) -> OutputFormat:
    return OutputFormat("json_schema", json.dumps(wanted, separators=(",", ":")))


def regex(wanted: str) -> OutputFormat:
    return OutputFormat("regex", wanted)


def params(wanted: OutputFormat, **changes: Any) -> SamplingParams:
    return SamplingParams(**({"max_tokens": 400, "seed": 5, "output_format": wanted} | changes))


def is_person(value: object) -> bool:
    return (
        isinstance(value, dict)
        and list(value) == ["name", "age", "tags", "boss"]
        and isinstance(value["name"], str)
        and len(value["name"]) <= 8
        and type(value["age"]) is int
        and 0 <= value["age"] <= 120
        and len(value["tags"]) <= 3
        and set(value["tags"]) <= {"a", "ü", "🎉"}
        and value["boss"] in (None, True, False)
    )


def is_list(value: object) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= 2
        and all(isinstance(each, list) and len(each) <= 2 and set(each) <= {True, False} for each in value)
    )


@pytest.mark.parametrize("family", ["Llama", "Qwen2"])
def test_random_weights_write_json_that_keeps_to_the_schema(make_engine: Make, family: str) -> None:
    engine = make_engine(max_sequences=4)
    recorders = {
        f"{kind.__name__} {seed}": (kind, submit(
            engine, family, PROMPT, params(schema(wanted), seed=seed, temperature=(0.7, 1.0, 3.0)[seed % 3]),
            request_id=f"{kind.__name__} {seed}",
        ))
        for seed in range(6) for kind, wanted in ((is_person, PERSON), (is_list, LIST))
    }  # fmt: skip
    for name, (fits, recorder) in recorders.items():
        assert recorder.finish().reason is FinishReason.STOP, name
        assert fits(json.loads(recorder.text)), recorder.text


@pytest.mark.parametrize("pattern", PATTERNS)
def test_random_weights_match_the_whole_regular_expression(make_engine: Make, pattern: str) -> None:
    engine = make_engine(max_sequences=3)
    recorders = [
        submit(engine, "Llama", PROMPT, params(regex(pattern), seed=seed, temperature=seed), request_id=str(seed))
        for seed in range(4)
    ]
    for recorder in recorders:
        assert recorder.finish().reason is FinishReason.STOP
        assert re.fullmatch(pattern, recorder.text), recorder.text


def test_a_grammar_in_larks_notation(make_engine: Make) -> None:
    grammar = OutputFormat("lark", 'start: sum\nsum: NUMBER ("+" NUMBER)~1..3\nNUMBER: /[1-9][0-9]?/')
    recorder = submit(make_engine(), "Llama", PROMPT, params(grammar))
    assert recorder.finish().reason is FinishReason.STOP
    assert re.fullmatch(r"[1-9]\d?(\+[1-9]\d?){1,3}", recorder.text)


def test_it_may_end_only_where_the_format_may(make_engine: Make) -> None:
    """The end-of-sequence token (1) is wanted more than any other."""
    engine = make_engine()
    eager = submit(engine, "Llama", PROMPT, params(regex("ab(cd)*e?"), logit_bias={1: 100}), request_id="eager")
    assert eager.finish().reason is FinishReason.STOP
    assert eager.text == "ab"


def test_an_answer_that_is_cut_off_is_the_beginning_of_one(make_engine: Make) -> None:
    recorder = submit(make_engine(), "Llama", PROMPT, params(regex("(abc){50}"), max_tokens=10))
    assert recorder.finish().reason is FinishReason.LENGTH
    assert ("abc" * 50).startswith(recorder.text)


def test_other_settings_work_within_the_format(make_engine: Make) -> None:
    wanted = params(
        regex("[a-f]{20}"), top_k=300, top_p=0.9, min_p=0.01, frequency_penalty=1.0, repetition_penalty=1.2, logprobs=3
    )
    recorder = submit(make_engine(), "Llama", PROMPT, wanted)
    assert recorder.finish().reason is FinishReason.STOP
    assert re.fullmatch("[a-f]{20}", recorder.text)


def test_the_same_seed_gives_the_same_text_alone_and_in_a_crowd(make_engine: Make) -> None:
    alone = submit(make_engine(), "Llama", PROMPT, params(schema(PERSON)))
    alone.finish()
    engine = make_engine(max_sequences=3)
    others = [
        submit(engine, "Llama", [50 + number] * 9, params(regex("[a-z ]{40,60}"), seed=number), request_id=f"o{number}")
        for number in range(3)
    ]
    crowded = submit(engine, "Llama", PROMPT, params(schema(PERSON)))
    crowded.finish()
    assert crowded.text == alone.text
    assert all(other.finish().reason is FinishReason.STOP for other in others)


NESTED = '{"items":' * 5000 + "{}" + "}" * 5000
REFUSED = [
    (OutputFormat("json_schema", "[1"), "isn't JSON"),
    (OutputFormat("json_schema", "[]"), "must be a JSON object"),
    (OutputFormat("json_schema", NESTED), "nested too deeply"),
    (OutputFormat("json_schema", " "), "is empty"),
    (OutputFormat("json_schema", " " * MAX_FORMAT_CHARS + "{}"), f"{MAX_FORMAT_CHARS} are allowed"),
    (OutputFormat("yaml", "a: b"), "no output format “yaml”"),  # type: ignore[arg-type]
    (schema({"type": "banana"}), "JSON schema can't be followed: Invalid type: banana"),
    (schema({"type": "array", "uniqueItems": True}), "uniqueItems"),
    (schema({"type": "integer", "minimum": 5, "maximum": 3}), "minimum (5) is greater than maximum (3)"),
    (schema({"$ref": "#/$defs/N", "$defs": {"N": {"$ref": "#/$defs/N"}}}), "nothing matches it"),
    (schema({"$ref": "https://example.org/schema"}), "JSON schema can't be followed"),
    (regex("a\ud83d"), "half a character"),
    (regex("(a"), "regular expression can't be followed: unclosed group"),
    (regex("(?=a)b"), "look-around"),
    (regex(r"(a)\1"), "backreferences are not supported"),
    (regex(r"[^\s\S]"), "nothing matches it"),
    (regex("(" * 3000 + "a" + ")" * 3000), "nested parentheses"),
    (OutputFormat("lark", "start: foo"), 'unknown name: "foo"'),
]


def test_a_bad_format_is_refused_in_words_and_nobody_else_notices(make_engine: Make) -> None:
    undisturbed = submit(make_engine(), "Llama", PROMPT, UNBOUNDED)
    undisturbed.finish()
    engine = make_engine(max_sequences=4)
    good = submit(engine, "Llama", PROMPT, params(regex("[a-z]{50}"), seed=1), request_id="good")
    bad = [
        (submit(engine, "Llama", PROMPT, params(wanted), request_id=str(number)), words)
        for number, (wanted, words) in enumerate(REFUSED)
    ]
    neighbour = submit(engine, "Llama", PROMPT, UNBOUNDED, request_id="neighbour")
    for recorder, words in bad:
        last = recorder.finish()
        assert last.error_code == "bad_request"
        assert words in last.error
        assert last.error.endswith(".")
        assert not recorder.text
    neighbour.finish()
    assert neighbour.text == undisturbed.text
    assert good.finish().reason is FinishReason.STOP
    assert re.fullmatch("[a-z]{50}", good.text)


def chained(length: int) -> dict[str, Any]:
    links = {str(number): {"properties": {"": {"$ref": f"#/$defs/{number - 1}"}}} for number in range(1, length)}
    return {"$ref": f"#/$defs/{length - 1}", "$defs": links | {"0": {}}}


HOSTILE = {
    "overflows the stack": schema(chained(1250)),
    "runs for minutes": schema({"type": "integer", "multipleOf": 99999999}),
    "multiplies": schema({"allOf": [
        {"anyOf": [{"type": "object", "properties": {f"{one}{two}": {"type": "string"}}} for two in range(4)]}
        for one in range(6)
    ]}),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_schema_ends_alone_while_the_others_go_on(make_engine: Make, name: str) -> None:
    undisturbed = submit(make_engine(), "Llama", PROMPT, UNBOUNDED)
    undisturbed.finish()
    engine = make_engine()
    hostile = submit(engine, "Llama", PROMPT, params(HOSTILE[name]), request_id="hostile")
    second = submit(engine, "Llama", PROMPT, params(regex("yes|no")), request_id="second")
    beside = submit(engine, "Llama", PROMPT, UNBOUNDED, request_id="beside")
    beside.finish()
    assert beside.text == undisturbed.text
    assert second.finish().reason is FinishReason.STOP
    if name == "runs for minutes":  # for five seconds of processor time, that is
        assert FinishEvent not in hostile.kinds
    last = hostile.finish(240)
    assert last.error_code == "bad_request"
    assert "too big" in last.error or "too much work" in last.error
    after = submit(engine, "Llama", PROMPT, params(regex("yes|no")), request_id="after")
    assert after.finish().reason is FinishReason.STOP


def test_an_expression_that_explodes_on_the_way_ends_its_own_request_only(make_engine: Make) -> None:
    """It is read in no time; what can come next multiplies with every character."""
    engine = make_engine()
    ambiguous = OutputFormat("lark", 'start: s\ns: s s s | s s | "a" | "b"')
    beside = submit(engine, "Llama", PROMPT, SamplingParams(seed=3, max_tokens=100, ignore_eos=True), request_id="b")
    wanted = params(ambiguous, max_tokens=450, logit_bias={1: -100})
    exploding = submit(engine, "Llama", PROMPT, wanted, request_id="exploding")
    last = exploding.finish(240)
    assert last.error_code == "bad_request"
    assert "grammar" in last.error
    assert set(exploding.text) <= {"a", "b"}
    assert beside.finish().reason is FinishReason.LENGTH


def test_cancelled_while_its_format_is_being_read(make_engine: Make) -> None:
    engine = make_engine(max_sequences=1)
    reading = submit(engine, "Llama", PROMPT, params(HOSTILE["runs for minutes"]), request_id="reading")
    waiting = submit(engine, "Llama", PROMPT, params(regex("yes|no")), request_id="waiting")
    for request_id, recorder in (("waiting", waiting), ("reading", reading)):
        engine.cancel(request_id)
        assert recorder.finish(240).reason in (FinishReason.CANCELLED, FinishReason.STOP)
    assert reading.finish().reason is FinishReason.CANCELLED


def test_a_format_that_is_read_too_late_ends_its_request(make_engine: Make) -> None:
    engine = make_engine()
    recorder = Recorder("late")
    params = SamplingParams(max_tokens=4, output_format=OutputFormat("regex", "[a-z]{3}"))
    engine.submit(GenerationRequest("late", "Llama", (40, 41), params, deadline_seconds=1e-3), recorder)
    assert recorder.finish().error_code == "deadline"
    assert engine.is_alive()


def test_more_formats_than_sequences_wait_in_line(make_engine: Make) -> None:
    engine = make_engine(max_sequences=2)
    recorders: list[Recorder] = [
        submit(engine, "Llama", PROMPT, params(regex("[a-z]{5}"), seed=number), request_id=str(number))
        for number in range(9)
    ]
    for recorder in recorders:
        assert recorder.finish().reason is FinishReason.STOP
        assert re.fullmatch("[a-z]{5}", recorder.text)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"logit_bias": {100_000: 1.0}}, "logit bias names the token 100000"),
        ({"logit_bias": {-1: 1.0}}, "logit bias names the token -1"),
        ({"logit_bias": {3: 101.0}}, "between -100 and 100"),
        ({"logit_bias": {3: float("nan")}}, "between -100 and 100"),
        ({"logit_bias": dict.fromkeys(range(1025), 1.0)}, "may name 1024 tokens"),
        ({"presence_penalty": 2.5}, "between -2 and 2"),
        ({"frequency_penalty": float("inf")}, "finite"),
        ({"logprobs": 21}, "between 0 and 20"),
        ({"output_format": regex("a"), "ignore_eos": True}, "ignore_eos"),
    ],
)
def test_parameters_that_make_no_sense_are_refused_in_words(
    make_engine: Make, changes: dict[str, Any], words: str
) -> None:
    engine = make_engine()
    beside = submit(engine, "Llama", PROMPT, UNBOUNDED, request_id="beside")
    last = submit(engine, "Llama", PROMPT, SamplingParams(**changes)).finish()
    assert last.error_code == "bad_request"
    assert words in last.error
    assert beside.finish().reason is FinishReason.LENGTH
