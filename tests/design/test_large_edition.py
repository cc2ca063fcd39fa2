"""The large edition: kept in cookie and account, one question a page, and measured in a browser (J3, UX-R18)."""

import pytest
from django.test import Client
from django.urls import reverse

from portal.people import preferences
from tests.enrollment import journeys
from tests.enrollment.conftest import monday, regions  # noqa: F401
from tests.people_cast import cast, sign_in  # noqa: F401

pytestmark = pytest.mark.django_db
MEASURE = """() => {
  const shown = (e) => e.getClientRects().length && getComputedStyle(e).visibility !== 'hidden';
  const px = (e, what) => parseFloat(getComputedStyle(e)[what]);
  const words = [...document.querySelectorAll('p, li, dd, dt, label, a, button, summary, .govuk-hint')]
    .filter((e) => shown(e) && e.textContent.trim() && !e.closest('.govuk-visually-hidden, .govuk-skip-link'));
  const targets = [...document.querySelectorAll('button, .govuk-button, .govuk-input, select, textarea, summary, ' +
    '.portal-action, .portal-menu__link, .portal-switches__link, .govuk-radios__item, .govuk-back-link, .portal-tile')]
    .filter(shown);
  const name = (e) => e.className + ' ' + e.textContent.trim().slice(0, 20);
  return {
    small: words.filter((e) => px(e, 'fontSize') < 18).map(name),
    body: Math.min(...[...document.querySelectorAll('main .govuk-body')].filter(shown).map((e) => px(e, 'fontSize'))),
    tight: words.filter((e) => !e.matches('button, a, summary') &&
      px(e, 'lineHeight') / px(e, 'fontSize') < 1.49).map(name),
    low: targets.filter((e) => e.getBoundingClientRect().height < 59.5).map(name),
    phone: !!document.querySelector('a[href^="tel:"]'),
    wide: document.documentElement.scrollWidth > innerWidth,
    columns: [...document.querySelectorAll('[class*=govuk-grid-column]')].filter(shown)
      .some((e) => e.getBoundingClientRect().width < e.parentElement.getBoundingClientRect().width * 0.9),
  };
}"""


def test_the_choice_is_kept_in_the_account_and_meets_the_reader_on_another_device(monday, cast, client):  # noqa: F811
    """J3, UX-R18: chosen when signed in, found again after signing in elsewhere, until it is taken back."""
    sign_in(client, cast.zhang)
    client.get(reverse("design:display", args=["elder"]))
    cast.zhang.refresh_from_db()
    assert cast.zhang.large_edition
    other = Client()
    request = other.get("/").wsgi_request
    response = other.get("/")
    preferences.take_over(request, response, cast.zhang.user)
    assert response.cookies[preferences.ELDER_COOKIE].value == "1"
    client.get(reverse("design:display", args=["standard"]))
    cast.zhang.refresh_from_db()
    assert not cast.zhang.large_edition


def test_forms_ask_one_question_a_page(monday, cast, client):  # noqa: F811
    """J3: three pages for three questions, an error stays on its page, nothing is stored before the last."""
    draft = journeys.draft(cast.zhang)
    sign_in(client, cast.zhang)
    client.cookies[preferences.ELDER_COOKIE] = "1"
    url = reverse("enrollment:section", args=[draft.pk, "contact"])
    first = client.get(url)
    names = [name for name, field in first.context["form"].fields.items() if not field.widget.is_hidden]
    assert names == ["phone"]
    wrong = client.post(url, {"phone": "12", "_question": "0"})
    assert list(wrong.context["form"].errors) == ["phone"]
    answer = client.post(url, {"phone": "19900000009", "_question": "0"})
    answers = {"phone": "19900000009"}
    seen = ["phone"]
    for value in ({"address": "新村9号"}, {"in_area": "yes"}, {"at_hukou": "yes"}, {"x": ""}):
        if answer.status_code == 302:
            break
        form = answer.context["form"]
        asked = next(name for name, field in form.fields.items() if not field.widget.is_hidden)
        seen.append(asked)
        assert 'type="hidden" name="phone" value="19900000009"' in answer.content.decode()
        answers |= {asked: value.get(asked, "yes")}
        answer = client.post(url, answers | {"_question": str(len(seen) - 1)})
    assert answer.status_code == 302
    assert len(seen) >= 3
    draft.refresh_from_db()
    assert draft.answers["contact"]["phone"] == "19900000009"
    assert draft.answers["contact"]["address"] == "新村9号"


@pytest.mark.browser
def test_sizes_as_a_browser_computes_them(pages, served):
    """J3, UX-R18: text 18 px and more, running text 22 px, line height 1.5, 60 px to press, one column, a telephone."""
    page = pages.open(size=(375, 812), scripts=False, base_url=served)
    page.context.add_cookies([{"name": preferences.ELDER_COOKIE, "value": "1", "url": served}])
    for path in ("/", "/lookup/", "/sign-in/"):
        page.goto(path)
        found = page.evaluate(MEASURE)
        assert found["small"] == []
        assert found["body"] >= 22
        assert found["tight"] == []
        assert found["low"] == []
        assert found["phone"]
        assert not found["wide"]
        assert not found["columns"]
