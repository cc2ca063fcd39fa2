"""The crispy template pack: what each kind of field becomes."""

from typing import Any

import pytest
from crispy_forms.bootstrap import FormActions, PrependedText
from crispy_forms.helper import FormHelper
from crispy_forms.layout import HTML, Button, ButtonHolder, Column, Div, Fieldset, Layout, MultiField, Row, Submit
from django import forms
from django.template import Context, Template
from django.test import RequestFactory
from django.utils import translation
from lxml import html

from portal.design.fields import DatePartsField, DeclarationField
from portal.design.templatetags.design import error_summary

CHOICES = [("a", "甲"), ("b", "乙")]


class EveryKind(forms.Form):
    """One field of each kind."""

    name = forms.CharField(
        label="姓名", help_text="与证件一致", widget=forms.TextInput(attrs={"autocomplete": "name", "class": "wide"})
    )
    day = DatePartsField(label="出生日期", help_text="例如 1956 3 8", birthday=True)
    kind = forms.ChoiceField(label="类别", choices=CHOICES, widget=forms.RadioSelect, help_text="选一个")
    ways = forms.MultipleChoiceField(label="方式", choices=CHOICES, widget=forms.CheckboxSelectMultiple)
    town = forms.ChoiceField(label="街道", choices=[("", "请选择"), *CHOICES])
    photo = forms.FileField(label="照片", widget=forms.FileInput(attrs={"accept": "image/*"}))
    note = forms.CharField(label="备注", widget=forms.Textarea, required=False)
    true = DeclarationField(label="我确认属实")
    key = forms.CharField(widget=forms.HiddenInput, required=False)


def draw(template: str, **context: Any) -> html.HtmlElement:
    request = RequestFactory().get("/")
    source = "{% load crispy_forms_tags %}" + template
    return html.fragment_fromstring(Template(source).render(Context({"request": request, **context})), "div")


def by_id(root: html.HtmlElement, name: str) -> html.HtmlElement:
    found = root.xpath(f'//*[@id="{name}"]')
    assert len(found) == 1, name
    return found[0]


@pytest.fixture
def empty() -> html.HtmlElement:
    return draw("{{ form|crispy }}", form=EveryKind())


@pytest.fixture
def refused() -> html.HtmlElement:
    data = {"day_year": "2025", "day_month": "2", "day_day": "30", "name": ""}
    return draw("{{ form|crispy }}", form=EveryKind(data))


def test_a_text_box_has_label_hint_and_attributes(empty: html.HtmlElement) -> None:
    """UX-R7, J2: label, hint and box belong together; autocomplete and own classes pass through."""
    box = by_id(empty, "id_name")
    assert box.get("class") == "govuk-input wide"
    assert box.get("autocomplete") == "name"
    assert box.get("aria-describedby") == "id_name_helptext"
    assert by_id(empty, "id_name_helptext").text == "与证件一致"
    assert empty.xpath('//label[@for="id_name"]')[0].text_content() == "姓名"
    assert box.get("required") is None
    assert box.get("aria-invalid") is None


def test_a_refused_box_says_so_to_everybody(refused: html.HtmlElement) -> None:
    """UX-R7, J2: the message is tied to the box, is announced as an error, and says what to do."""
    box = by_id(refused, "id_name")
    assert box.get("aria-invalid") == "true"
    assert "govuk-input--error" in box.get("class")
    assert box.get("aria-describedby") == "id_name_helptext id_name_error"
    message = by_id(refused, "id_name_error")
    assert message.text_content() == "错误：请填写：姓名"
    assert message.xpath('.//span[@class="govuk-visually-hidden"]')[0].text == "错误："
    group = box.getparent()
    assert "govuk-form-group--error" in group.get("class")


def test_a_date_is_three_labelled_boxes_in_a_group(empty: html.HtmlElement) -> None:
    """UX-R7: 年 月 日 in this order, digits keyboard, legend for the group, autocomplete of birthdays."""
    fieldset = by_id(empty, "id_day").getparent()
    assert fieldset.tag == "fieldset"
    assert fieldset.get("aria-describedby") == "id_day_helptext"
    assert fieldset.xpath("legend")[0].text_content().strip() == "出生日期"
    labels = [label.text for label in by_id(empty, "id_day").xpath(".//label")]
    assert labels == ["年", "月", "日"]
    names = [box.get("name") for box in by_id(empty, "id_day").xpath(".//input")]
    assert names == ["day_year", "day_month", "day_day"]
    assert {box.get("inputmode") for box in by_id(empty, "id_day").xpath(".//input")} == {"numeric"}
    assert by_id(empty, "id_day_0").get("autocomplete") == "bday-year"


def test_a_wrong_date_marks_the_wrong_box_alone(refused: html.HtmlElement) -> None:
    """UX-R7: 30 February keeps what was typed and marks the day."""
    boxes = [by_id(refused, f"id_day_{number}") for number in range(3)]
    assert [box.get("value") for box in boxes] == ["2025", "2", "30"]
    assert [box.get("aria-invalid") for box in boxes] == [None, None, "true"]
    assert by_id(refused, "id_day_error").text_content() == "错误：2025年2月只有 28 天"


@pytest.mark.parametrize(("name", "kind"), [("kind", "radio"), ("ways", "checkbox")])
def test_choices_stand_in_a_fieldset(empty: html.HtmlElement, name: str, kind: str) -> None:
    """J2: radios and checkboxes have a legend, and each a label of its own."""
    first = by_id(empty, f"id_{name}_0")
    assert (first.get("type"), first.get("name"), first.get("value")) == (kind, name, "a")
    fieldset = first.xpath("ancestor::fieldset")[0]
    assert fieldset.xpath("legend")[0].text_content().strip() in {"类别", "方式"}
    assert empty.xpath(f'//label[@for="id_{name}_1"]')[0].text == "乙"


def test_choices_keep_what_was_chosen_and_carry_hints() -> None:
    """UX-R7: one wrong field does not clear another."""
    form = EveryKind({"kind": "b", "ways": ["a"], "town": "b"})
    setattr(form.fields["kind"], "option_hints", {"b": "乙的说明"})  # noqa: B010
    root = draw("{{ form|crispy }}", form=form)
    assert by_id(root, "id_kind_1").get("checked") is not None
    assert by_id(root, "id_kind_1").get("aria-describedby") == "id_kind_1_hint"
    assert by_id(root, "id_kind_1_hint").text == "乙的说明"
    assert by_id(root, "id_ways_0").get("checked") is not None
    assert by_id(root, "id_town").xpath("option[@selected]")[0].get("value") == "b"


def test_a_file_control_has_words_of_its_own(empty: html.HtmlElement) -> None:
    """UX-R9: the button speaks the page's language, and camera and album are both offered."""
    control = by_id(empty, "id_photo")
    assert (control.get("type"), control.get("accept"), control.get("capture")) == ("file", "image/*", None)
    labels = empty.xpath('//label[@for="id_photo"]')
    assert [label.text_content() for label in labels] == ["照片", "选择照片或文件"]


def test_select_textarea_checkbox_and_hidden(empty: html.HtmlElement) -> None:
    """UX-R7: the remaining kinds; optional fields say so, a declaration never does."""
    assert by_id(empty, "id_town").get("class") == "govuk-select"
    assert by_id(empty, "id_note").get("class") == "govuk-textarea"
    assert empty.xpath('//label[@for="id_note"]')[0].text_content() == "备注 （选填）"
    assert by_id(empty, "id_true").get("class") == "govuk-checkboxes__input"
    assert empty.xpath('//label[@for="id_true"]')[0].text_content() == "我确认属实"
    assert by_id(empty, "id_key").get("type") == "hidden"
    assert empty.xpath('//label[@for="id_key"]') == []


def test_one_question_can_be_the_heading_of_its_page() -> None:
    """UX-R4: the label of the one question is the heading of the page."""
    form = EveryKind()
    form.page_heading = "kind"  # type: ignore[attr-defined]
    assert draw("{{ form.kind|as_crispy_field }}", form=form).xpath("//legend/h1")[0].text == "类别"
    form.page_heading = "name"  # type: ignore[attr-defined]
    assert draw("{{ form.name|as_crispy_field }}", form=form).xpath("//h1/label")[0].text == "姓名"


def test_mandatory_fields_can_carry_a_star() -> None:
    """S4-08: where a form asks for it, mandatory fields are marked with *, and for screen readers by attribute."""
    form = EveryKind()
    form.star_required = True  # type: ignore[attr-defined]
    root = draw("{{ form|crispy }}", form=form)
    assert root.xpath('//label[@for="id_name"]')[0].text_content() == "姓名*"
    assert by_id(root, "id_name").get("aria-required") == "true"
    assert "*" not in root.xpath('//label[@for="id_note"]')[0].text_content()


class LaidOut(EveryKind):
    """A form with every layout object that the pack knows."""

    amount = forms.CharField(label="金额")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.helper = FormHelper()
        self.helper.form_id = "whole"
        self.helper.attrs = {"data-x": "1"}
        self.helper.layout = Layout(
            Fieldset("人员 {{ who }}", "name", css_class="person", css_id="people"),
            Div("day", css_class="box", css_id="day-box"),
            Row(Column("kind"), Column("ways", css_class="third")),
            MultiField("更多", "town", "note"),
            PrependedText("amount", "¥"),
            HTML("<p>{{ who }}</p>"),
            "photo",
            "true",
            FormActions(Submit("go", "保存并继续"), Submit("later", "以后再填", css_class="secondary")),
            ButtonHolder(Button("stop", "停止", css_class="warning")),
        )
        self.helper.add_input(Submit("more", "再加一个"))


def test_a_whole_form_with_its_layout() -> None:
    """J1: `{% crispy form %}` draws form, token, fieldsets, boxes, rows, buttons and hidden fields, without scripts."""
    root = draw("{% crispy form %}", form=LaidOut(), who="张三", csrf_token="t0ken")
    form = by_id(root, "whole")
    assert (form.get("method"), form.get("enctype"), form.get("data-x")) == ("post", "multipart/form-data", "1")
    assert form.get("novalidate") is not None
    assert form.xpath('.//input[@name="csrfmiddlewaretoken"]/@value') == ["t0ken"]
    assert by_id(root, "people").xpath("legend")[0].text == "人员 张三"
    assert by_id(root, "day-box").get("class") == "box"
    assert len(root.xpath('//div[contains(@class, "govuk-grid-row")]/div')) == 2
    assert root.xpath('//div[@class="govuk-input__prefix"]')[0].text == "¥"
    buttons = {button.get("name"): button for button in root.xpath("//button")}
    assert buttons["go"].text == "保存并继续"
    assert "govuk-button--secondary" in buttons["later"].get("class")
    assert root.xpath('//button[@type="button"]')[0].get("class") == "govuk-button govuk-button--warning"
    assert buttons["more"].text == "再加一个"
    assert root.xpath("//p")[0].text == "张三"


def test_formsets_are_drawn_form_by_form() -> None:
    """UX-R7: a formset keeps its management form and shows the errors of each form."""
    family = forms.formset_factory(EveryKind, extra=2, max_num=2, validate_max=True)
    for template in ("{{ formset|crispy }}", "{% crispy formset %}"):
        root = draw(template, formset=family())
        assert len(root.xpath('//*[@class="portal-formset__form"]')) == 2
        assert root.xpath('//input[@name="form-TOTAL_FORMS"]')
    data = {"form-TOTAL_FORMS": "3", "form-INITIAL_FORMS": "0"}
    bound = family({**data, "form-0-kind": "x"})
    assert draw("{{ formset|crispy }}", formset=bound).xpath('//*[@class="portal-form-errors"]')


def test_errors_of_the_whole_form_are_shown_in_it() -> None:
    """UX-R7: what belongs to no single field stands above the fields."""

    class Pair(forms.Form):
        a = forms.CharField(label="甲")

        def clean(self) -> dict[str, Any]:
            raise forms.ValidationError("两项不一致")

    root = draw("{{ form|crispy }}{{ form|as_crispy_errors }}", form=Pair({"a": "1"}))
    assert [node.text_content() for node in root.xpath('//*[@class="portal-form-errors"]')] == ["错误：两项不一致"] * 2


def test_the_summary_links_to_each_control() -> None:
    """UX-R7, UX-E7: one link per error, to the very control: first radio, wrong date box, checkbox, file."""
    form = EveryKind({"day_year": "2025", "day_month": "2", "day_day": "30"})
    root = draw("{% error_summary form %}{{ form|crispy }}", form=form)
    links = root.xpath('//*[@id="error-summary"]//a')
    targets = [link.get("href").removeprefix("#") for link in links]
    assert targets == ["id_name", "id_day_2", "id_kind_0", "id_ways_0", "id_town", "id_photo", "id_true"]
    for target in targets:
        by_id(root, target)
    assert links[2].text == "请选择：类别"
    assert by_id(root, "error-summary").get("tabindex") == "-1"


def test_there_is_no_summary_without_errors() -> None:
    """UX-R7: an empty or correct form shows none."""
    assert error_summary(EveryKind())["errors"] == []
    assert draw("{% error_summary form %}", form=EveryKind()).text_content().strip() == ""


def test_english_readers_get_english() -> None:
    """UX-R21: no Chinese word of the pack on an English page."""
    with translation.override("en"):
        root = draw("{% error_summary form %}{{ form.day|as_crispy_field }}", form=EveryKind({"day_year": ""}))
        assert "Error: Enter the date" in root.text_content()
        assert [label.text for label in by_id(root, "id_day").xpath(".//label")] == ["Year", "Month", "Day"]


def test_no_inline_code_is_drawn(refused: html.HtmlElement) -> None:
    """UX-E6: no style, script or event attribute anywhere."""
    attributes = {name for node in refused.iter() for name in node.attrib}
    assert not [name for name in attributes if name == "style" or name.startswith("on")]
    assert refused.xpath("//script|//style") == []
