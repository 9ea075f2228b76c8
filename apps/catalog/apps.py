from django.apps import AppConfig


class CatalogConfig(AppConfig):
    name = "apps.catalog"
    label = "catalog"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.audit.registry import register
        from apps.catalog.audit_actions import ACTIONS
        from apps.catalog.install_keeper import keep_installs
        from apps.lib.chores import chore

        register(ACTIONS)
        chore("catalog.installs", every=1.0)(keep_installs)
