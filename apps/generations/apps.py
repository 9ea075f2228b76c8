from django.apps import AppConfig


class GenerationsConfig(AppConfig):
    name = "apps.generations"
    label = "generations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.audit import registry
        from apps.generations import audit_actions, own_rows

        registry.register(audit_actions.ACTIONS)
        own_rows.register()
