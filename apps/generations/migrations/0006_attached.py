from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('generations', '0005_pictures'),
    ]

    operations = [
        migrations.AlterField(
            model_name='artifact',
            name='origin',
            field=models.CharField(choices=[('generated', 'Made here'), ('uploaded', 'Uploaded'), ('attached', 'Attached to a conversation')], default='generated', max_length=10),
        ),
        migrations.AlterField(
            model_name='generationjob',
            name='messages',
            field=models.JSONField(default=list, help_text='what the model reads: [{"role": …, "content": …}], some with "pictures": ids'),
        ),
    ]
