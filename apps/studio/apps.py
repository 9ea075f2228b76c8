from django.apps import AppConfig


class StudioConfig(AppConfig):
    name = "apps.studio"
    label = "studio"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.audit.registry import register
        from apps.lib.chores import chore
        from apps.studio import own_rows
        from apps.studio.actions.masks import forget_unused_masks
        from apps.studio.audit_actions import ACTIONS

        register(ACTIONS)
        chore("studio.forget_unused_masks", every=3600.0)(forget_unused_masks)
        own_rows.register()
