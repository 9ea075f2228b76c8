from django.urls import URLPattern, URLResolver, path, re_path

from apps.console.views import groups, invitations, overview, people, site_settings

CHANGE = "|".join(people.CHANGES)

urlpatterns: list[URLPattern | URLResolver] = [
    path("console/", overview.console_overview, name="console_overview"),
    path("console/settings/", site_settings.console_settings, name="console_settings"),
    path("console/invitations/", invitations.console_invitations, name="console_invitations"),
    path("console/people/invite/", invitations.invite, name="console_invite"),
    path("console/invitations/<str:invitation_id>/revoke/", invitations.uninvite, name="console_uninvite"),
    path("console/people/", people.console_people, name="console_people"),
    path("console/people/<str:person_id>/", people.console_person, name="console_person"),
    path("console/people/<str:person_id>/role/", people.console_role, name="console_role"),
    re_path(
        rf"^console/people/(?P<person_id>\w+)/(?P<change>{CHANGE})/$",
        people.change_person,
        name="console_change_person",
    ),
    path("console/groups/", groups.console_groups, name="console_groups"),
    path("console/groups/new/", groups.group_new, name="console_group_new"),
    path("console/groups/<int:group_id>/", groups.console_group, name="console_group"),
    path("console/groups/<int:group_id>/rename/", groups.group_rename, name="console_group_rename"),
    path("console/groups/<int:group_id>/delete/", groups.group_delete, name="console_group_delete"),
    path("console/groups/<int:group_id>/add/", groups.group_add, name="console_group_add"),
    path("console/groups/<int:group_id>/remove/<str:person_id>/", groups.group_remove, name="console_group_remove"),
]
