"""The public check of papers, and the only door to uploaded pictures."""

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from portal import audit
from portal.documents import imaging, records, uploads
from portal.documents.models import Upload, UploadState
from portal.limits.addresses import client_address
from portal.limits.buckets import take
from portal.people.access import public
from portal.people.requests import Request

CHECKS_PER_MINUTE = 10


@public
@never_cache
@require_safe
def paper_check_form(request: HttpRequest) -> HttpResponse:
    """Takes the code printed on a paper and leads to the page that judges it."""
    typed = request.GET.get("code", "")
    if not typed:
        return render(request, "documents/paper_check_form.html", {})
    code = records.normalize_code(typed)
    if code:
        return redirect("documents:paper_check", code=records.grouped_code(code))
    error = _("Enter the 26 letters and figures under the QR code, for example 7K3M-… .")
    return render(request, "documents/paper_check_form.html", {"typed": typed[:60], "error": error})


@public
@never_cache
@require_safe
def paper_check(request: HttpRequest, code: str) -> HttpResponse:
    """Says whether a paper is genuine, altered, superseded, void or unknown; shows its date and amount and nothing
    about a person.
    """
    take(f"paper-check:{client_address(request)}", capacity=CHECKS_PER_MINUTE, seconds=60)
    verdict = records.verify(code, request.GET.dict())
    status = 404 if verdict.outcome == "unknown" else 200
    return render(request, "documents/paper_check.html", {"verdict": verdict}, status=status)


@never_cache
@require_safe
def upload(request: Request, upload_id: UUID) -> HttpResponse:
    """Shows a picture to who may see it, small where a list asks for it; every view is on the audit log."""
    row = get_object_or_404(Upload.objects.visible_to(request.actor), pk=upload_id)
    if row.state != UploadState.READY:
        raise Http404
    try:
        content = uploads.read(row)
    except FileNotFoundError as error:
        raise Http404 from error
    audit.record("upload.viewed", request.actor, subject=row, details={"purpose": row.purpose})
    if "small" in request.GET:
        content = imaging.reduced(content)
    response = HttpResponse(content, content_type=row.kind)
    disposition = "attachment" if "download" in request.GET else "inline"
    response["Content-Disposition"] = f'{disposition}; filename="{row.purpose}-{str(row.pk)[:8]}.jpg"'
    response["X-Content-Type-Options"] = "nosniff"
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response["Cache-Control"] = "no-store"
    return response
