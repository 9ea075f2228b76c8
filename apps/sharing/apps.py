from django.apps import AppConfig


class SharingConfig(AppConfig):
    name = "apps.sharing"
    label = "sharing"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.audit.registry import register
        from apps.sharing import own_rows
        from apps.sharing.audit_actions import ACTIONS

        register(ACTIONS)
        own_rows.register()
