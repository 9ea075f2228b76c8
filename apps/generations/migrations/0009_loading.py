from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('generations', '0008_from_program'),
    ]

    operations = [
        migrations.AddField(
            model_name='worker',
            name='loading',
            field=models.JSONField(default=list, help_text='engine keys of those that are being loaded'),
        ),
        migrations.AlterField(
            model_name='worker',
            name='loaded',
            field=models.JSONField(default=list, help_text='engine keys of the ModelVersions in memory'),
        ),
    ]
