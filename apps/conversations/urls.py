from django.urls import URLPattern, URLResolver, path

from apps.conversations.views import export, importing, messages, pages, pictures, prompts, settings, shared, sharing

urlpatterns: list[URLPattern | URLResolver] = [
    path("p/<str:pid>/conversations/", pages.conversation_list, name="project"),
    path("p/<str:pid>/conversations/new/", pages.new, name="conversation_new"),
    path("p/<str:pid>/conversations/import/", importing.page, name="conversation_import"),
    path("p/<str:pid>/conversations/import/preview/", importing.preview, name="conversation_import_preview"),
    path("p/<str:pid>/conversations/import/chosen/", importing.chosen, name="conversation_import_chosen"),
    path("c/<str:cid>/", pages.conversation, name="conversation"),
    path("c/<str:cid>/messages/", messages.messages, name="conversation_messages"),
    path("c/<str:cid>/messages/<str:mid>/regenerate/", messages.regenerate_message, name="conversation_regenerate"),
    path("c/<str:cid>/messages/<str:mid>/alternatives/", messages.alternatives, name="conversation_alternatives"),
    path("c/<str:cid>/messages/<str:mid>/results/", messages.results, name="conversation_results"),
    path("c/<str:cid>/messages/<str:mid>/certainty/", messages.certainty, name="conversation_certainty"),
    path("c/<str:cid>/pictures/", pictures.attach, name="conversation_attach"),
    path("c/<str:cid>/pictures/<str:aid>.<str:kind>", pictures.picture, name="conversation_picture"),
    path("c/<str:cid>/pictures/<str:aid>/remove/", pictures.remove, name="conversation_picture_remove"),
    path("c/<str:cid>/tokens/", messages.tokens, name="conversation_tokens"),
    path("c/<str:cid>/models/", settings.models, name="conversation_models"),
    path("c/<str:cid>/settings/", settings.settings, name="conversation_settings"),
    path("c/<str:cid>/prompt/", prompts.insert, name="conversation_insert"),
    path("c/<str:cid>/messages/<str:mid>/prompt/", prompts.save, name="conversation_save_prompt"),
    path("prompts/runs/<str:run_id>/continue/", prompts.continue_here, name="prompt_run_continue"),
    path("c/<str:cid>/export/<str:form>/", export.export, name="conversation_export"),
    path("c/<str:cid>/share/", sharing.share, name="conversation_share"),
    path("shared/c/<str:token>/", shared.shared_conversation, name="shared_conversation"),
    path("shared/c/<str:token>/continue/", shared.continue_here, name="shared_continue"),
    path("shared/c/<str:token>/pictures/<str:aid>.<str:kind>", pictures.shared_picture, name="shared_picture"),
    path(
        "shared/copies/<str:shared_id>/pictures/<str:aid>.<str:kind>", pictures.copy_picture, name="shared_copy_picture"
    ),
    path("shared/copies/<str:shared_id>/", shared.shared_copy, name="shared_copy"),
    path("c/<str:cid>/pin/", settings.pin, name="conversation_pin"),
    path("c/<str:cid>/unpin/", settings.unpin, name="conversation_unpin"),
    path("c/<str:cid>/archive/", settings.archive, name="conversation_archive"),
    path("c/<str:cid>/unarchive/", settings.unarchive, name="conversation_unarchive"),
    path("c/<str:cid>/delete/", settings.delete, name="conversation_delete"),
    path("c/<str:cid>/restore/", settings.restore, name="conversation_restore"),
]
