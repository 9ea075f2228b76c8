import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('conversations', '0003_shared'),
        ('generations', '0006_attached'),
    ]

    operations = [
        migrations.AddField(
            model_name='message',
            name='pictures',
            field=models.JSONField(default=list, help_text='what was attached: [{"id": of the Attachment, "name": …, "width": …, "height": …}]'),
        ),
        migrations.CreateModel(
            name='Attachment',
            fields=[
                ('artifact', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='attachment', serialize=False, to='generations.artifact')),
                ('name', models.CharField(help_text='of the file: what stands for the picture in words', max_length=120)),
                ('sent_at', models.DateTimeField(blank=True, help_text='None: with no message yet', null=True)),
                ('conversation', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='attachments', to='conversations.conversation')),
            ],
            options={
                'indexes': [models.Index(condition=models.Q(('sent_at', None)), fields=['conversation'], name='attachment_unsent')],
            },
        ),
    ]
