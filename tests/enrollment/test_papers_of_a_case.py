"""The papers of a case from filing to decision: one source, three forms, and what the public check says of each."""

import io
from urllib.parse import parse_qs, urlsplit

import docx
import pypdf
import pytest
from django.urls import reverse

from enrollment import papers, services
from enrollment.desk_forms import Requested
from enrollment.models import Application
from enrollment.workflow import EnrollmentWorkflow
from portal.audit.models import AuditEntry
from portal.documents.papers import paper_fields, paper_texts, render_docx, render_html, render_pdf
from portal.people.models import Resident
from tests.enrollment import journeys
from tests.people_cast import ResidentFactory, actor, sign_in

pytestmark = pytest.mark.django_db
NAME = "𠀾𪚥" + "热" * 43 + "·买买提江"


def squeezed(text):
    return "".join(text.split())


def pdf_text(data):
    return squeezed("".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(data)).pages))


def docx_text(data):
    document = docx.Document(io.BytesIO(data))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return squeezed(" ".join([paragraph.text for paragraph in document.paragraphs] + cells))


def asked(resident, clerk, **options):
    """An application of which an answer and a material are asked again."""
    application = journeys.under_review(resident, **options)
    material = application.materials.filter(required=True).first()
    services.ask_correction(
        application=application,
        actor=actor(clerk),
        version=application.version,
        items=[
            Requested("field", "contact.address", "请按户口簿填写门牌号"),
            Requested("material", material.code, "复印件不清楚，请重新复印"),
        ],
    )
    return reload(application)


def rejected(resident, clerk, **options):
    application = journeys.under_review(resident, **options)
    services.reject(
        application=application,
        actor=actor(clerk),
        version=application.version,
        reason_code="other_cover",
        reason="您已参加职工医保",
        next_step="停保后可以重新申请",
    )
    return reload(application)


def reload(application):
    return Application.objects.for_pages().get(pk=application.pk)


def verdict(client, paper, **changes):
    """The page that the QR code of a paper leads to."""
    parts = urlsplit(paper.codes[0].payload)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()} | changes
    client.logout()
    return client.get(parts.path, query).content.decode()


@pytest.mark.parametrize("kind", ["receipt", "form", "request", "decision", "rejection"])
def test_every_paper_prints_the_same_texts_in_three_forms(monday, cast, kind):
    """N5, N4, S0-05: a name of fifty characters with rare ones included; each has a QR code and a short code."""
    person = ResidentFactory(name=NAME)
    if kind == "request":
        paper = papers.request(asked(person, cast.clerk))
    elif kind == "rejection":
        paper = papers.decision(rejected(person, cast.clerk))
    else:
        paper = papers.make(kind, reload(journeys.approved(person, cast.clerk)))
    renderings = [squeezed(render_html(paper)), pdf_text(render_pdf(paper)), docx_text(render_docx(paper))]
    for rendering in renderings:
        missing = [text for text in paper_texts(paper) if squeezed(text) not in rendering]
        assert not missing
    assert ("参保人", NAME) in paper_fields(paper)
    assert [code.kind for code in paper.codes][:1] + [code.kind for code in paper.codes][-1:] == ["qr", "code128"]
    assert paper.codes[0].caption in paper_texts(paper)


def test_the_notification_tells_everything_once_with_reasons_day_and_office(monday, cast):
    """B5: all items and reasons in one paper, with the last day and the office."""
    paper = papers.request(asked(cast.zhang, cast.clerk))
    texts = paper_texts(paper)
    assert paper.title == "补正材料一次性告知书"
    assert {"请按户口簿填写门牌号", "复印件不清楚，请重新复印"} <= set(texts)
    fields = dict(paper_fields(paper))
    assert fields["补正期限"] == "2026年12月14日"
    assert fields["受理机构"] == reload(Application.objects.get()).office.name


def test_a_rejection_carries_reason_basis_and_right_of_appeal(monday, cast):
    """B6, DOMAIN §0.8: sixty days from the day of the decision, the body, the court, and the way online."""
    paper = papers.decision(rejected(cast.zhang, cast.clerk))
    fields = dict(paper_fields(paper))
    assert fields["原因"] == "您已参加职工医保"
    assert "医保发〔2020〕33号" in fields["法律依据"]
    assert fields["申请行政复议截止"] == "2027年1月22日"
    words = "".join(paper.paragraphs)
    assert "60日内向桂林市人民政府" in words
    assert "6个月内向人民法院" in words
    assert "申请行政复议" in words


def test_papers_name_who_entered_for_whom(monday, cast):
    """UX-R20: the mother files for the child; both names stand on every paper."""
    application = journeys.approved(cast.zhang, cast.clerk, beneficiary=cast.child)
    for kind in ("receipt", "form", "decision"):
        fields = dict(paper_fields(papers.make(kind, reload(application))))
        assert fields["填报人"] == f"{cast.zhang.name}为{cast.child.name}办理"


def test_the_check_page_follows_the_case_and_shows_no_name(monday, cast, client):
    """N4, F6: genuine, altered, superseded after a correction, void after a withdrawal; nobody's name or number."""
    application = asked(cast.zhang, cast.clerk)
    first_form, first_request = papers.registration_form(application), papers.request(application)
    assert "文书真实有效" in verdict(client, first_form)
    assert "文书被改动过" in verdict(client, first_form, d="20261101")
    services.resubmit(
        application=application,
        actor=actor(cast.zhang),
        version=application.version,
        values={"contact.address": "甲山村9号"},
        handed_in=[],
    )
    assert "文书真实有效" not in verdict(client, first_form)
    assert "文书真实有效" in verdict(client, papers.registration_form(reload(application)))
    page = verdict(client, first_request)
    assert "文书真实有效" in page
    assert "已于2026年11月23日" in page
    application = journeys.seen(reload(application), cast.clerk)
    services.approve(application=application, actor=actor(cast.clerk), version=application.version)
    decision = papers.decision(reload(application))
    assert "文书真实有效" in verdict(client, decision)
    row = reload(application)
    services.withdraw(application=row, actor=actor(cast.zhang), version=row.version)
    page = verdict(client, decision)
    assert "文书真实有效" not in page
    assert "已于2026年11月23日撤回" in papers.decision(reload(application)).status
    person = Resident.objects.get(pk=cast.zhang.pk)
    for secret in (person.name, person.identity_number, person.masked_name, person.staff_identity_number):
        assert secret not in page


def test_deemed_approval_is_marked_as_such(monday, cast, client):
    """B13: the paper and its check page say that nobody decided."""
    application = journeys.under_review(cast.zhang)
    Application.objects.filter(pk=application.pk).update(deemed_approval=True)
    monday.shift(10 * 86_400)
    assert EnrollmentWorkflow.deem_approved.sweep()
    paper = papers.decision(reload(application))
    assert paper.status == "按当地规定，逾期未作决定视为同意"
    assert dict(paper_fields(paper))["决定"].startswith("视为同意")
    assert "视为同意" in verdict(client, paper)


def test_papers_are_served_at_once_and_downloads_are_kept(monday, cast, client):
    """F3: no worker has run since the submission; printing opens, downloading keeps the file; 404 for what is not."""
    application = journeys.submitted(cast.zhang)
    sign_in(client, cast.zhang)
    url = reverse("enrollment:receipt_paper", args=[application.pk, "pdf"])
    assert client.get(url)["Content-Disposition"].startswith("inline")
    kept = client.get(f"{url}?download=1")
    assert kept["Content-Disposition"].startswith("attachment")
    assert kept.content.startswith(b"%PDF")
    for kind in ("request", "decision"):
        assert client.get(reverse(f"enrollment:{kind}_paper", args=[application.pk, "html"])).status_code == 404
    assert url in client.get(reverse("enrollment:application", args=[application.pk])).content.decode()


def test_staff_print_the_papers_of_their_office_only_and_on_the_record(monday, cast, client):
    """M3, REL-A3: the clerk of the office, not the one next door; every reading is on the audit log."""
    application = rejected(cast.zhang, cast.clerk)
    url = reverse("enrollment:decision_paper", args=[application.pk, "html"])
    sign_in(client, cast.other_clerk)
    assert client.get(url).status_code == 404
    sign_in(client, cast.clerk)
    assert client.get(url).status_code == 200
    assert AuditEntry.objects.filter(action="enrollment.paper", subject_id=str(application.pk)).count() == 1
