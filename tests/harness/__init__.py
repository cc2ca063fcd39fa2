"""What tests use to start real services, processes and browsers.

Run on SQLite and the embedded broker:      pytest
Run on PostgreSQL and Redis of our own:     python tools/with_services.py -- pytest

Fixtures (tests/harness/fixtures.py, loaded for every test):

`live_portal`   a running portal with demo data (gunicorn, three workers, beat), shared by the journeys of a process
`fresh_portal`  a portal for one test alone, with regions, no people, not started: `fresh_portal.start("web", "sweep")`
`portals`       makes more of them: `with portals.portal(demo=True) as live: ...`; `cluster=` for a PostgreSQL to crash
`browser_page`  opens a Chromium page on `live_portal`: `page = browser_page(scripts=False, size=PHONE); page.goto("/")`
`pages`         the same for any address: `pages.open(base_url=fresh_portal.url)`; faults seen in a page fail the test
`axe`           `axe(page)` fails with what axe-core finds

A `LivePortal` has `url`, `orm()` (a context in which models read and write its database), `kill("sweep")`,
`start("sweep")`, `wait_until(condition, what=...)`, `manage("sweep")`, `status("/readyz")`, `redis`, `logs()`.
Do not combine these with the `db` fixture in one test: they have a database of their own.

Mark tests that use them `browser` or `processes`; mark `both_databases` what must hold on SQLite too (`make test` runs
those a second time there). `tests.harness.services` has `postgresql()`, `redis()` and `free_port()`; whatever is not
installed raises `ComponentMissing`, which fails the run.
"""
