"""What a photo is told to look like, in the words of its sender and, shorter, of the clerk who judges it (UX-R9)."""

from django.utils.functional import Promise
from django.utils.translation import gettext as now
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from enrollment.models import MaterialPicture
from portal.documents import legibility
from portal.documents.models import Upload

TO_SENDERS: dict[str, str | Promise] = {
    legibility.DARK: _("This photo looks dark. Take it again by a window or a lamp, or send it as it is."),
    legibility.BLURRED: _(
        "This photo looks blurred. Hold the phone still, touch the text on the screen and take it again,"
        " or send it as it is."
    ),
    legibility.SMALL: _(
        "This photo has few pixels, the letters may be too small. Take it again from nearer, or send it as it is."
    ),
    legibility.PLAIN: _("Nothing can be made out in this photo. Take it again, or send it as it is."),
}
TO_CLERKS: dict[str, str | Promise] = {
    legibility.DARK: pgettext_lazy("photo", "dark"),
    legibility.BLURRED: pgettext_lazy("photo", "blurred"),
    legibility.SMALL: pgettext_lazy("photo", "few pixels"),
    legibility.PLAIN: pgettext_lazy("photo", "nothing to be made out"),
}


def remarks(upload: Upload, photo: MaterialPicture, pages: int) -> list[str]:
    """What a clerk is told about a picture: which page of a file of several, and what was measured."""
    found = [now("page %(page)d of %(pages)d") % {"page": photo.page, "pages": pages}] if pages > 1 else []
    return found + [str(TO_CLERKS[code]) for code in upload.warnings if code in TO_CLERKS]
