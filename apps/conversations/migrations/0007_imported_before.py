from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0009_longest_time'),
        ('conversations', '0006_imported'),
        ('projects', '0001_initial'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name='conversation',
            name='imported_content',
            field=models.CharField(blank=True, help_text='digest of what was said in it then', max_length=64),
        ),
        migrations.AddField(
            model_name='conversation',
            name='imported_source',
            field=models.CharField(blank=True, help_text='digest of where an imported one came from', max_length=64),
        ),
        migrations.AddIndex(
            model_name='conversation',
            index=models.Index(condition=models.Q(('imported_source', ''), _negated=True), fields=['project', 'imported_source'], name='conversation_imported'),
        ),
    ]
