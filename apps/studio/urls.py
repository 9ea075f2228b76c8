from django.urls import URLPattern, URLResolver, path

from apps.studio.views import asking, boards, files, making, marks, pages

urlpatterns: list[URLPattern | URLResolver] = [
    path("p/<str:pid>/studio/", pages.studio, name="studio"),
    path("p/<str:pid>/studio/tiles/", pages.tiles, name="studio_tiles"),
    path("p/<str:pid>/studio/deleted/", pages.deleted, name="studio_deleted"),
    path("p/<str:pid>/studio/choices/", asking.choices, name="studio_choices"),
    path("p/<str:pid>/studio/jobs/", making.submit, name="studio_submit"),
    path("p/<str:pid>/studio/quote/", making.quote, name="studio_quote"),
    path("p/<str:pid>/studio/models/", making.models, name="studio_models"),
    path("p/<str:pid>/studio/read/", files.read, name="studio_read"),
    path("p/<str:pid>/studio/mask/", files.mask, name="studio_mask"),
    path("p/<str:pid>/studio/download/", files.download, name="studio_download"),
    path("p/<str:pid>/studio/delete/", marks.delete, name="studio_delete"),
    path("p/<str:pid>/studio/restore/", marks.restore, name="studio_restore"),
    path("p/<str:pid>/studio/favourite/", marks.favourite, name="studio_favourite"),
    path("p/<str:pid>/boards/", boards.boards, name="studio_boards"),
    path("p/<str:pid>/boards/new/", boards.new, name="studio_board_new"),
    path("p/<str:pid>/boards/put/", boards.put, name="studio_board_put"),
    path("boards/<str:bid>/rename/", boards.rename, name="board_rename"),
    path("boards/<str:bid>/cover/", boards.cover, name="board_cover"),
    path("boards/<str:bid>/delete/", boards.delete, name="board_delete"),
    path("pictures/<str:aid>/", pages.picture, name="picture"),
    path("pictures/<str:aid>/attach/", asking.attach, name="picture_attach"),
    path("pictures/<str:aid>/ask/", asking.ask, name="picture_ask"),
    path("pictures/<str:aid>/vary/", making.vary, name="picture_vary"),
]
