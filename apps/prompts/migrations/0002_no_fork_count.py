"""Nobody is shown how many forks there are: the number would tell strangers of private ones."""

from django.db import migrations


class Migration(migrations.Migration):

    dependencies = [
        ('prompts', '0001_prompts'),
    ]

    operations = [
        migrations.RemoveField(
            model_name='prompt',
            name='fork_count',
        ),
    ]
