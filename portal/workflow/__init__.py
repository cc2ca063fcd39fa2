"""The state machine: one declaration drives button, permission, click, sweep, timeline, diagram and tests.

An app declares its states, its subject and its timeline, then the workflow:

    # enrollment/models/applications.py
    class ApplicationQuerySet(SubjectQuerySet): ...          # overrides visible_to(actor)

    class Application(Subject):
        policy = models.ForeignKey(PolicySnapshot, models.PROTECT)   # the machine looks for `policy_id`
        objects = ApplicationQuerySet.as_manager()

        class Meta(Subject.Meta):
            indexes = [*Subject.Meta.indexes, ...]
            constraints = [*state_constraints(State, due_in=[State.DRAFT, ...]), ...]

    class ApplicationTimelineEntry(TimelineEntryBase):
        subject = models.ForeignKey(Application, models.PROTECT, related_name="timeline", db_index=False)

        class Meta(TimelineEntryBase.Meta):
            pass

    # enrollment/migrations/0002_append_only.py: operations = [AppendOnly("enrollment_applicationtimelineentry")]

    # enrollment/workflow.py (found by itself when the app is installed)
    class EnrollmentWorkflow(Workflow):
        name = "enrollment"                   # stored in notes, clock rows and seals: never renamed
        model, timeline, states, initial = Application, ApplicationTimelineEntry, State, State.DRAFT
        deadlines = {                          # the worker moves these when due; needs an on_deadline way out
            State.DRAFT: after_calendar_days("draft_calendar"),
            State.SUBMITTED: at_once(),
            State.UNDER_REVIEW: by_clock("review"),
            State.CORRECTION_REQUIRED: after_workdays("correction"),
        }
        targets = {State.ESCALATED: after_workdays("escalated")}      # shown and reminded about, moved by nobody
        reminders = {State.UNDER_REVIEW: before_due(hours=24), State.ESCALATED: when_overdue(every_days=1)}
        clocks = [Clock(
            kind="review", days=review_days, columns=("office__kind",), start_on="submitted_at",
            runs_in={State.UNDER_REVIEW}, pauses_in={State.CORRECTION_REQUIRED},
        )]                                     # review_days(facts) -> f"review.{facts['office__kind']}", a policy key

        approve = Transition(
            sources={State.UNDER_REVIEW, State.ESCALATED}, target=State.APPROVED, roles={Role.CLERK}, decision=True,
            requires=[Requirement(holds=Q(papers_seen=True), otherwise=_("Tick the materials you have seen."))],
            label=_("Approve"), story=_("%(actor)s approved the application."))
        escalate = Transition(
            sources={State.UNDER_REVIEW}, target=State.ESCALATED, on_deadline=True,
            label=_("Hand up to the county centre"), story=_("The time limit passed; the county centre has it now."))
        remind = Transition(sources={State.UNDER_REVIEW}, on_reminder=True, internal=True, label=..., story=...)

Using it:

    EnrollmentWorkflow.begin(application, actor)                      first state, due date, first timeline entry
    EnrollmentWorkflow.approve.fire(application, actor, version, note="", codes=None, changes={"decided_on": day})
    EnrollmentWorkflow.lapse.move(queryset_or_pks, SYSTEM) -> [pk]     set-based; rows that may not move are left alone
    EnrollmentWorkflow.options(application, actor) -> [Option(transition, unmet, available)]
    EnrollmentWorkflow.approve.movable().filter(...)                   the one rule behind button, click and sweep
    EnrollmentWorkflow.approve.reactions.append(issue_premium_notice)  in AppConfig.ready(); reaction(batch: Batch)
    Application.objects.edited(pk, version, **changes) -> bool         an edit of reviewable data raises the version
    clocks.usages("enrollment", application.pk)["review"]              Usage(used=2, days=3, due_on=..., paused, ...)
    application.timeline.all()                                         the entries
    {% load workflow %}{% workflow_timeline application %}             the entries as sentences, the present state last
    {% workflow_options application url %}                             a form with the buttons, and what is missing

`fire` raises `WrongRole` and `ConflictOfInterest` (403), `NotAvailable` and `Unmet` (409, `views.conflict_page`).
`version=None` is for callers without a page. A reaction gets the batch (`pks`, `entries`, `actor`, `at`,
`subjects()`), works set-based in the same transaction and must be safe to run again later. An exception in it vetoes
what a person fired; on facts (`fact=True`, deadlines, reminders, SYSTEM) it is undone alone and becomes a
`ReactionFailure` that is retried. Reminders keep `due_at` and `state_since`.

Deadlines and clocks see `Facts`: `facts["column"]` for the declared columns, `facts.policy`, `facts.on`, `facts.at`,
`facts.clocks[kind]`.
"""
