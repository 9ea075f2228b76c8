import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0004_reasoning'),
    ]

    operations = [
        migrations.AddField(
            model_name='modelversion',
            name='base',
            field=models.ForeignKey(
                blank=True,
                help_text='of an adapter: the weights that it changes',
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name='adapters',
                to='catalog.modelversion',
            ),
        ),
    ]
