"""Addresses of signing in and out, of the family, and of the counter."""

from django.urls import path

from portal.people.views import desk, family, residents, second_factor, sessions, staff

app_name = "people"

urlpatterns = [
    path("sign-in/", residents.sign_in, name="sign_in"),
    path("sign-in/code/", residents.sign_in_code, name="sign_in_code"),
    path("sign-out/", sessions.sign_out, name="sign_out"),
    path("sign-out/everywhere/", sessions.sign_out_everywhere, name="sign_out_everywhere"),
    path("signed-out/", sessions.signed_out, name="signed_out"),
    path("session/keep/", sessions.keep, name="keep"),
    path("staff/sign-in/", staff.sign_in, name="staff_sign_in"),
    path("staff/sign-out/", sessions.sign_out, name="staff_sign_out"),
    path("staff/role/", staff.role, name="staff_role"),
    path("staff/password/", staff.password, name="staff_password"),
    path("staff/second-factor/", second_factor.ask, name="second_factor"),
    path("staff/second-factor/set-up/", second_factor.set_up, name="second_factor_set_up"),
    path("staff/second-factor/codes/", second_factor.codes, name="second_factor_codes"),
    path("family/", family.family, name="family"),
    path("family/child/", family.child, name="child"),
    path("desk/people/", desk.find, name="desk_find"),
    path("desk/people/<uuid:pk>/", desk.person, name="desk_person"),
    path("desk/people/<uuid:pk>/identity/", desk.confirm_identity, name="desk_confirm_identity"),
    path("desk/people/<uuid:pk>/phone/", desk.bind_phone, name="desk_bind_phone"),
]
