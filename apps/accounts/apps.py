from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "apps.accounts"
    label = "accounts"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.accounts import admins, audit_actions, deletion, library_events, own_rows
        from apps.audit import registry

        registry.register(audit_actions.ACTIONS)
        library_events.connect()
        own_rows.register()
        deletion.register_deletion_guard(admins.last_admin_guard)
        deletion.register_deletion_hook(own_rows.forget)
