"""The card after the hand-over: three channels on one row, wrong tries, loss."""

import pytest
from django.urls import reverse

from cards import services
from cards.models import Card
from cards.services import WrongCode
from cards.states import CardState
from cards.workflow import CardWorkflow
from portal.people.actors import SYSTEM
from portal.regions.models import PolicyRule
from tests.cards import journeys
from tests.people_cast import actor, sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture
def handed(monday):
    """A card with its code."""
    return journeys.collected(journeys.resident(), journeys.card_clerk())


def wrong(code):
    return f"{(int(code) + 1) % 10**6:06d}"


def test_wrong_tries_on_one_channel_lock_the_others(handed, client):
    """N23, D12: six wrong figures by telephone, then neither the page nor the telephone takes the right ones."""
    card, code = handed
    sign_in(client, journeys.hotline())
    body = {"identity_number": card.holder.identity_number, "last_digits": card.number[-4:], "code": wrong(code)}
    for left in (5, 4, 3, 2, 1):
        page = client.post(reverse("cards:telephone"), body).content.decode()
        assert f"还可尝试 {left} 次" in page
    assert "锁定" in client.post(reverse("cards:telephone"), body).content.decode()
    card.refresh_from_db()
    assert card.locked_at is not None
    sign_in(client, card.holder)
    answer = client.post(reverse("cards:activate", args=[card.pk]), {"last_digits": card.number[-4:], "code": code})
    assert answer.status_code == 200
    assert Card.objects.get(pk=card.pk).state == CardState.INACTIVE
    page = client.get(reverse("cards:card", args=[card.pk])).content.decode()
    assert "已在所有渠道锁定" in page
    assert reverse("cards:activate", args=[card.pk]) not in page  # no button that cannot work


def test_the_counter_lifts_a_lock(handed, client):
    """D12: with the original document seen the card is activated on site."""
    card, code = handed
    for _turn in range(6):
        with pytest.raises(WrongCode):
            services.activate(card=card, actor=actor(card.holder), channel="online", code=wrong(code))
    sign_in(client, journeys.pickup_clerk())
    url = reverse("cards:activate_on_site", args=[card.pk])
    assert client.post(url, {"version": card.version}).status_code == 200
    assert client.post(url, {"version": card.version, "identity_seen": "on"}).status_code == 302
    card.refresh_from_db()
    assert (card.state, card.activated_by, card.wrong_tries) == (CardState.ACTIVE, "on_site", 0)


def test_a_lock_is_over_after_a_day(handed, monday):
    """D12: the telephone and the page are open again a day later."""
    card, code = handed
    for _turn in range(6):
        with pytest.raises(WrongCode):
            services.activate(card=card, actor=actor(card.holder), channel="online", code=wrong(code))
    monday.shift(23 * 3600)
    with pytest.raises(WrongCode):
        services.activate(card=card, actor=actor(card.holder), channel="online", code=code)
    monday.shift(3600 + 1)
    card.refresh_from_db()
    services.activate(card=card, actor=actor(card.holder), channel="online", code=code)
    assert Card.objects.get(pk=card.pk).state == CardState.ACTIVE


@pytest.mark.parametrize("channel", ["online", "telephone", "on_site"])
@pytest.mark.parametrize("allowed", ["online", "telephone", "on_site"])
def test_only_the_channels_of_the_region_activate(channel, allowed, handed):
    """S2-08, D12: one switch per channel; a closed one costs no try."""
    card, code = handed
    data = card.policy.data
    data["rules"]["setting"]["card.activation"]["channels"] = [allowed]
    type(card.policy).objects.filter(pk=card.policy_id).update(data=data)
    card = Card.objects.get(pk=card.pk)
    if channel == allowed:
        services.activate(card=card, actor=actor(card.holder), channel=channel, code=code)
        assert Card.objects.get(pk=card.pk).state == CardState.ACTIVE
    else:
        with pytest.raises(services.ChannelClosed):
            services.activate(card=card, actor=actor(card.holder), channel=channel, code=code)
        assert Card.objects.get(pk=card.pk).wrong_tries == 0


def test_where_no_activation_is_needed_the_card_is_active_at_once(monday):
    """S2-07: the region's switch."""
    for rule in PolicyRule.objects.filter(key="card.activation"):
        PolicyRule.objects.filter(pk=rule.pk).update(value=rule.value | {"required": False})
    card, _code = journeys.collected(journeys.resident(), journeys.card_clerk())
    assert card.state == CardState.ACTIVE


@pytest.mark.parametrize("hours", [0, 24])
def test_a_card_that_works_later_says_from_when(hours, handed, client, monday):
    """S2-09, D12, DOMAIN §5: Guilin's card works a day after the activation; before that nobody is sent to a doctor."""
    card, code = handed
    data = card.policy.data
    data["rules"]["setting"]["card.activation"]["usable_after_hours"] = hours
    type(card.policy).objects.filter(pk=card.policy_id).update(data=data)
    services.activate(card=card, actor=actor(card.holder), channel="online", code=code)
    sign_in(client, card.holder)
    url = reverse("cards:card", args=[card.pk])
    page = client.get(url).content.decode()
    assert ("自2026年11月24日 10:00起可以使用" in page) == (hours > 0)
    assert ("看病、买药时请使用" in page) == (hours == 0)
    monday.shift(hours * 3600)
    sign_in(client, card.holder)
    assert "看病、买药时请使用" in client.get(url).content.decode()


def test_no_password_and_no_code_is_stored(handed):
    """D12: neither the code of the letter nor a password stands in the database in clear."""
    card, code = handed
    names = {field.name for field in Card._meta.get_fields()}
    assert not {name for name in names if "pin" in name.split("_") or "password" in name}
    assert code not in str(Card.objects.filter(pk=card.pk).values())


def test_a_temporary_loss_ends_by_itself(handed, client, monday):
    """S2-13, D13: ten days in Zhongshan; it can be lifted before, and the office may make it formal."""
    card, code = handed
    services.activate(card=card, actor=actor(card.holder), channel="online", code=code)
    card.refresh_from_db()
    sign_in(client, card.holder)
    url = reverse("cards:loss", args=[card.pk])
    assert client.post(url, {"version": card.version}).status_code == 302
    card.refresh_from_db()
    assert card.state == CardState.LOSS_TEMPORARY
    assert client.post(url, {"version": card.version - 1}).status_code == 409
    assert card.last_day.isoformat() == "2026-12-03"
    CardWorkflow.end_loss.move([card.pk], SYSTEM, at=card.due_at)
    card.refresh_from_db()
    assert card.state == CardState.ACTIVE


def test_the_office_reports_formally_replaces_and_cancels(handed, client):
    """D13: the counter's buttons follow the role and the state."""
    card, _code = handed
    clerk = journeys.card_clerk("second")
    sign_in(client, clerk)
    page = client.get(reverse("cards:desk_card", args=[card.pk])).content.decode()
    assert "正式挂失" in page
    move = reverse("cards:move_card", args=[card.pk, "report_formal_loss"])
    assert client.post(move, {"version": card.version}).status_code == 302
    card.refresh_from_db()
    assert card.state == CardState.LOSS_FORMAL
    cancel = reverse("cards:move_card", args=[card.pk, "cancel"])
    assert client.post(cancel, {"version": card.version}).status_code == 302
    assert client.post(cancel, {"version": card.version}).status_code == 409
    sign_in(client, journeys.hotline())
    assert client.get(reverse("cards:desk_card", args=[card.pk])).status_code == 200


@pytest.mark.parametrize("kind", ["lost", "damaged", "expired", "password"])
def test_services_for_a_card_say_fee_papers_and_place(kind, monday, client):
    """D13, S2-13: each service names its fee, what to bring and where to go; an unknown one is no page."""
    client.get(f"{reverse('cards:about')}?region={journeys.TOWN}")
    page = client.get(reverse("cards:service", args=[kind])).content.decode()
    assert "身份证" in page
    assert ("¥20.00" in page) == (kind != "password")
    assert "示例路5号" in page
    assert client.get(reverse("cards:service", args=["other"])).status_code == 404


def test_the_card_page_tells_care_function_and_law(handed, client):
    """S0-11, S2-09, S2-11, S2-12."""
    card, _code = handed
    sign_in(client, card.holder)
    page = client.get(reverse("cards:card", args=[card.pk])).content.decode()
    for words in ("请保持卡面清洁", "信息记录", "信息查询", "业务办理", "社会保障卡管理办法", "第二条"):
        assert words in page
