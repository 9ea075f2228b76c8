"""Forms of installs: what to look at, and how to install what was found."""

from __future__ import annotations

from typing import Any

from django import forms

from apps.catalog.actions import Wishes
from apps.catalog.errors import CatalogError
from apps.catalog.licences import spdx_id
from apps.catalog.looking import Found
from apps.catalog.models import HostedModel, ModelVersion, WeightsKind
from apps.catalog.sources.hub import HubSource

PREFIX = "hf:"
HERE_ONLY = (
    "Here models come from the hub only: hf:organisation/name. A folder or a file of the server, and the demos, are "
    "installed on its command line: manage.py models install …"
)


class LookForm(forms.Form):
    """After `is_valid`, `hub_source` is what to look at, and nothing but the hub is asked about it."""

    source = forms.CharField(
        max_length=300,
        label="Model",
        help_text="As its page on the hub calls it: organisation/name; behind an @ a branch, tag or commit.",
        widget=forms.TextInput(
            attrs={
                "placeholder": "hf:Qwen/Qwen3-0.6B",
                "autocomplete": "off",
                "spellcheck": "false",
            }
        ),
    )
    base = forms.SlugField(max_length=80, required=False, widget=forms.HiddenInput)
    hub_source: HubSource

    def clean_source(self) -> str:
        text: str = self.cleaned_data["source"].strip().removeprefix("https://huggingface.co/")
        kind, colon, _ = text.partition(":")
        if colon and kind != "hf":
            raise forms.ValidationError(HERE_ONLY)
        try:
            self.hub_source = HubSource.parse(text.removeprefix(PREFIX).rstrip("/"))
        except CatalogError as error:
            raise forms.ValidationError(str(error)) from error
        return text


class InstallForm(LookForm):
    """How it is to be called and kept here. `found` says which of it can be asked for."""

    source = forms.CharField(max_length=300, widget=forms.HiddenInput)
    name = forms.CharField(max_length=120, required=False, label="Name", help_text="What people see.")
    model_id = forms.SlugField(
        max_length=80, required=False, label="Id here", help_text="Small letters, digits and hyphens; it stays."
    )
    license_id = forms.CharField(
        max_length=60, required=False, label="Licence", help_text="Where its card is wrong or silent, as an SPDX id."
    )
    weights = forms.ChoiceField(
        choices=WeightsKind.choices, required=False, label="Weights in memory",
        help_text="Fewer bits take less memory and answer faster, and are a little less exact.",
    )  # fmt: skip

    def shaped_for(self, found: Found) -> InstallForm:
        """Without what doesn't go with it, and with what is taken where a field stays empty. What was sent is then
        checked against it."""
        self.initial = {"source": found.pinned, "base": found.base.hosted_model_id if found.base else ""}
        for name, said in (("name", found.description.name), ("model_id", found.description.slug)):
            self.fields[name].widget.attrs["placeholder"] = said
        self.fields["license_id"].widget.attrs["placeholder"] = found.description.license_id
        if not found.takes_weights:
            del self.fields["weights"]
        if self.is_bound and (taken := self._taken_by_another(found)):
            self.add_error("model_id", f"{taken} is the id of another model. Give this one an id of its own.")
        return self

    def _taken_by_another(self, found: Found) -> str:
        """An id that is; those of the same source are versions of one model."""
        model_id: str = self.cleaned_data.get("model_id") or found.description.slug
        others = ModelVersion.objects.filter(hosted_model=model_id).exclude(source=found.source.address)
        return model_id if others.exists() else ""

    def wishes(self) -> Wishes:
        given = self.cleaned_data
        licence = given["license_id"]
        return Wishes(
            model_id=given["model_id"],
            name=given["name"],
            license_id=spdx_id(licence) if licence else "",
            base=given["base"],
        )

    @property
    def weights_kind(self) -> WeightsKind:
        return WeightsKind(self.cleaned_data.get("weights") or WeightsKind.FULL)


class BaseForm(forms.Form):
    """Of an adapter: what it goes on."""

    base = forms.ModelChoiceField(HostedModel.objects.none(), label="Goes on", empty_label="Choose a model")

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        whole = HostedModel.objects.filter(default_version__isnull=False, default_version__base=None)
        self.fields["base"].queryset = whole.filter(default_version__upstream=None)  # type: ignore[attr-defined]
