"""Forms of models that other servers run. A key goes in and never comes out again."""

from __future__ import annotations

from typing import Any

from django import forms

from apps.catalog.errors import CatalogError
from apps.catalog.licences import UNKNOWN
from apps.catalog.models import Upstream
from apps.catalog.upstreams import MAX_CONTEXT, MAX_SECONDS, OF_UPSTREAM, OF_VERSION, Served
from engine.remote.upstream import MAX_KEY, MAX_URL


class UpstreamForm(forms.Form):
    """Where a model is served, and how long to wait for it. After `is_valid`, `served` is what the actions take."""

    base_url = forms.CharField(
        max_length=MAX_URL,
        label="Address",
        help_text="Of its OpenAI-compatible API, up to /v1: https://gpu.example.org:8000/v1",
    )
    model_name = forms.CharField(max_length=200, label="Its name there", help_text="What the server calls the model.")
    api_key = forms.CharField(
        max_length=MAX_KEY, required=False, label="API key", help_text="Stored encrypted and never shown again.",
        widget=forms.PasswordInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip
    context_length = forms.IntegerField(
        min_value=1, max_value=MAX_CONTEXT, label="Context length", help_text="Tokens of prompt and answer together."
    )
    license_id = forms.CharField(
        max_length=60, required=False, label="Licence", help_text="Of the weights, as an SPDX id: MIT, Apache-2.0 …"
    )
    first_token_seconds = forms.IntegerField(
        min_value=1,
        max_value=MAX_SECONDS,
        initial=120,
        label="Seconds to the first token",
        help_text="After that, the request has failed.",
    )
    between_tokens_seconds = forms.IntegerField(
        min_value=1,
        max_value=MAX_SECONDS,
        initial=60,
        label="Seconds of silence",
        help_text="In the middle of an answer.",
    )
    opens_reasoning = forms.BooleanField(
        required=False,
        label="An answer begins inside its reasoning",
        help_text="The chat template opens the reasoning, as DeepSeek-R1’s does, and the server leaves it in the text: "
        "not for a server that tells reasoning in a field of its own. "
        "Which mark ends it is said on the model’s page, under Reasoning.",
    )
    takes_effort = forms.BooleanField(
        required=False,
        label="It takes a reasoning effort",
        help_text="Conversations offer how long it thinks, and its server is told: gpt-oss knows low, medium and high.",
    )
    served: Served

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if not self.errors:
            given["license_id"] = given["license_id"] or UNKNOWN
            try:
                self.served = Served(**{name: given[name] for name in (*OF_UPSTREAM, *OF_VERSION)})
            except CatalogError as refusal:
                self.add_error(None, str(refusal))
        return given

    @classmethod
    def of(cls, upstream: Upstream) -> UpstreamForm:
        form = cls(
            initial={name: getattr(upstream, name) for name in OF_UPSTREAM}
            | {name: getattr(upstream.version, name) for name in OF_VERSION}
        )
        return form.keeping(upstream)

    def keeping(self, upstream: Upstream) -> UpstreamForm:
        """The form for one that is there already: an empty key keeps what is kept."""
        kept = "Empty: the one that is kept." if upstream.sealed_key else "Empty: none is sent."
        self.fields["api_key"].help_text = f"{kept} Stored encrypted and never shown again."
        return self


class NewUpstreamForm(UpstreamForm):
    model_id = forms.SlugField(max_length=80, label="Id here", help_text="Small letters, digits and hyphens.")
    name = forms.CharField(max_length=120, label="Name", help_text="What people see.")
    description = forms.CharField(max_length=500, required=False, label="Description")
    field_order = ("name", "model_id", "description")
