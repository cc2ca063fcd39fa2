"""Papers of an application: three forms of each, the same fields in all of them."""

import datetime

import pytest
import time_machine
from django.urls import reverse

from enrollment import papers, services
from enrollment.models import Appeal
from portal.documents.papers import paper_fields, render_docx, render_html, render_pdf
from portal.regions.models import Region
from tests.enrollment import journeys
from tests.people_cast import actor, sign_in

pytestmark = pytest.mark.django_db


def text_of_docx(data):
    import io

    import docx

    document = docx.Document(io.BytesIO(data))
    cells = [cell.text for table in document.tables for row in table.rows for cell in row.cells]
    return squeezed(" ".join([paragraph.text for paragraph in document.paragraphs] + cells))


def text_of_pdf(data):
    import io

    import pypdf

    return squeezed("".join(page.extract_text() for page in pypdf.PdfReader(io.BytesIO(data)).pages))


def squeezed(text):
    return "".join(text.split())


@pytest.mark.parametrize("make", [papers.receipt, papers.registration_form])
def test_web_print_pdf_and_word_carry_the_same_fields(make, monday, cast):
    """F3, N5, S0-05: also for a name with a separator and a rare character."""
    application = journeys.submitted(cast.wang, town="450305001")
    paper = make(application)
    renderings = [squeezed(render_html(paper)), text_of_pdf(render_pdf(paper)), text_of_docx(render_docx(paper))]
    for label, value in paper_fields(paper):
        for rendering in renderings:
            assert squeezed(label) in rendering
            assert squeezed(value) in rendering
    assert ("参保人", "阿卜杜热合曼·买买提") in paper_fields(paper)


def test_the_blank_form_has_the_questions_of_the_filled_one(monday, cast, client):
    """A5, S1-17: downloaded before sign-in, as Word file and for printing."""
    filled = papers.registration_form(journeys.submitted(cast.zhang))
    blank = papers.blank_form(Region.objects.get(code="450302001"))
    assert blank.title == filled.title == "城乡居民基本医疗保险参保登记表"
    assert [field.label for field in blank.fields] == [field.label for field in filled.fields]
    assert not any("张三" in value for _label, value in paper_fields(blank))
    client.get(reverse("enrollment:check"), {"region": "450302001"})
    for fmt in ("html", "pdf", "docx"):
        assert client.get(reverse("enrollment:blank_form", args=[fmt])).status_code == 200


def test_a_rejection_can_be_appealed_against_online_once_and_in_time(monday, cast, client):
    """DOMAIN §0.8: sixty days, on the portal, seen by the desk."""
    application = journeys.under_review(cast.zhang)
    services.reject(
        application=application,
        actor=actor(cast.clerk),
        version=application.version,
        reason_code="other",
        reason="不符合条件",
        next_step="请咨询",
    )
    assert services.appeal_until(application) == datetime.date(2027, 1, 22)
    sign_in(client, cast.zhang)
    url = reverse("enrollment:appeal", args=[application.pk])
    assert client.post(url, {"text": ""}).context["form"].errors
    with time_machine.travel(datetime.datetime.fromisoformat("2027-01-23T00:30:00+08:00"), tick=False):
        sign_in(client, cast.zhang)
        client.post(url, {"text": "太晚了"})
        assert not Appeal.objects.exists()
    sign_in(client, cast.zhang)
    for _again in range(2):
        client.post(url, {"text": "我住在本地，请重新核实。"})
    assert Appeal.objects.get().text == "我住在本地，请重新核实。"
    assert "2026年11月23日" in client.get(reverse("enrollment:application", args=[application.pk])).content.decode()
    sign_in(client, cast.clerk)
    assert "请重新核实" in client.get(reverse("enrollment:review", args=[application.pk])).content.decode()
