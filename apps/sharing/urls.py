from django.urls import URLPattern, URLResolver, path

from apps.sharing import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("me/links/", views.share_links, name="share_links"),
    path("me/links/<str:link_id>/revoke/", views.share_link_revoke, name="share_link_revoke"),
    path("p/<str:pid>/links/", views.project_links, name="project_links"),
]
