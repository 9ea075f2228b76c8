from django.urls import URLPattern, URLResolver, path

from apps.moderation.views import notices, queue, reports

urlpatterns: list[URLPattern | URLResolver] = [
    path("report/<str:kind>/<str:thing_id>/", reports.report, name="report"),
    path("me/notices/", notices.notices, name="notices"),
    path("me/notices/dismiss/", notices.notices_dismiss_all, name="notices_dismiss_all"),
    path("me/notices/<str:notice_id>/dismiss/", notices.notice_dismiss, name="notice_dismiss"),
    path("me/decisions/<str:decision_id>/appeal/", notices.appeal, name="appeal"),
    path("console/reports/", queue.console_reports, name="console_reports"),
    path("console/reports/<str:case_id>/", queue.console_report, name="console_report"),
    path("console/reports/<str:case_id>/decide/", queue.console_decide, name="console_decide"),
    path("console/reports/<str:case_id>/answer/", queue.console_answer, name="console_answer"),
]
