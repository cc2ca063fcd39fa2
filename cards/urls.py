"""Addresses of the card: public, holders, desk."""

from django.urls import path

from cards.views import counter, desk, production, public, resident

app_name = "cards"
urlpatterns = [
    path("cards/", public.about, name="about"),
    path("cards/window/", public.entry, name="entry"),
    path("cards/services/<slug:kind>/", public.service, name="service"),
    path("cards/apply/", resident.start, name="start"),
    path("cards/mine/", resident.mine, name="mine"),
    path("cards/applications/<uuid:pk>/", resident.show, name="application"),
    path("cards/applications/<uuid:pk>/personal/", resident.personal, name="personal"),
    path("cards/applications/<uuid:pk>/check/", resident.check, name="check"),
    path("cards/applications/<uuid:pk>/form/", resident.form_step, name="form"),
    path("cards/applications/<uuid:pk>/form/<slug:fmt>/", resident.form_paper, name="form_paper"),
    path("cards/applications/<uuid:pk>/pay/", resident.pay_step, name="pay"),
    path("cards/applications/<uuid:pk>/correct/", resident.correct, name="correct"),
    path("cards/applications/<uuid:pk>/withdraw/", resident.withdraw, name="withdraw"),
    path("cards/applications/<uuid:pk>/agent-code/", resident.agent_code, name="agent_code"),
    path("cards/card/<uuid:pk>/", resident.card, name="card"),
    path("cards/card/<uuid:pk>/activate/", resident.activate, name="activate"),
    path("cards/card/<uuid:pk>/loss/", resident.loss, name="loss"),
    path("desk/cards/", desk.queue, name="queue"),
    path("desk/cards/applications/<uuid:pk>/", desk.review, name="review"),
    path("desk/cards/applications/<uuid:pk>/photo/", desk.photo, name="photo"),
    path("desk/cards/applications/<uuid:pk>/approve/", desk.approve, name="approve"),
    path("desk/cards/applications/<uuid:pk>/ask-correction/", desk.ask_correction, name="ask_correction"),
    path("desk/cards/applications/<uuid:pk>/reject/", desk.reject, name="reject"),
    path("desk/cards/applications/<uuid:pk>/hand-over/", counter.hand_over, name="hand_over"),
    path("desk/cards/applications/<uuid:pk>/turn-away/", counter.turn_away, name="turn_away"),
    path("desk/cards/production/", production.production, name="production"),
    path("desk/cards/production/make/", production.make_batch, name="make_batch"),
    path("desk/cards/production/report/", production.report, name="report"),
    path("desk/cards/production/<int:pk>/", production.batch, name="batch"),
    path("desk/cards/production/<int:pk>/file/", production.batch_file, name="batch_file"),
    path("desk/cards/production/<int:pk>/photos/", production.batch_pictures, name="batch_pictures"),
    path("desk/cards/pickup/", counter.pickup, name="pickup"),
    path("desk/cards/telephone/", counter.telephone, name="telephone"),
    path("desk/cards/card/<uuid:pk>/", counter.desk_card, name="desk_card"),
    path("desk/cards/card/<uuid:pk>/activate/", counter.activate_on_site, name="activate_on_site"),
    path("desk/cards/card/<uuid:pk>/<slug:name>/", counter.move_card, name="move_card"),
]
