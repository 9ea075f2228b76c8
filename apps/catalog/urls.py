from django.urls import URLPattern, URLResolver, path, re_path

from apps.catalog import views

CHANGE = "|".join(views.CHANGES)

urlpatterns: list[URLPattern | URLResolver] = [
    path("models/", views.model_list, name="model_list"),
    path("models/<slug:model_id>/", views.model, name="model"),
    re_path(rf"^models/(?P<model_id>[-\w]+)/(?P<change>{CHANGE})/$", views.model_change, name="model_change"),
]
