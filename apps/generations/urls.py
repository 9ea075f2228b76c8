from django.urls import URLPattern, URLResolver, path

from apps.generations.views import artifacts, catalogue, jobs, receipt

urlpatterns: list[URLPattern | URLResolver] = [
    path("models/", catalogue.model_list, name="model_list"),
    path("jobs/<str:jid>/cancel/", jobs.cancel, name="job_cancel"),
    path("jobs/<str:jid>/events/", jobs.events, name="job_events"),
    path("jobs/<str:jid>/preview/", jobs.preview, name="job_preview"),
    path("jobs/<str:jid>/reproduce/", jobs.reproduce, name="job_reproduce"),
    path("jobs/<str:jid>/receipt/", receipt.page, name="job_receipt"),
    path("jobs/<str:jid>/receipt.json", receipt.as_json, name="job_receipt_json"),
    path("p/<str:pid>/artifacts/", artifacts.upload, name="artifact_upload"),
    path("artifacts/<str:aid>.png", artifacts.picture, name="artifact"),
    path("artifacts/<str:aid>/thumbnail/<int:size>.webp", artifacts.thumbnail, name="artifact_thumbnail"),
    path("artifacts/<str:aid>/download/", artifacts.download, name="artifact_download"),
    path("artifacts/<str:aid>/delete/", artifacts.delete, name="artifact_delete"),
    path("artifacts/<str:aid>/restore/", artifacts.restore, name="artifact_restore"),
]
