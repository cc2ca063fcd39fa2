"""Settings of the portal, read from the environment.

With nothing set the portal is a demo on SQLite and the embedded file broker; `DATABASE_URL` and `REDIS_URL` give
PostgreSQL and Redis. `CANBAO_DEMO=0` makes it a production portal: then every key and host name must be given, and
HTTPS is required.
"""

from pathlib import Path
from typing import Any

import environ
from celery.schedules import crontab
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _
from kombu import Queue

from portal.keys import demo_keys

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.FileAwareEnv()  # `SECRET_KEY_FILE=/run/secrets/...` works for every value

DEMO = env.bool("CANBAO_DEMO", default=True)
DEBUG = env.bool("CANBAO_DEBUG", default=False)
VAR_DIR = Path(env.str("CANBAO_VAR_DIR", default=str(BASE_DIR / "var"))).resolve()

# Keys and hosts

REQUIRED_IN_PRODUCTION = ["SECRET_KEY", "FIELD_KEYS", "INDEX_KEY", "ALLOWED_HOSTS"]
_missing = [name for name in REQUIRED_IN_PRODUCTION if not env.str(name, default="")]
if not DEMO and _missing:
    raise ImproperlyConfigured(
        f"A production portal (CANBAO_DEMO=0) needs these variables: {', '.join(_missing)}. See README.md."
    )
_keys = demo_keys(VAR_DIR) if _missing else {}

SECRET_KEY = env.str("SECRET_KEY", default=_keys.get("SECRET_KEY", ""))
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
FIELD_KEYS = env.list("FIELD_KEYS", default=[_keys.get("FIELD_KEYS", "")])
INDEX_KEY = env.str("INDEX_KEY", default=_keys.get("INDEX_KEY", ""))
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

# Apps and middleware

INSTALLED_APPS = [
    "portal.crypto",
    "portal.limits",
    "portal.audit",
    "portal.jobs",
    "portal.regions",
    "portal.people",
    "portal.design",
    "portal.outbox",
    "portal.documents",
    "portal.workflow",
    "payments",
    "enrollment",
    "cards",
    "portal.help",
    "portal.demo",
    "portal.people.admin_config.PortalAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "crispy_forms",
    "csp",
    "allauth.account",
    "allauth.mfa",
]

MIDDLEWARE = [
    "portal.logs.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "portal.headers.PolicyMiddleware",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "portal.headers.NulMiddleware",
    "portal.headers.NoStoreMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "portal.people.middleware.ActorMiddleware",
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "portal.limits.middleware.RateLimitMiddleware",
    "portal.workflow.middleware.RefusalMiddleware",
    "portal.design.unsaved.KeepTypedMiddleware",
    "portal.errors.MethodMiddleware",
]

ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.i18n",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "portal.design.context.page",
            ],
            "builtins": ["portal.design.templatetags.design"],
        },
    },
]

# Databases

STATEMENT_SECONDS = env.int("CANBAO_STATEMENT_SECONDS", default=10)  # workers get 60, migrations 0 (no limit)

# PostgreSQL keeps often used statements in a connection; 0 behind a pooler that lends connections out by transaction.
DATABASE_PREPARES = env.bool("CANBAO_DATABASE_PREPARES", default=True)

DATABASES: dict[str, dict[str, Any]] = {"default": {}}
if env.str("DATABASE_URL", default=""):
    DATABASES["default"] = env.db("DATABASE_URL")
    if DATABASES["default"]["ENGINE"] == "django.db.backends.postgresql":
        DATABASES["default"]["ENGINE"] = "portal.postgresql"
    DATABASES["default"].update(
        CONN_MAX_AGE=None,
        CONN_HEALTH_CHECKS=True,  # without them the first request of each process fails after a restart of PostgreSQL
    )
    DATABASES["default"].setdefault("OPTIONS", {}).update(
        connect_timeout=3,
        options=(
            f"-c statement_timeout={STATEMENT_SECONDS * 1000} -c lock_timeout=5000"
            " -c idle_in_transaction_session_timeout=30000"
        ),
    )
else:
    DATABASES["default"] = {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": VAR_DIR / "canbao.sqlite3",
        "CONN_MAX_AGE": None,
        "ATOMIC_REQUESTS": False,  # a read inside `atomic()` takes the one write lock
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;",
        },
        "TEST": {"NAME": VAR_DIR / "test.sqlite3"},
    }

# Celery: messages are nudges, rows are the truth. Each queue has a worker process of its own.

CELERY_TASK_QUEUES = [Queue("sweep"), Queue("outbox"), Queue("papers")]
CELERY_TASK_DEFAULT_QUEUE = "papers"
CELERY_TASK_CREATE_MISSING_QUEUES = False
CELERY_TASK_ROUTES = {
    "portal.workflow.tasks.*": {"queue": "sweep"},
    "portal.audit.tasks.*": {"queue": "sweep"},
    "portal.tasks.*": {"queue": "sweep"},
    "portal.limits.tasks.*": {"queue": "sweep"},
    "portal.people.tasks.*": {"queue": "sweep"},
    "enrollment.tasks.*": {"queue": "sweep"},
    "portal.outbox.tasks.*": {"queue": "outbox"},
    "payments.tasks.ask_silent_orders": {"queue": "outbox"},
    "payments.tasks.send_payouts": {"queue": "outbox"},
    "payments.tasks.erase_statement_files": {"queue": "papers"},
    "payments.tasks.forget_old_callbacks": {"queue": "outbox"},
}
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = False  # a task that kills its worker would loop; the sweep finds the row again
CELERY_TASK_ACKS_ON_FAILURE = True
CELERY_TASK_ACKS_ON_TIMEOUT = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SOFT_TIME_LIMIT = 60
CELERY_TASK_TIME_LIMIT = 90
CELERY_TASK_PUBLISH_RETRY = True
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0, "interval_step": 0.2, "interval_max": 0.2}
CELERY_RESULT_BACKEND = None
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_MAX_TASKS_PER_CHILD = 500
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 400_000  # KiB
CELERY_WORKER_SOFT_SHUTDOWN_TIMEOUT = 20
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_SEND_TASK_EVENTS = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TIMEZONE = "Asia/Shanghai"
CELERY_ENABLE_UTC = True
CELERY_BEAT_MAX_LOOP_INTERVAL = 5
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "beat-schedule")
CELERY_BEAT_SCHEDULE: dict[str, dict[str, Any]] = {
    "sweep": {
        "task": "portal.workflow.tasks.sweep",
        "schedule": 10,
        "options": {"queue": "sweep", "expires": 10},
    },
    "drain": {
        "task": "portal.outbox.tasks.drain",
        "schedule": 5,
        "options": {"queue": "outbox", "expires": 5},
    },
    "seal": {
        "task": "portal.audit.tasks.seal",
        "schedule": 30,
        "options": {"queue": "sweep", "expires": 30},
    },
    "run-stalled": {
        "task": "portal.jobs.tasks.run_stalled",
        "schedule": 30,
        "options": {"queue": "papers", "expires": 30},
    },
    "scan-held-uploads": {
        "task": "portal.documents.tasks.scan_held",
        "schedule": 60,
        "options": {"queue": "papers", "expires": 60},
    },
    "erase-removed-pictures": {
        "task": "enrollment.tasks.erase_removed_pictures",
        "schedule": 300,
        "options": {"queue": "sweep", "expires": 300},
    },
    "erase-old-pictures": {
        "task": "enrollment.tasks.erase_old_pictures",
        "schedule": crontab(hour=3, minute=25),
        "options": {"queue": "sweep", "expires": 3600},
    },
    "erase-old-walk-ins": {
        "task": "enrollment.tasks.erase_old_walk_ins",
        "schedule": crontab(hour=3, minute=20),
        "options": {"queue": "sweep", "expires": 3600},
    },
    "price-held": {
        "task": "enrollment.tasks.price_held",
        "schedule": 300,
        "options": {"queue": "sweep", "expires": 300},
    },
    "coordination-months": {
        "task": "enrollment.tasks.coordination_months",
        "schedule": crontab(hour=7, minute=30),
        "options": {"queue": "sweep", "expires": 3600},
    },
    "forget-old-codes": {
        "task": "portal.people.tasks.forget_old_codes",
        "schedule": 3600,
        "options": {"queue": "sweep", "expires": 3600},
    },
    "erase-orphan-files": {
        "task": "portal.documents.tasks.sweep_orphans",
        "schedule": crontab(hour=2, minute=50),
        "options": {"queue": "papers", "expires": 3600},
    },
    "erase-old-messages": {
        "task": "portal.outbox.tasks.erase_old",
        "schedule": crontab(hour=3, minute=0),
        "options": {"queue": "outbox", "expires": 3600},
    },
    "erase-old-jobs": {
        "task": "portal.jobs.tasks.erase_old",
        "schedule": crontab(hour=3, minute=10),
        "options": {"queue": "papers", "expires": 3600},
    },
    "erase-rosters": {
        "task": "enrollment.tasks.erase_rosters",
        "schedule": crontab(hour=3, minute=15),
        "options": {"queue": "papers", "expires": 3600},
    },
    "remind-held-cash": {
        "task": "payments.tasks.remind_held_cash",
        "schedule": crontab(hour=9, minute=5),
        "options": {"queue": "outbox", "expires": 3600},
    },
    "forget-idle-buckets": {
        "task": "portal.limits.tasks.forget_idle_buckets",
        "schedule": crontab(hour=3, minute=20),
        "options": {"queue": "sweep", "expires": 3600},
    },
    "ask-silent-orders": {
        "task": "payments.tasks.ask_silent_orders",
        "schedule": 60,
        "options": {"queue": "outbox", "expires": 60},
    },
    "send-payouts": {
        "task": "payments.tasks.send_payouts",
        "schedule": 30,
        "options": {"queue": "outbox", "expires": 30},
    },
    "erase-statement-files": {
        "task": "payments.tasks.erase_statement_files",
        "schedule": crontab(hour=2, minute=20),
        "options": {"queue": "papers", "expires": 3600},
    },
    "forget-old-callbacks": {
        "task": "payments.tasks.forget_old_callbacks",
        "schedule": crontab(hour=3, minute=40),
        "options": {"queue": "outbox", "expires": 3600},
    },
    "clean-up": {
        "task": "portal.tasks.clean_up",
        "schedule": crontab(hour=3, minute=30),
        "options": {"queue": "sweep", "expires": 3600},
    },
}

if env.str("REDIS_URL", default=""):
    CELERY_BROKER_URL = env.str("REDIS_URL")
    CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {
        "visibility_timeout": 900,
        "socket_timeout": 2,
        "socket_connect_timeout": 2,
        "socket_keepalive": True,
        "health_check_interval": 25,
        "unacked_restore_interval": 10,
        "unacked_restore_throttle": 1,
        "global_keyprefix": "canbao:",
        # A dead Redis answers a nudge at once instead of after six seconds.
        "max_retries": 1,
        "interval_start": 0,
        "interval_step": 0,
        "interval_max": 0,
    }
else:
    CELERY_BROKER_URL = "canbao-files://localhost"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "queues_folder": str(VAR_DIR / "broker" / "queues"),
        "claimed_folder": str(VAR_DIR / "broker" / "claimed"),
        "polling_interval": 0.3,
    }
    CELERY_WORKER_ENABLE_REMOTE_CONTROL = False

# Accounts and sessions

AUTH_USER_MODEL = "people.User"
AUTHENTICATION_BACKENDS = ["portal.people.backends.PeopleBackend"]
LOGIN_URL = "people:sign_in"
LOGIN_REDIRECT_URL = "/"
STAFF_HOME_URL = "/desk/"
SIGN_IN_FLOOR_SECONDS = 0.4  # known or unknown, right or wrong: the answer takes this long (REL §4.2)
SIGN_IN_CODES_PER_HOUR = env.int(
    "CANBAO_SIGN_IN_CODES_PER_HOUR", default=5000
)  # what the whole site may spend on codes
SECOND_FACTOR_REQUIRED = not DEMO  # without one, staff reach the page that sets it up and nothing else
MFA_ADAPTER = "portal.people.second_factor.SealingAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Canbao"
MFA_TOTP_TOLERANCE = 1  # the code before and the one after count too: typing takes time and telephones go wrong
ACCOUNT_USER_MODEL_EMAIL_FIELD = None
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
PASSWORD_HASHERS = ["portal.hashers.Argon2idHasher", "django.contrib.auth.hashers.PBKDF2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
SESSION_ENGINE = "portal.people.session_store"
SESSION_SERIALIZER = "django.contrib.sessions.serializers.JSONSerializer"
SESSION_COOKIE_NAME = "sid" if DEMO else "__Host-sid"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = 8 * 3600
SESSION_EXPIRE_AT_BROWSER_CLOSE = True
CSRF_COOKIE_NAME = "csrf" if DEMO else "__Host-csrf"
CSRF_COOKIE_HTTPONLY = True
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "portal.errors.csrf_failure"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# Transport and headers. A demo is reached over plain HTTP on one machine; production is HTTPS only.

SESSION_COOKIE_SECURE = not DEMO
CSRF_COOKIE_SECURE = not DEMO
SECURE_SSL_REDIRECT = not DEMO
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$"]  # asked from inside, without TLS
SECURE_HSTS_SECONDS = 0 if DEMO else 31_536_000
SECURE_HSTS_INCLUDE_SUBDOMAINS = not DEMO
SECURE_HSTS_PRELOAD = not DEMO
BEHIND_PROXY = env.bool("CANBAO_BEHIND_PROXY", default=False)  # only where the proxy overwrites both forwarding headers
if BEHIND_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "font-src": ["'self'"],
        "connect-src": ["'self'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
        "base-uri": ["'none'"],
        "object-src": ["'none'"],
    },
}
PERMISSIONS_POLICY: dict[str, list[str]] = {
    "accelerometer": [],
    "camera": ["self"],
    "display-capture": [],
    "geolocation": [],
    "gyroscope": [],
    "magnetometer": [],
    "microphone": [],
    "midi": [],
    "payment": [],
    "usb": [],
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000
DATA_UPLOAD_MAX_NUMBER_FILES = 20
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_HANDLERS = [
    "portal.documents.handlers.BoundedUploadHandler",
    "django.core.files.uploadhandler.MemoryFileUploadHandler",
    "django.core.files.uploadhandler.TemporaryFileUploadHandler",
]
CLAMD_ADDRESS = env.str("CLAMD_ADDRESS", default="")
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700

# Language and time

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("Simplified Chinese")), ("en", _("English"))]
LOCALE_PATHS = [BASE_DIR / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "Asia/Shanghai"

# Files

STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_ROOT = VAR_DIR / "media"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}

CRISPY_ALLOWED_TEMPLATE_PACKS = "portal"
CRISPY_TEMPLATE_PACK = "portal"

# Messages to people

SMS_PROVIDER = env.str("SMS_PROVIDER", default="demo" if DEMO else "http")
SMS_GATEWAY_URL = env.str("SMS_GATEWAY_URL", default="")
SMS_GATEWAY_TOKEN = env.str("SMS_GATEWAY_TOKEN", default="")
SMS_GATEWAY_DEDUPES = env.bool("SMS_GATEWAY_DEDUPES", default=False)

# The address in QR codes on paper
PUBLIC_URL = env.str("CANBAO_PUBLIC_URL", default="http://localhost:8000")

# Online payment. A channel is offered where all its keys are given (`..._FILE` reads one from a file); a demo without
# any pays at its own sandbox bank.

WECHATPAY: dict[str, Any] = {
    "mchid": env.str("WECHATPAY_MCHID", default=""),
    "appid": env.str("WECHATPAY_APPID", default=""),
    "apiv3_key": env.str("WECHATPAY_APIV3_KEY", default=""),
    "merchant_key": env.str("WECHATPAY_MERCHANT_KEY", default="", multiline=True),
    "merchant_serial": env.str("WECHATPAY_MERCHANT_SERIAL", default=""),
    # The second pair serves while the platform changes its key.
    "platform_keys": tuple(
        (env.str(f"{name}_SERIAL"), env.str(f"{name}_KEY", multiline=True))
        for name in ("WECHATPAY_PLATFORM", "WECHATPAY_NEXT_PLATFORM")
        if env.str(f"{name}_SERIAL", default="") and env.str(f"{name}_KEY", default="")
    ),
    "address": env.str("WECHATPAY_ADDRESS", default=""),
}
ALIPAY: dict[str, Any] = {
    "app_id": env.str("ALIPAY_APP_ID", default=""),
    "seller_id": env.str("ALIPAY_SELLER_ID", default=""),
    "app_key": env.str("ALIPAY_APP_KEY", default="", multiline=True),
    "public_key": env.str("ALIPAY_PUBLIC_KEY", default="", multiline=True),
    "address": env.str("ALIPAY_ADDRESS", default=""),
}
SANDBOX_BANK_URL = env.str("CANBAO_SANDBOX_BANK_URL", default=PUBLIC_URL)  # where a demo finds its bank
CALLBACK_URL = env.str("CANBAO_CALLBACK_URL", default=PUBLIC_URL)  # where payment channels reach this portal

# Logs: one JSON object per line, without identity or telephone numbers

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "portal.logs.JsonFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": env.str("CANBAO_LOG_LEVEL", default="INFO")},
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.server": {"handlers": [], "level": "WARNING", "propagate": True},
        "celery.app.trace": {"level": "WARNING"},  # a line for every tick that succeeds
        "celery.worker.strategy": {"level": "WARNING"},
        "fontTools": {"level": "WARNING"},
        "weasyprint": {"level": "ERROR"},
    },
}
