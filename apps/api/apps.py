from django.apps import AppConfig


class ApiConfig(AppConfig):
    name = "apps.api"
    label = "api"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.api import own_rows
        from apps.api.audit_actions import ACTIONS
        from apps.audit.registry import register

        register(ACTIONS)
        own_rows.register()
