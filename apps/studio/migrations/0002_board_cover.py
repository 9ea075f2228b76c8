import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('studio', '0001_boards'),
    ]

    operations = [
        migrations.AddField(
            model_name='board',
            name='cover',
            field=models.ForeignKey(help_text='None: its newest pictures', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to='studio.boarditem'),
        ),
    ]
