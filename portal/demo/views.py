"""The page that tells a visitor of the demo whom to sign in as."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from portal.demo import people
from portal.people.access import public
from portal.regions.models import Region
from portal.regions.text import pick


@public
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Lists the invented people, the staff and the demo's phone and bank; exists in the demo alone."""
    if not settings.DEMO:
        raise Http404(_("This page exists in the demo alone."))
    places = {region.code: region.name for region in Region.objects.filter(code__in={c.region for c in people.STAFF})}
    residents = [(person, pick({"zh": person.about[0], "en": person.about[1]})) for person in people.FEATURED]
    staff = [(colleague, places.get(colleague.region, "")) for colleague in people.STAFF]
    return render(request, "demo/index.html", {"residents": residents, "staff": staff, "password": people.PASSWORD})
