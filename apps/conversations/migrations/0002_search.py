"""Indexes for search by word and by substring, over prompts (ours) and completions (the output of jobs)."""

import django.contrib.postgres.indexes
import django.contrib.postgres.search
import django.db.models.functions.text
from django.contrib.postgres.operations import TrigramExtension
from django.db import migrations

COMPLETION_WORDS = """
CREATE INDEX job_output_words ON generations_generationjob
USING gin (to_tsvector('english'::regconfig, COALESCE(LEFT(output, 100000), '')))
"""
COMPLETION_TRIGRAMS = "CREATE INDEX job_output_trigrams ON generations_generationjob USING gin (UPPER(output) gin_trgm_ops)"


class Migration(migrations.Migration):
    dependencies = [("conversations", "0001_initial"), ("generations", "0001_initial")]

    operations = [
        TrigramExtension(),
        migrations.AddIndex(
            model_name="message",
            index=django.contrib.postgres.indexes.GinIndex(
                django.contrib.postgres.search.SearchVector(
                    django.db.models.functions.text.Left("text", 100000), config="english"
                ),
                name="message_words",
            ),
        ),
        migrations.AddIndex(
            model_name="message",
            index=django.contrib.postgres.indexes.GinIndex(
                django.contrib.postgres.indexes.OpClass(
                    django.db.models.functions.text.Upper("text"), name="gin_trgm_ops"
                ),
                name="message_trigrams",
            ),
        ),
        migrations.RunSQL(COMPLETION_WORDS, "DROP INDEX job_output_words"),
        migrations.RunSQL(COMPLETION_TRIGRAMS, "DROP INDEX job_output_trigrams"),
    ]
