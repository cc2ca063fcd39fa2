"""The pages of committee agents: upload, verdicts, submission, corrected file, one resident at a time (G1, G3, N12)."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from enrollment.models import Application, Roster
from enrollment.rosters import services
from portal.audit.models import AuditEntry
from portal.jobs import services as jobs
from tests.enrollment import journeys
from tests.enrollment import roster_files as files
from tests.people_cast import actor, make_staff, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def agent(client, cast, monday):
    """The agent's browser."""
    sign_in(client, cast.agent)
    return client


def upload(client, content, name="名单.csv", **fields):
    form = {"cover_year": "2027", **fields, "file": SimpleUploadedFile(name, content)}
    if "office" not in form:
        page = client.get(reverse("enrollment:roster_upload")).context["form"]
        form["office"] = page["office"].initial
    return client.post(reverse("enrollment:roster_upload"), form)


def text(answer):
    return answer.content.decode()


def test_agent_walks_from_upload_to_the_case(agent, cast):
    """N12, UX-C12, G3: upload, progress without scripts, verdicts with reasons, submit, case with "entered by"."""
    bad = files.line(name="李3")
    answer = upload(agent, files.as_csv([files.line(name="赵一"), bad]))
    roster = Roster.objects.get()
    assert answer.url == reverse("jobs:show", args=[roster.job_id])
    assert 'http-equiv="refresh"' in text(agent.get(answer.url))
    jobs.run(roster.job_id)
    page = text(agent.get(reverse("enrollment:roster", args=[roster.pk])))
    assert "姓名" in page
    assert bad[1] not in page
    assert "请按证件填写姓名" in page or "姓名" in page
    refused = agent.post(reverse("enrollment:roster_submit", args=[roster.pk]))
    assert "error-summary" in text(refused)
    answer = agent.post(reverse("enrollment:roster_submit", args=[roster.pk]), {"truthful": "on"})
    roster.refresh_from_db()
    jobs.run(roster.job_id)
    corrections = agent.get(reverse("enrollment:roster_corrections", args=[roster.pk]))
    assert files.cells_of(corrections.content)[1][1] == bad[1]
    case = Application.objects.get(roster_row__roster=roster)
    assert "由梁秀录入" in text(agent.get(reverse("enrollment:committee_case", args=[case.pk])))
    assert case.grouped_number in text(agent.get(reverse("enrollment:committee_cases")))
    for fmt in ("html", "pdf", "docx"):
        assert agent.get(reverse("enrollment:roster_cover", args=[roster.pk, fmt])).status_code == 200
    assert agent.get(reverse("enrollment:roster_list", args=[roster.pk])).content[:2] == b"PK"
    assert AuditEntry.objects.filter(action="enrollment.roster_viewed").exists()
    assert str(roster.pk) in text(agent.get(reverse("enrollment:committee")))
    again = upload(agent, files.as_csv([files.line(name="赵一"), bad]))
    assert again.status_code == 302


def test_an_unreadable_file_is_refused_beside_its_field(agent, cast):
    """UX-C12, REL-U1: the reason stands at the file, the other answers stay, nothing is stored."""
    for content, words in (
        (b"", "0 字节"),
        (b"%PDF-1.4", "不是表格"),
        (files.as_csv([], head=["a"]), "姓名；证件号码"),
    ):
        answer = upload(agent, content)
        assert answer.status_code == 200
        assert words in text(answer)
    assert not Roster.objects.exists()


def test_the_same_file_leads_to_its_first_roster(agent, cast):
    """REL-I9: "uploaded before", and 0 new lines; a colleague of the village is told so without seeing it."""
    content = files.as_csv([files.line()])
    upload(agent, content)
    roster = Roster.objects.get()
    assert upload(agent, content).url == reverse("enrollment:roster", args=[roster.pk])
    sign_in(agent, make_staff("agent2", cast.agent.grants.get().role, "450302001"))
    assert "您村的同事" in text(upload(agent, content))
    assert Roster.objects.count() == 1


def test_the_table_is_read_page_by_page(agent, cast):
    """UX-C12: 25 lines a page by key, the tab and the place in the address."""
    roster = files.checked(cast.agent, files.as_csv([files.line() for _number in range(30)]))
    url = reverse("enrollment:roster", args=[roster.pk])
    first = agent.get(url)
    assert len(first.context["rows"]) == 25
    second = agent.get(url + first.context["page"].next_url)
    assert len(second.context["rows"]) == 5
    assert agent.get(url + "?show=good&after=x").status_code == 200


def test_agent_registers_one_resident(agent, cast):
    """S1-05, G3: the same rules and the same words beside the fields; the helper is the agent."""
    url = reverse("enrollment:committee_register")
    form = agent.get(url).context["form"]
    line = files.line(name="孙立")
    told = {"name": "孙立", "id_number": line[1][:-1] + "?", "address": "甲山村8号", "cover_year": "2027"}
    told |= {"office": form["office"].initial, "truthful": "on"}
    answer = agent.post(url, told)
    assert answer.status_code == 200
    assert "id_number" in answer.context["form"].errors
    made = agent.post(url, told | {"id_number": line[1]})
    case = Application.objects.get()
    assert made.url == reverse("enrollment:committee_case", args=[case.pk])
    assert (case.helper_id, case.state, case.beneficiary.name) == (cast.agent.pk, "submitted", "孙立")
    assert "已有人申请" in text(agent.post(url, told | {"id_number": line[1]}))
    journeys.sweep()
    case.refresh_from_db()
    assert case.state == "under_review"


def test_agents_see_no_roster_and_no_case_of_others(client, cast, monday):
    """G3: a colleague's roster and cases, and those of residents themselves, are not there."""
    roster = files.submitted(cast.agent, files.as_csv([files.line()]))
    case = Application.objects.get()
    own = journeys.submitted(cast.zhang)
    other = make_staff("agent2", cast.agent.grants.get().role, "450302001")
    sign_in(client, other)
    for name, pk in (("roster", roster.pk), ("committee_case", case.pk), ("committee_case", own.pk)):
        assert client.get(reverse(f"enrollment:{name}", args=[pk])).status_code == 404
    assert services.counts(roster)["submitted"] == 1
    assert not Application.objects.visible_to(actor(other)).exists()
