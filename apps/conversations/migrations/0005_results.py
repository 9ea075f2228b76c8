from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('conversations', '0004_pictures'),
    ]

    operations = [
        migrations.AddField(
            model_name='message',
            name='tool_calls',
            field=models.JSONField(default=list, help_text="of an answer that was copied here, as GenerationJob has them; others' are their job's"),
        ),
        migrations.AddField(
            model_name='message',
            name='tool_name',
            field=models.CharField(blank=True, help_text='of a result: the tool that was called', max_length=128),
        ),
        migrations.AlterField(
            model_name='message',
            name='role',
            field=models.CharField(choices=[('user', 'User'), ('assistant', 'Assistant'), ('tool', 'Tool')], max_length=10),
        ),
    ]
