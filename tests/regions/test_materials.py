"""The papers solver, by truth tables over the fixtures."""

import itertools
from collections.abc import Callable
from typing import Any

import pytest

from portal.regions import materials
from portal.regions.materials import CONDITIONAL, REQUIRED, WAIVED
from portal.regions.policy import Policy, PolicyGap

pytestmark = pytest.mark.django_db

GUILIN, ZHONGSHAN, NANCHANG = "450300", "442000", "360100"
ADULT = {"has_id_card": True, "photo_on_file": True, "lives_at_hukou": True}


def codes(policy: Policy, scenario: str, facts: dict[str, Any]) -> dict[str, str]:
    return {rule.code: rule.level for rule in policy.materials(scenario, facts)}


def test_identity_card_or_household_register_is_enough_in_guilin(policy_of: Callable[[str], Policy]) -> None:
    """S1-03, N15: either paper answers the one entry."""
    rules = policy_of(GUILIN).materials("new_adult", ADULT)
    entries = [{rule.code for rule in entry} for entry in materials.groups(rules)]
    assert entries == [{"ID_CARD", "HOUSEHOLD_REGISTER"}, {"ENROLMENT_FORM"}]
    for presented in ("ID_CARD", "HOUSEHOLD_REGISTER"):
        assert not materials.outstanding(rules, {presented, "ENROLMENT_FORM"})
    assert [len(entry) for entry in materials.outstanding(rules, {"ENROLMENT_FORM"})] == [2]


def test_assisted_people_in_guilin_prove_who_they_are_with_either_paper_too(
    policy_of: Callable[[str], Policy],
) -> None:
    """S1-03: whoever applies; the certificate comes on top."""
    rules = policy_of(GUILIN).materials("assisted", {**ADULT, "category": "DIBAO"})
    entries = [{rule.code for rule in entry} for entry in materials.groups(rules)]
    assert entries == [{"ID_CARD", "HOUSEHOLD_REGISTER"}, {"ENROLMENT_FORM"}, {"ASSISTANCE_CERTIFICATE"}]


def test_register_becomes_necessary_without_identity_card(policy_of: Callable[[str], Policy]) -> None:
    """S1-03: a choice of one is no choice."""
    rules = policy_of(GUILIN).materials("new_adult", {**ADULT, "has_id_card": False})
    register = next(rule for rule in rules if rule.code == "HOUSEHOLD_REGISTER")
    assert (register.level, register.alternatives) == (REQUIRED, "")
    assert "ID_CARD" not in {rule.code for rule in rules}


def test_papers_differ_by_region(policy_of: Callable[[str], Policy]) -> None:
    """S0-04, A3: Zhongshan wants a bank account from newcomers, Guilin a bank form for the card."""
    facts = {"photo_on_file": True, "local": False}
    assert "BANK_ACCOUNT" in codes(policy_of(ZHONGSHAN), "non_local", facts)
    assert "BANK_ACCOUNT" not in codes(policy_of(GUILIN), "non_local", facts)
    assert "BANK_FORM" in codes(policy_of(GUILIN), "first_card", {})
    assert "PHOTO_RECEIPT" not in codes(policy_of(GUILIN), "first_card", {"police_photo": False})


def test_base_materials_are_named(policy_of: Callable[[str], Policy]) -> None:
    """S0-03: identity card, household register, recent photo."""
    found = codes(policy_of(NANCHANG), "new_adult", {"has_id_card": True, "photo_on_file": False})
    assert found["ID_CARD"] == found["HOUSEHOLD_REGISTER"] == found["PHOTO"] == REQUIRED


def test_paper_answered_by_data_sharing_is_waived_with_its_source(policy_of: Callable[[str], Policy]) -> None:
    """N15, UX-R11: what another authority has answered is not asked for again."""
    facts = {**ADULT, "shared": ["HOUSEHOLD_REGISTER"]}
    rules = policy_of(NANCHANG).materials("new_adult", facts)
    register = next(rule for rule in rules if rule.code == "HOUSEHOLD_REGISTER")
    assert register.level == WAIVED
    assert register.sharing_source == {"zh": "公安部门人口信息", "en": "police population register"}
    assert not materials.outstanding(rules, {"ID_CARD", "ENROLMENT_FORM"})


def test_sharing_does_not_waive_what_proves_identity_at_the_counter(policy_of: Callable[[str], Policy]) -> None:
    """S1-03: in Guilin the register stands for the identity card, so somebody must be shown one of them."""
    rules = policy_of(GUILIN).materials("new_adult", {**ADULT, "shared": ["HOUSEHOLD_REGISTER"]})
    assert materials.outstanding(rules, {"ENROLMENT_FORM"})


@pytest.mark.parametrize(("police_photo", "local", "has_id_card"), list(itertools.product([True, False], repeat=3)))
def test_photo_receipt_is_needed_exactly_without_photo_on_file(
    policy_of: Callable[[str], Policy], police_photo: bool, local: bool, has_id_card: bool
) -> None:
    """N15, S4-03, S4-04, S4-09, S4-10: a photo on file settles it, whoever applies."""
    facts = {"police_photo": police_photo, "local": local, "has_id_card": has_id_card}
    found = codes(policy_of(ZHONGSHAN), "first_card", facts)
    assert ("PHOTO_RECEIPT" in found) is not police_photo
    assert ("ID_CARD" in found) is has_id_card
    assert ("HOUSEHOLD_REGISTER" in found) is not has_id_card
    assert set(found.values()) == {REQUIRED}


def test_unknown_facts_leave_papers_conditional_with_words(policy_of: Callable[[str], Policy]) -> None:
    """A3: before sign-in the list says in which case a paper is needed."""
    rules = {rule.code: rule for rule in policy_of(ZHONGSHAN).materials("first_card")}
    assert rules["PHOTO_RECEIPT"].level == CONDITIONAL
    assert rules["PHOTO_RECEIPT"].condition["zh"]
    assert "AGENT_ID" not in rules


@pytest.mark.parametrize(("agent", "has_id_card"), list(itertools.product([True, False], repeat=2)))
def test_agent_shows_an_identity_card_at_collection(
    policy_of: Callable[[str], Policy], agent: bool, has_id_card: bool
) -> None:
    """S4-23, S4-24, N15: without an identity card the register and the agent's card are shown."""
    found = codes(
        policy_of(ZHONGSHAN), "card_pickup", {"agent": agent, "has_id_card": has_id_card, "photo_on_file": True}
    )
    assert ("AGENT_ID" in found) is (agent or not has_id_card)
    assert ("HOUSEHOLD_REGISTER" in found) is not has_id_card
    assert "CARD_APPLICATION_FORM" in found


@pytest.mark.parametrize("costs", [True, False])
@pytest.mark.parametrize("dependants", [True, False])
def test_pooled_fund_asks_for_five_kinds_with_alternatives(
    policy_of: Callable[[str], Policy], dependants: bool, costs: bool
) -> None:
    """S3-04 to S3-08, C1: one of each pair is enough; spouse, children and costs only where they apply."""
    rules = policy_of(GUILIN).materials("coordination", {"dependants": dependants, "medical_costs": costs})
    entries = [sorted(rule.code for rule in entry) for entry in materials.groups(rules)]
    assert ["HOUSEHOLD_REGISTER", "RESIDENCE_PROOF"] in entries
    assert ["EMPLOYMENT_PROOF", "LABOUR_CONTRACT"] in entries
    assert ["INSURANCE_PROOF", "SOCIAL_SECURITY_CARD"] in entries
    assert (["SPOUSE_CHILDREN_ID"] in entries) is dependants
    assert (["OUTPATIENT_RECORDS"] in entries) is costs
    presented = {"ID_CARD", "RESIDENCE_PROOF", "LABOUR_CONTRACT", "SOCIAL_SECURITY_CARD"}
    assert len(materials.outstanding(rules, presented)) == int(dependants) + 2 * int(costs)


SCENARIOS: list[tuple[str, dict[str, Any], str]] = [
    (
        "minor",
        {"has_id_card": False, "photo_on_file": True, "register_shows_relation": True},
        "HOUSEHOLD_REGISTER GUARDIAN_ID ENROLMENT_FORM",
    ),
    (
        "minor",
        {"has_id_card": True, "photo_on_file": False, "register_shows_relation": False},
        "ID_CARD HOUSEHOLD_REGISTER BIRTH_CERTIFICATE GUARDIAN_ID PHOTO ENROLMENT_FORM",
    ),
    (
        "newborn",
        {"in_register": False},
        "BIRTH_CERTIFICATE GUARDIAN_ID ENROLMENT_FORM",
    ),
    (
        "newborn",
        {"in_register": True},
        "HOUSEHOLD_REGISTER BIRTH_CERTIFICATE GUARDIAN_ID ENROLMENT_FORM",
    ),
    (
        "non_local",
        {"photo_on_file": True},
        "ID_CARD RESIDENCE_PERMIT ENROLMENT_FORM",
    ),
    (
        "hmt",
        {"photo_on_file": True},
        "HMT_PERMIT ENROLMENT_FORM",
    ),
    (
        "student",
        {"photo_on_file": True, "listed_by_school": True},
        "ID_CARD SCHOOL_LIST",
    ),
    (
        "student",
        {"photo_on_file": True, "listed_by_school": False},
        "ID_CARD SCHOOL_LIST STUDENT_PROOF",
    ),
    (
        "assisted",
        {"has_id_card": True, "photo_on_file": True},
        "ID_CARD HOUSEHOLD_REGISTER ENROLMENT_FORM ASSISTANCE_CERTIFICATE",
    ),
    (
        "agent",
        {},
        "ID_CARD AGENT_ID POWER_OF_ATTORNEY ENROLMENT_FORM",
    ),
    (
        "new_adult",
        {**ADULT, "agent": True},
        "ID_CARD HOUSEHOLD_REGISTER AGENT_ID POWER_OF_ATTORNEY ENROLMENT_FORM",
    ),
    (
        "replacement",
        {"police_photo": True, "has_id_card": True, "age": 40, "fee_due": True},
        "ID_CARD CARD_APPLICATION_FORM PAID_NOTICE FORMAL_LOSS",
    ),
    (
        "replacement",
        {"police_photo": True, "has_id_card": True, "age": 15, "fee_due": False},
        "ID_CARD GUARDIAN_ID CARD_APPLICATION_FORM FORMAL_LOSS",
    ),
    (
        "exchange",
        {"has_id_card": True, "age": 40, "photo_on_file": True},
        "ID_CARD CARD_APPLICATION_FORM OLD_CARD",
    ),
    (
        "pin_reset",
        {"agent": True},
        "ID_CARD AGENT_ID POWER_OF_ATTORNEY SOCIAL_SECURITY_CARD",
    ),
]


@pytest.mark.parametrize(("scenario", "facts", "expected"), SCENARIOS)
def test_scenario_lists_exactly_these_papers(
    policy_of: Callable[[str], Policy], scenario: str, facts: dict[str, Any], expected: str
) -> None:
    """N15, A10: the table of scenarios (DOMAIN §8) for a region without rules of its own."""
    assert [rule.code for rule in policy_of(NANCHANG).materials(scenario, facts)] == expected.split()


def test_every_paper_is_bilingual_and_has_a_legal_basis(policy_of: Callable[[str], Policy]) -> None:
    """S0-03: materials beyond identity need a basis in law."""
    for code in (GUILIN, ZHONGSHAN, NANCHANG):
        policy = policy_of(code)
        for scenario in policy.scenarios():
            for rule in policy.materials(scenario):
                assert rule.name["zh"], rule
                assert rule.name["en"], rule
                assert rule.legal_basis["zh"], rule
                assert rule.level != CONDITIONAL or rule.condition["en"], rule


def test_unknown_scenario_is_a_named_gap(policy_of: Callable[[str], Policy]) -> None:
    with pytest.raises(PolicyGap, match="wedding"):
        policy_of(GUILIN).materials("wedding")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"age": 40, "local": True}, "new_adult"),
        ({"age": 16, "local": True}, "new_adult"),
        ({"age": 15, "local": True}, "minor"),
        ({"age": 15, "category": "ORPHAN"}, "minor"),
        ({"age": 0, "newborn": True}, "newborn"),
        ({"age": 40, "local": False}, "non_local"),
        ({"age": 40, "hmt": True, "local": False}, "hmt"),
        ({"age": 20, "student": True, "local": False}, "student"),
        ({"age": 50, "category": "DIBAO", "local": True}, "assisted"),
    ],
)
def test_facts_lead_to_a_scenario(facts: dict[str, Any], expected: str) -> None:
    """N15: facts and region give the list."""
    assert materials.scenario_for(facts) == expected


@pytest.mark.parametrize(
    ("condition", "facts", "expected"),
    [
        ({"a": 1}, {"a": 1}, True),
        ({"a": 1}, {"a": 2}, False),
        ({"a": 1}, {}, None),
        ({"a": [1, 2]}, {"a": 2}, True),
        ({"a": 1, "b": 1}, {"b": 2}, False),
        ({"a": 1, "b": 1}, {"b": 1}, None),
        ([{"a": 1}, {"b": 1}], {"b": 1}, True),
        ([{"a": 1}, {"b": 1}], {"b": 2}, None),
        ([{"a": 1}, {"b": 1}], {"a": 2, "b": 2}, False),
        ({"a": {"below": 16}}, {"a": 15}, True),
        ({"a": {"below": 16}}, {"a": 16}, False),
        ({"a": {"from": 16, "below": 18}}, {"a": 18}, False),
        ({"a": {"below": 16}}, {"a": None}, False),
    ],
)
def test_conditions_know_yes_no_and_unknown(condition: Any, facts: dict[str, Any], expected: bool | None) -> None:
    assert materials.holds(condition, facts) is expected
