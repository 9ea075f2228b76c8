import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('generations', '0006_attached'),
    ]

    operations = [
        migrations.CreateModel(
            name='Certainty',
            fields=[
                ('job', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='certainty', serialize=False, to='generations.generationjob')),
                ('tokens', models.JSONField(help_text='[[text, probability, [[text, probability] of the most probable ones]]]')),
                ('is_cut', models.BooleanField(default=False, help_text='the answer went on, and of the rest none are kept')),
            ],
        ),
    ]
