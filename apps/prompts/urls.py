from django.urls import URLPattern, URLResolver, path

from apps.prompts.views import changes, editor, history, library, page, picker, running, sharing, transfer

urlpatterns: list[URLPattern | URLResolver] = [
    path("prompts/", library.library, name="prompt_library"),
    path("prompts/search.json", picker.search, name="prompts_search"),
    path("prompts/models.json", running.models, name="prompt_models"),
    path("prompts/new/", editor.new, name="prompt_new"),
    path("prompts/import/", transfer.import_prompt, name="prompt_import"),
    path("prompts/shared/<str:token>/", sharing.shared, name="shared_prompt"),
    path("prompts/runs/<str:run_id>/events/", running.events, name="prompt_run_events"),
    path("prompts/runs/<str:run_id>/rating/", running.rate, name="prompt_run_rate"),
    path("prompts/<str:prompt_id>/", page.prompt, name="prompt"),
    path("prompts/<str:prompt_id>/edit/", editor.edit, name="prompt_edit"),
    path("prompts/<str:prompt_id>/revision.json", picker.revision, name="prompt_json"),
    path("prompts/<str:prompt_id>/export.md", transfer.export, name="prompt_export"),
    path("prompts/<str:prompt_id>/revisions/", history.revisions, name="prompt_revisions"),
    path("prompts/<str:prompt_id>/diff/", history.diff, name="prompt_diff"),
    path("prompts/<str:prompt_id>/lineage/", history.lineage, name="prompt_lineage"),
    path("prompts/<str:prompt_id>/sharing/", sharing.sharing, name="prompt_sharing"),
    path("prompts/<str:prompt_id>/links/", sharing.new_link, name="prompt_link_new"),
    path("prompts/<str:prompt_id>/links/<str:link_id>/revoke/", sharing.drop_link, name="prompt_link_revoke"),
    path("prompts/<str:prompt_id>/use/", picker.use, name="prompt_use"),
    path("prompts/<str:prompt_id>/run/", running.run, name="prompt_run"),
    path("prompts/<str:prompt_id>/star/", changes.star, name="prompt_star"),
    path("prompts/<str:prompt_id>/fork/", changes.fork, name="prompt_fork"),
    path("prompts/<str:prompt_id>/restore/", changes.restore, name="prompt_restore"),
    path("prompts/<str:prompt_id>/production/", changes.production, name="prompt_production"),
    path("prompts/<str:prompt_id>/delete/", changes.delete, name="prompt_delete"),
    path("prompts/<str:prompt_id>/comments/", changes.comment, name="prompt_comment"),
    path("prompts/<str:prompt_id>/comments/<str:comment_id>/delete/", changes.delete_comment,
         name="prompt_comment_delete"),
]  # fmt: skip
