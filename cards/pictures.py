"""The picture of a case, wherever it lies: with the police's data, in the photo library, or among the uploads."""

from django.utils.translation import gettext_lazy as _

from cards.models import CardApplication, PhotoOnFile, PhotoReceipt
from cards.photo import PhotoSource
from portal.crypto import seal_bytes, unseal_bytes
from portal.documents import uploads
from portal.documents.models import Upload, UploadState
from portal.people.models import Resident

MISSING = _("The picture has not arrived yet. Approve when it is here, or ask for another photo.")


def is_missing(application: CardApplication) -> bool:
    """Whether a picture is still on its way; one that the police hold need not lie here (S4-10)."""
    return application.photo_source in (PhotoSource.RECEIPT, PhotoSource.UPLOAD) and picture_of(application) is None


def picture_of(application: CardApplication) -> bytes | None:
    """The JPEG that goes on the card, or None while there is none."""
    if application.photo_source == PhotoSource.UPLOAD:
        return _uploaded(application)
    if application.photo_source == PhotoSource.RECEIPT:
        receipt = PhotoReceipt.objects.filter(number=application.answers.get("receipt_number", "")).first()
        return unseal_bytes(receipt.image, aad=_receipt_aad(receipt.number)) if receipt and receipt.image else None
    row = PhotoOnFile.objects.filter(resident_id=application.resident_id).first()
    return unseal_bytes(row.image, aad=_file_aad(application.resident)) if row and row.image else None


def _uploaded(application: CardApplication) -> bytes | None:
    if application.photo_id is None:
        return None
    row = Upload.objects.filter(pk=application.photo_id, state=UploadState.READY).first()
    try:
        return uploads.read(row) if row else None
    except FileNotFoundError:
        return None


def put_on_file(resident: Resident, image: bytes) -> PhotoOnFile:
    """Keeps the picture the police registry gave of a person; a newer one takes the place of the older."""
    row, _created = PhotoOnFile.objects.update_or_create(
        resident=resident, defaults={"image": seal_bytes(image, aad=_file_aad(resident))}
    )
    return row


def sealed_for_receipt(number: str, image: bytes) -> bytes:
    """The picture of a receipt as it is stored; nothing for none."""
    return seal_bytes(image, aad=_receipt_aad(number)) if image else b""


def _receipt_aad(number: str) -> str:
    return f"cards.receipt:{number}"


def _file_aad(resident: Resident) -> str:
    return f"cards.photo_on_file:{resident.pk}"
