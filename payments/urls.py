"""Addresses of notices, of the cashier's desk and of the demo's bank counter."""

from django.urls import path

from payments.views import counter, desk, notices

app_name = "payments"

urlpatterns = [
    path("notices/", notices.mine, name="notices"),
    path("notices/<uuid:pk>/", notices.notice, name="notice"),
    path("notices/<uuid:pk>/<slug:form>/", notices.paper, name="paper"),
    path("desk/payments/", desk.desk, name="desk"),
    path("desk/payments/<uuid:pk>/", desk.desk_notice, name="desk_notice"),
    path("desk/payments/<uuid:pk>/propose-refund/", desk.propose_refund, name="propose_refund"),
    path("desk/payments/<uuid:pk>/confirm-refund/", desk.confirm_refund, name="confirm_refund"),
    path("demo/bank/", counter.counter, name="counter"),
    path("demo/bank/proof/<str:token>/", counter.proof, name="counter_proof"),
]
