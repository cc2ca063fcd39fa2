import pytest
from django.urls import reverse
from tests.cards import journeys
from tests.people_cast import sign_in
from tests.cards.conftest import *
@pytest.mark.django_db
def test_x(monday, client):
    card, code = journeys.collected(journeys.resident(), journeys.card_clerk())
    sign_in(client, journeys.hotline())
    body = {"identity_number": card.holder.identity_number, "last_digits": card.number[-4:], "code": "000000"}
    t=client.post(reverse("cards:telephone"), body).content.decode()
    import re
    print(re.findall('error-message.*',t)); assert 0
