from django.apps import AppConfig


class StudioConfig(AppConfig):
    name = "apps.studio"
    label = "studio"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.audit.registry import register
        from apps.studio import own_rows
        from apps.studio.audit_actions import ACTIONS

        register(ACTIONS)
        own_rows.register()
