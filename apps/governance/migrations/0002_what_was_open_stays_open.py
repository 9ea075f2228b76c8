"""Until now every enabled model was for everyone. Each that is there gets that as a grant, which can be revoked."""

from django.db import migrations


def grant_to_everyone(apps, schema_editor):
    """One that has such a grant, revoked or not, gets no other: this may run again after it was taken back."""
    HostedModel = apps.get_model("catalog", "HostedModel")
    Grant = apps.get_model("governance", "Grant")
    note = "From before there were grants"
    known = Grant.objects.filter(subject_type="everyone").values("hosted_model")
    approved = HostedModel.objects.filter(state="approved").exclude(pk__in=known)
    Grant.objects.bulk_create(Grant(subject_type="everyone", hosted_model=model, note=note) for model in approved)


class Migration(migrations.Migration):

    dependencies = [
        ('governance', '0001_grants'),
    ]

    operations = [
        migrations.RunPython(grant_to_everyone, migrations.RunPython.noop),
    ]
