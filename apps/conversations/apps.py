from django.apps import AppConfig
from django.urls import reverse


class ConversationsConfig(AppConfig):
    name = "apps.conversations"
    label = "conversations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from apps.accounts.deletion import register_deletion_hook
        from apps.accounts.export import register_exporter
        from apps.audit.registry import register
        from apps.conversations import moderated
        from apps.conversations.actions.attaching import erase_unsent_of, forget_unsent
        from apps.conversations.actions.lifecycle import purge_overdue
        from apps.conversations.audit_actions import ACTIONS
        from apps.conversations.export import own_messages
        from apps.lib.chores import chore
        from apps.sharing import kinds

        register(ACTIONS)
        moderated.register_kinds()
        chore("conversations.purge", every=600.0)(purge_overdue)
        chore("conversations.forget_unsent_pictures", every=600.0)(forget_unsent)
        register_exporter("messages", own_messages)
        register_deletion_hook(erase_unsent_of)
        kinds.register("shared_conversation", kinds.Kind("conversation", _home_of_shared))


def _home_of_shared(shared_id: str) -> str:
    return reverse("shared_copy", args=[shared_id])
