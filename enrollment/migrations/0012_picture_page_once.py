from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("enrollment", "0011_files_of_pictures")]

    operations = [
        migrations.AddConstraint(
            model_name='materialpicture',
            constraint=models.UniqueConstraint(fields=('application', 'file', 'page'), name='enrollment_picture_page_once'),
        ),
        migrations.AddConstraint(
            model_name='materialpicture',
            constraint=models.UniqueConstraint(fields=('walk_in', 'file', 'page'), name='enrollment_picture_page_once_there'),
        ),
    ]
