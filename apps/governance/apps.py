from django.apps import AppConfig


class GovernanceConfig(AppConfig):
    name = "apps.governance"
    label = "governance"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.audit.registry import register
        from apps.governance import own_rows
        from apps.governance.audit_actions import ACTIONS

        register(ACTIONS)
        own_rows.register()
