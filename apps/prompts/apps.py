from django.apps import AppConfig


class PromptsConfig(AppConfig):
    name = "apps.prompts"
    label = "prompts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.audit.registry import register
        from apps.lib.chores import chore
        from apps.prompts import moderated, own_rows, shared
        from apps.prompts.actions import purge_overdue
        from apps.prompts.audit_actions import ACTIONS

        register(ACTIONS)
        own_rows.register()
        moderated.register_kinds()
        shared.register()
        chore("prompts.purge", every=3600.0)(purge_overdue)
