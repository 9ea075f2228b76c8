from django.db import migrations, models


def detect(apps, schema_editor):
    """What is installed already: its format from its chat template, as an install finds it out."""
    version_model = apps.get_model("catalog", "ModelVersion")
    for version in version_model.objects.exclude(chat_template="").defer("files", "model_card"):
        template = version.chat_template
        thinks = "</think>" in template
        if "<|channel|>" in template and "<|message|>" in template:
            version.answer_format = "harmony"
        elif "<｜tool▁calls▁begin｜>" in template:
            version.answer_format = "deepseek-r1" if thinks else "deepseek-v3"
        elif "<tool_call>" in template:
            version.answer_format = "qwen3" if thinks else "qwen2"
        elif thinks:
            version.answer_format = "think"
        version.takes_effort = "reasoning_effort" in template
        version.save(update_fields=["answer_format", "takes_effort"])
    harmony = version_model.objects.filter(answer_format="harmony")
    apps.get_model("catalog", "HostedModel").objects.filter(default_version__in=harmony).update(reasoning="hidden")


class Migration(migrations.Migration):

    dependencies = [
        ('catalog', '0003_upstreams'),
    ]

    operations = [
        migrations.AddField(
            model_name='hostedmodel',
            name='reasoning',
            field=models.CharField(
                choices=[('shown', 'Shown, folded'), ('hidden', 'Hidden: only its time')],
                default='shown',
                help_text='who may read it',
                max_length=8,
            ),
        ),
        migrations.AddField(
            model_name='modelversion',
            name='answer_format',
            field=models.CharField(
                default='plain', help_text='how it marks reasoning and tool calls: see engine/answers', max_length=16
            ),
        ),
        migrations.AddField(
            model_name='modelversion',
            name='takes_effort',
            field=models.BooleanField(default=False, help_text='its chat template asks how long to think'),
        ),
        migrations.RunPython(detect, migrations.RunPython.noop, elidable=True),
    ]
