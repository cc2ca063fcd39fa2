"""The registration form on paper: the same fields in every form, with rare and long names."""

import pytest
from django.urls import reverse

from cards import papers
from cards.models import CardApplication
from payments.kinds import paper_of
from portal.documents import records
from portal.documents.papers import paper_fields, paper_texts
from tests.cards import journeys
from tests.payments.test_papers import LONG_NAME, squeezed, words_of
from tests.people_cast import sign_in

pytestmark = pytest.mark.django_db


def form_of(name, **options):
    application = journeys.submitted(journeys.resident(name=name, **options))
    return papers.application_form(CardApplication.objects.for_pages().get(pk=application.pk))


FIFTY = f"{LONG_NAME}·𠮷㛃𬱟𰻝龦鿍"[:49] + "𪟝"


@pytest.mark.parametrize("name", ["韦𠮷", FIFTY])
@pytest.mark.parametrize("form", ["html", "pdf", "docx"])
@pytest.mark.parametrize("kind", ["form", "notice"])
def test_every_paper_carries_the_same_fields(kind, form, name, monday):
    """S4-13, S4-14, S4-16, S4-17, D6, D7, D8, N5: Word, PDF and web print of form and notice hold each field, with rare
    characters and with a name of fifty.
    """
    assert len(FIFTY) == 50
    paper = form_of(name)
    if kind == "notice":
        paper = paper_of(CardApplication.objects.get().notice, "zh-hans")
    assert name in [value for _label, value in paper_fields(paper)]
    words = words_of(form, paper)
    for label, value in paper_fields(paper):
        assert squeezed(label) in words, label
        assert squeezed(value) in words, value
    for text in paper_texts(paper):
        assert squeezed(text) in words, text


def test_the_form_has_its_official_title_and_a_check_code(monday):
    """S4-13, N4: the title of the form; the public check names kind and day, and nobody."""
    paper = form_of("陈海珊")
    assert paper.title == "中华人民共和国社会保障卡申领登记表"
    assert [code.kind for code in paper.codes] == ["qr", "code128"]
    application = CardApplication.objects.get()
    facts = papers.facts_of(str(application.pk))
    assert facts.issued_on == application.submitted_on
    assert records.issue_record(kind=papers.FORM, subject_kind=papers.SUBJECT, subject_id=application.pk)


@pytest.mark.parametrize(
    ("form", "kind"),
    [("pdf", "application/pdf"), ("docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document")],
)
def test_the_holder_downloads_the_form_and_nobody_else(form, kind, monday, client, cast):
    """S4-13, B10: the applicant's alone, also long after."""
    application = journeys.submitted(journeys.resident())
    url = reverse("cards:form_paper", args=[application.pk, form])
    sign_in(client, application.applicant)
    assert client.get(url)["Content-Type"] == kind
    sign_in(client, cast.wang)
    assert client.get(url).status_code == 404
