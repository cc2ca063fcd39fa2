"""The portal with two addresses more: a bare answer outside of all middleware, and a page with a form of 20 fields."""

from typing import Any

from crispy_forms.helper import FormHelper
from crispy_forms.layout import Submit
from django import forms
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.http import HttpRequest, HttpResponse
from django.template import engines
from django.test.utils import override_settings
from django.urls import path

from portal.design.fields import DatePartsField, IdentityNumberField, PersonNameField, PhoneField, TrimmedCharField
from portal.people.access import require_staff
from portal.urls import urlpatterns as of_the_portal

OK, FORM = "/bench/ok", "/bench/form"
PAGE = (
    '{% extends "base.html" %}{% load crispy_forms_tags %}{% block title %}Form{% endblock %}'
    "{% block content %}{% error_summary form %}{% crispy form %}{% endblock %}"
)
CHOICES = [("a", "甲"), ("b", "乙"), ("c", "丙")]


class TwentyFields(forms.Form):
    """Fields of every kind the portal has, each with a hint."""

    def __init__(self, data: Any = None) -> None:
        super().__init__(data)
        made: list[forms.Field] = [
            *(PersonNameField(label=f"姓名 {number}", help_text="与证件一致") for number in range(3)),
            *(IdentityNumberField(label=f"身份证件号码 {number}", help_text="18 位") for number in range(2)),
            *(PhoneField(label=f"手机号码 {number}", help_text="11 位数字") for number in range(2)),
            *(DatePartsField(label=f"日期 {number}", help_text="年 月 日") for number in range(2)),
            *(TrimmedCharField(label=f"地址 {number}", help_text="街道、门牌号") for number in range(6)),
            *(
                forms.ChoiceField(label=f"选项 {number}", help_text="选一项", choices=CHOICES, widget=forms.RadioSelect)
                for number in range(3)
            ),
            forms.ChoiceField(label="关系", help_text="从列表中选择", choices=CHOICES),
            forms.BooleanField(label="本人承诺所填内容真实", help_text="提交前请核对"),
        ]
        self.fields.update({f"field{number}": field for number, field in enumerate(made)})
        self.helper = FormHelper()
        self.helper.add_input(Submit("send", "保存"))


def ok(request: HttpRequest) -> HttpResponse:
    """The least a view can do."""
    return HttpResponse("ok", content_type="text/plain")


@require_staff
def form(request: HttpRequest) -> HttpResponse:
    """A page of the portal with the form."""
    template = engines["django"].from_string(PAGE)
    return HttpResponse(template.render({"form": TwentyFields()}, request))


urlpatterns = [path("bench/ok", ok), path("bench/form", form), *of_the_portal]


def handlers() -> tuple[WSGIHandler, WSGIHandler]:
    """The bare one and the whole one; both answer by the addresses of this module."""
    settings.ROOT_URLCONF = __name__
    with override_settings(MIDDLEWARE=[]):
        bare = WSGIHandler()
    return bare, WSGIHandler()
