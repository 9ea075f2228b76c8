from django.apps import AppConfig


class GenerationsConfig(AppConfig):
    name = "apps.generations"
    label = "generations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.audit import registry
        from apps.generations import artifact_actions, audit_actions, doorbell, erasing, orphans, own_rows
        from apps.governance import notices
        from apps.lib.chores import chore

        registry.register(audit_actions.ACTIONS)
        chore("generations.settle_orphans", every=60.0)(orphans.settle_orphans)
        chore("generations.purge_artifacts", every=600.0)(artifact_actions.purge_artifacts)
        chore("generations.sweep_files", every=900.0)(erasing.sweep_files)
        own_rows.register()
        notices.when_permissions_change(doorbell.announce_recheck)
