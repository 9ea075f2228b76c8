from django.apps import AppConfig
from django.conf import settings


class ApiConfig(AppConfig):
    name = "apps.api"
    label = "api"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.api import own_rows
        from apps.api.actions import forget_calls
        from apps.api.audit_actions import ACTIONS
        from apps.api.unread import StopUnread
        from apps.audit.registry import register
        from apps.lib.chores import chore

        register(ACTIONS)
        own_rows.register()
        chore("api.forget", every=600.0)(forget_calls)
        chore("api.stop_unread", every=float(settings.HEARTBEAT_SECONDS))(StopUnread())
