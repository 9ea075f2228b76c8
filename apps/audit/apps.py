from django.apps import AppConfig


class AuditConfig(AppConfig):
    name = "apps.audit"
    label = "audit"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.audit.audit_actions import ACTIONS
        from apps.audit.erasure import erase_stragglers
        from apps.audit.registry import register
        from apps.audit.sealing import seal_new_events
        from apps.lib import extensions  # noqa: F401  (its check is registered; the first index of trigrams is here)
        from apps.lib.chores import chore

        register(ACTIONS)
        chore("audit.seal", every=1.0)(seal_new_events)
        chore("audit.erase", every=60.0)(erase_stragglers)
