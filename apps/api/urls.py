from django.urls import URLPattern, URLResolver, path, re_path

from apps.api.views import chat, images, models, nowhere, responses, tokens

urlpatterns: list[URLPattern | URLResolver] = [
    path("me/tokens/", tokens.api_tokens, name="api_tokens"),
    path("me/tokens/<str:token_id>/revoke/", tokens.api_token_revoke, name="api_token_revoke"),
    path("p/<str:pid>/tokens/<str:token_id>/revoke/", tokens.project_token_revoke, name="project_token_revoke"),
    path("v1/models", models.models, name="api_models"),
    path("v1/models/<path:name>", models.model, name="api_model"),
    path("v1/chat/completions", chat.completions, name="api_chat_completions"),
    path("v1/responses", responses.responses, name="api_responses"),
    path("v1/images/generations", images.generations, name="api_images_generations"),
    path("v1/images/edits", images.edits, name="api_images_edits"),
    re_path(r"^v1(?P<rest>(?:/(?s:.*))?)\Z", nowhere.nowhere, name="api_nowhere"),
]
