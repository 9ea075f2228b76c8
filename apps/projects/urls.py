from django.urls import URLPattern, URLResolver, path, re_path

from apps.projects.views import invitations, members, projects

LIFE = "|".join(projects.LIFE)

urlpatterns: list[URLPattern | URLResolver] = [
    path("", projects.home, name="home"),
    path("projects/", projects.project_list, name="project_list"),
    path("projects/new/", projects.project_new, name="project_new"),
    path("p/<str:pid>/settings/", projects.project_settings, name="project_settings"),
    re_path(rf"^p/(?P<pid>[^/]+)/(?P<change>{LIFE})/$", projects.project_life, name="project_life"),
    path("p/<str:pid>/delete/", projects.project_delete, name="project_delete"),
    path("p/<str:pid>/leave/", members.project_leave, name="project_leave"),
    path("p/<str:pid>/members/", members.project_members, name="project_members"),
    path("p/<str:pid>/members/<str:uid>/role/", members.member_role, name="member_role"),
    path("p/<str:pid>/members/<str:uid>/remove/", members.member_remove, name="member_remove"),
    path("p/<str:pid>/members/<str:uid>/transfer/", members.member_transfer, name="member_transfer"),
    path("p/<str:pid>/invitations/", invitations.project_invite, name="project_invite"),
    path("p/<str:pid>/invitations/<str:invitation_id>/revoke/", invitations.project_uninvite, name="project_uninvite"),
    path("invitations/<str:token>/", invitations.invitation, name="invitation"),
]
