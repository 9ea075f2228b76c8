from django.apps import AppConfig


class ConsoleConfig(AppConfig):
    name = "apps.console"
    label = "console"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.audit.registry import register
        from apps.catalog.install_claims import when_an_install_ends
        from apps.console.audit_actions import ACTIONS
        from apps.console.install_notices import tell_asker

        register(ACTIONS)
        when_an_install_ends(tell_asker)
