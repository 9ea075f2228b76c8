from django.urls import URLPattern, URLResolver, path

from apps.catalog import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("models/", views.model_list, name="model_list"),
    path("models/<slug:model_id>/", views.model, name="model"),
]
