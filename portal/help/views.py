"""Guide pages, the list of offices, and feedback."""

from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from portal.help import guides
from portal.help.forms import FeedbackForm
from portal.help.models import Feedback
from portal.help.services import counts_per_page, give_feedback
from portal.limits import take
from portal.people.access import require_role
from portal.people.actors import Role
from portal.regions.models import Office, Region


@login_not_required
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """Lists the guide pages by subject."""
    return render(request, "help/index.html", {"groups": guides.grouped()})


@login_not_required
@require_safe
def page(request: HttpRequest, slug: str) -> HttpResponse:
    """Shows one guide page with its date and legal basis."""
    guide = guides.all_guides().get(slug)
    if guide is None:
        raise Http404
    others = [other for other in guides.all_guides().values() if other.group == guide.group and other.slug != slug]
    return render(request, "help/page.html", {"guide": guide, "others": others})


@login_not_required
@require_safe
def offices(request: HttpRequest) -> HttpResponse:
    """Lists the offices of a city with address, hours and telephone (S0-13)."""
    cities = list(Region.objects.level("city"))
    code = request.GET.get("region", "")
    city = get_object_or_404(Region, code=code, level="city", active=True) if code else None
    rows = Office.objects.within(city).in_use().select_related("region").order_by("kind", "code") if city else []
    return render(request, "help/offices.html", {"cities": cities, "city": city, "offices": rows})


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
def feedback(request: HttpRequest) -> HttpResponse:
    """Takes a remark about a page; nobody needs to say who they are (UX-E11)."""
    form = FeedbackForm(request.POST or None, initial={"page": request.GET.get("page", "/")[:200]})
    if request.method == "POST" and form.is_valid():
        take(f"feedback:{request.META.get('REMOTE_ADDR', '')}", capacity=10, seconds=600)
        give_feedback(
            page=form.cleaned_data["page"], rating=form.cleaned_data["rating"], text=form.cleaned_data["text"]
        )
        return redirect("help:feedback_thanks")
    return render(request, "help/feedback.html", {"form": form})


@login_not_required
@require_safe
def feedback_thanks(request: HttpRequest) -> HttpResponse:
    """Says that a remark arrived."""
    return render(request, "help/feedback_thanks.html")


@require_role(Role.ADMIN, Role.AUDITOR)
@require_safe
def feedback_counts(request: HttpRequest) -> HttpResponse:
    """Counts remarks and averages grades for each page, and shows the newest remarks (UX-E11)."""
    newest = Feedback.objects.exclude(text="")[:50]
    return render(request, "help/feedback_counts.html", {"counts": counts_per_page(), "newest": newest})
