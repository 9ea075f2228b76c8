from django.apps import AppConfig


class ModerationConfig(AppConfig):
    name = "apps.moderation"
    label = "moderation"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.audit.registry import register
        from apps.moderation import own_rows
        from apps.moderation.audit_actions import ACTIONS

        register(ACTIONS)
        own_rows.register()
