"""`manage.py models add-upstream` and its relatives, and the keys they are given."""

from __future__ import annotations

import io
from typing import Any

import pytest
from django.core.management import CommandError

from apps.audit.models import AuditEvent
from apps.catalog.models import HostedModel, ModelVersion, Upstream
from apps.catalog.upstream_asking import target
from apps.lib.sealing import Unreadable, unseal
from tests.catalog.conftest import Models
from tests.engine.faulty_server import DONE, answers, chunk, faulty, says

KEY = "sk-a-key-that-nobody-sees"
ADD = (
    "add-upstream",
    "deep",
    "--url",
    "https://GPU.example.org/v1/",
    "--model",
    "deepseek-ai/DeepSeek-R1",
    "--context",
    "131072",
)


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("UPSTREAM_KEY", KEY)
    return KEY


def key_of(model: str = "deep") -> str:
    return target(Upstream.objects.get(version=HostedModel.objects.get(pk=model).default_version)).api_key


def everything_recorded() -> str:
    return str(list(AuditEvent.objects.values())) + str(list(Upstream.objects.values()))


def test_a_model_of_another_server(models: Models, given: str) -> None:
    said = models(*ADD, "--name", "DeepSeek R1", "--license", "mit", "--key-env", "UPSTREAM_KEY", "--approve")
    assert "Added deep: deepseek-ai/DeepSeek-R1 at https://gpu.example.org/v1." in said
    model = HostedModel.objects.get()
    version = model.default_version
    assert version is not None
    assert version.is_upstream
    assert (model.name, version.license_id, version.context_length) == ("DeepSeek R1", "MIT", 131072)
    assert (version.source, version.revision) == ("upstream:https://gpu.example.org/v1", "deepseek-ai/DeepSeek-R1")
    assert HostedModel.objects.available().exists()
    assert key_of() == KEY
    assert KEY not in everything_recorded() + said + models("list")
    assert "deepseek-ai/DeepSeek-R1" in models("list")
    assert "nothing to verify here" in models("verify")
    actions = list(AuditEvent.objects.order_by("id").values_list("action", flat=True))
    assert actions == ["model.upstream.added", "model.version.chosen", "model.state.changed"]


def test_a_key_from_standard_input(models: Models, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{KEY}\n"))
    models(*ADD, "--key-stdin")
    assert key_of() == KEY


def test_a_key_is_no_argument(models: Models) -> None:
    with pytest.raises(CommandError, match="ambiguous option: --key"):
        models(*ADD, "--key", KEY)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (("--url", "gpu.example.org/v1"), "must begin with https"),
        (("--url", "https://key@gpu.example.org/v1"), "the key has a field of its own"),
        (("--context", "0"), "from 1 to 100,000,000"),
        (("--model", ""), "Give the name that the server has"),
        (("--first-token", "0"), "from 1 to 3,600 seconds"),
        (("--key-env", "NO_SUCH_VARIABLE"), "NO_SUCH_VARIABLE is not set"),
        (("--key-env", "BAD_KEY"), "A key is plain ASCII without spaces"),
    ],
)
def test_a_wrong_word_is_one_sentence(models: Models, more: tuple[str, ...], sentence: str, monkeypatch: Any) -> None:
    monkeypatch.setenv("BAD_KEY", "sk with spaces")
    with pytest.raises(CommandError, match=sentence):
        models(*ADD, *more)
    assert not HostedModel.objects.exists()
    assert not AuditEvent.objects.exists()


def test_another_name_there_is_another_version(models: Models, given: str) -> None:
    models(*ADD, "--key-env", "UPSTREAM_KEY")
    models("change-upstream", "deep", "--first-token", "300", "--context", "1000")
    version = ModelVersion.objects.get()
    assert (version.context_length, version.upstream.first_token_seconds) == (1000, 300)
    models("change-upstream", "deep", "--model", "DeepSeek-V3")
    assert ModelVersion.objects.count() == 2
    assert key_of() == KEY
    models("change-upstream", "deep", "--model", "deepseek-ai/DeepSeek-R1")
    assert ModelVersion.objects.count() == 2
    assert HostedModel.objects.get().default_version == version
    changed = AuditEvent.objects.filter(action="model.upstream.changed").order_by("id").first()
    assert changed is not None
    assert changed.details["changed"] == ["first_token_seconds", "context_length"]


def test_what_is_known_of_its_reasoning(models: Models) -> None:
    def known() -> tuple[bool, bool]:
        upstream = Upstream.objects.get()
        return upstream.opens_reasoning, upstream.version.takes_effort

    models(*ADD, "--opens-reasoning", "--takes-effort")
    assert known() == (True, True)
    models("change-upstream", "deep", "--context", "1000")
    assert known() == (True, True)
    models("change-upstream", "deep", "--no-opens-reasoning", "--no-takes-effort")
    assert known() == (False, False)


def test_a_key_goes_to_no_other_server(models: Models, given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    models(*ADD, "--key-env", "UPSTREAM_KEY")
    for url in ("https://evil.example.org/v1", "http://gpu.example.org/v1", "https://gpu.example.org:8000/v1"):
        with pytest.raises(CommandError, match="Give the key again"):
            models("change-upstream", "deep", "--url", url)
    models("change-upstream", "deep", "--url", "https://gpu.example.org/v2")
    monkeypatch.setenv("UPSTREAM_KEY", "sk-new")
    models("change-upstream", "deep", "--url", "https://other.example.org/v1", "--key-env", "UPSTREAM_KEY")
    assert key_of() == "sk-new"
    assert "is removed" in models("forget-upstream-key", "deep")
    assert "There is no key" in models("forget-upstream-key", "deep")
    assert not Upstream.objects.exclude(sealed_key="").exists()
    assert AuditEvent.objects.filter(action__startswith="model.upstream.key").count() == 2


def test_keys_outlive_a_change_of_secret_key(models: Models, given: str, settings: Any) -> None:
    models(*ADD, "--key-env", "UPSTREAM_KEY")
    old, settings.SECRET_KEY = settings.SECRET_KEY, "another"
    assert "SECRET_KEY has changed" in str(_refused(models, "test-upstream", "deep"))
    assert "can't be read" in str(_refused(models, "reseal-keys"))
    settings.SECRET_KEY_FALLBACKS = [old]
    assert key_of() == KEY
    assert "1 key is encrypted" in models("reseal-keys")
    settings.SECRET_KEY_FALLBACKS = []
    assert key_of() == KEY
    with pytest.raises(Unreadable):
        unseal(Upstream.objects.get().sealed_key, "another purpose")


def test_trying_it_out(models: Models, given: str, settings: Any) -> None:
    good = says(chunk("Hello."), chunk("", "stop"), chunk(usage={"prompt_tokens": 3, "completion_tokens": 1}), DONE)
    with faulty(good, answers("401 No")) as server:
        models(*ADD, "--url", server.url, "--key-env", "UPSTREAM_KEY")
        assert "private" in str(_refused(models, "test-upstream", "deep"))
        assert not server.connections
        settings.UPSTREAM_ADDRESSES = type(settings.UPSTREAM_ADDRESSES).parse(["127.0.0.1"])
        assert "“Hello.”; it counts tokens." in models("test-upstream", "deep")
        assert f"authorization: bearer {KEY}".encode() in server.connections[0].request.lower()
        assert "does not accept our key (401)" in str(_refused(models, "test-upstream", "deep"))
    tested = AuditEvent.objects.filter(action="model.upstream.tested").order_by("id").values_list("outcome", flat=True)
    assert list(tested) == ["failed", "allowed", "failed"]
    assert KEY not in everything_recorded()


def test_here_and_elsewhere_are_not_mixed(models: Models, tiny: Any) -> None:
    models(*ADD)
    with pytest.raises(CommandError, match="another server runs; choose another id"):
        models("install", f"path:{tiny}", "--id", "deep")
    models("install", f"path:{tiny}", "--id", "near")
    with pytest.raises(CommandError, match="There is a model near already"):
        models(*ADD[:1], "near", *ADD[2:])
    with pytest.raises(CommandError, match="runs on this site"):
        models("change-upstream", "near", "--context", "5")


def test_removing_it_removes_its_key(models: Models, given: str) -> None:
    models(*ADD, "--key-env", "UPSTREAM_KEY")
    assert "Removed deep" in models("remove", "deep")
    assert not Upstream.objects.exists()


def _refused(models: Models, *arguments: str) -> CommandError:
    with pytest.raises(CommandError) as refused:
        models(*arguments)
    return refused.value
