"""What reporters, moderators and authors fill in."""

from __future__ import annotations

from typing import Any

from django import forms

from apps.moderation.models import MAX_WORDS, Decision, Report
from apps.moderation.outcomes import VERBS


def words(label: str, help_text: str = "", *, required: bool = True) -> forms.CharField:
    area = forms.Textarea(attrs={"rows": 3})
    return forms.CharField(label=label, help_text=help_text, required=required, max_length=MAX_WORDS, widget=area)


class ReportForm(forms.Form):
    reason = forms.ChoiceField(label="What is wrong with it?", choices=Report.Reason.choices, widget=forms.RadioSelect)
    text = words("What should a moderator know?", "They see what you see now, and who you are.", required=False)

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        if given.get("reason") == Report.Reason.OTHER and not given.get("text"):
            self.add_error("text", "Say in a few words what is wrong.")
        return given


class DecisionForm(forms.Form):
    reason = words("Reason", "The author reads it. Where you leave the thing as it is, those who reported it do.")
    outcome = forms.ChoiceField(choices=Decision.Outcome.choices)
    seen = forms.CharField(required=False, max_length=16, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].required = False  # whether it is needed depends on the outcome: the action says so

    @staticmethod
    def verbs(outcomes: list[Decision.Outcome]) -> list[tuple[str, str]]:
        """The buttons: each is one outcome."""
        return [(outcome.value, VERBS[outcome]) for outcome in outcomes]


class AnswerForm(forms.Form):
    answer = words("Answer", "The author reads it.")
    granted = forms.TypedChoiceField(choices=[("yes", "Grant"), ("no", "Reject")], coerce=lambda text: text == "yes")


class AppealForm(forms.Form):
    text = words("Why should this be decided otherwise?", "A moderator reads it. You can appeal once.")
